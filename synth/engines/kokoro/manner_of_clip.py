"""What is learnt from a clip for speech of Kokoro: pace, pitch, pauses, level, and the colour of the sound."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from synth.audio.resample import resample
from synth.engines.base import ReferenceClip
from synth.engines.kokoro import reading
from synth.engines.kokoro.network import RATE_HZ, Network, Styles
from synth.engines.manner import Manner, Said
from synth.text.dictionary import NO_WORDS

Floats = npt.NDArray[np.float64]

#: The network speaks well at these; what is left is stretched.
SPEED_LIMITS = (0.6, 1.6)
#: Phones per second that a person can speak; a transcript that asks for more or less is not the clip's.
PLAUSIBLE_RATE = (3.0, 28.0)
MAX_CLIP_S = 45.0
#: Symbols of the transcript that the network speaks to learn its own habits.
_TRIAL_SYMBOLS = 110
_GENERIC = "The rain has stopped, and nobody will ever know what she wanted to say that evening."

#: The clip's colour is followed this far, in dB and as a share: more of it is the microphone's, not the voice's.
_MOST_DB, _SHARE = 6.0, 0.7
_BANDS, _LOW_HZ, _HIGH_HZ, _TAPS = 24, 100.0, 11_000.0, 257
_BELOW_TOP_DB = 45.0


@dataclass(frozen=True, eq=False)
class ClipManner:
    """``speed`` is what the network is asked for so that its pace is the clip's; ``taps`` colour its sound."""

    manner: Manner
    speed: float
    taps: Floats
    clip_phones: int
    warnings: tuple[str, ...] = ()


def learn(clip: ReferenceClip, network: Network, styles: Styles) -> ClipManner:
    """Hold the clip against what the network says with ``styles``: the clip's own words where they can be read.
    Deterministic; costs the rendering of a sentence."""
    samples = clip.samples[: int(MAX_CLIP_S * clip.sample_rate_hz)]
    lines, warnings = _lines_of(clip, len(samples) < len(clip.samples))
    phones = sum(line.phones for line in lines)
    heard = Said.of(samples, clip.sample_rate_hz, phones)
    if phones and not PLAUSIBLE_RATE[0] <= (heard.prosody.rate_per_s or 0) <= PLAUSIBLE_RATE[1]:
        warnings.append(
            "The transcript does not seem to match the clip: the pace is taken from the sound alone."
        )
        lines, phones = [], 0
        heard = Said.of(samples, clip.sample_rate_hz, 0)
    trial = _trial(lines)
    sound = network.say(trial.symbols, styles, 1.0)
    own = Said.of(sound, RATE_HZ, trial.phones)
    wanted, usual = heard.prosody, own.prosody
    if wanted.rate_per_s and usual.rate_per_s:
        ratio = wanted.rate_per_s / usual.rate_per_s
    elif wanted.syllables_per_s and usual.syllables_per_s:
        ratio = float(np.clip(wanted.syllables_per_s / usual.syllables_per_s, 0.7, 1.4))
    else:
        ratio = 1.0
    speed = float(np.clip(ratio, *SPEED_LIMITS))
    rate = usual.rate_per_s * ratio if usual.rate_per_s else None
    at_speed = replace(usual, rate_per_s=usual.rate_per_s * speed if usual.rate_per_s else None)
    taps = colour(samples, clip.sample_rate_hz, sound, RATE_HZ)
    return ClipManner(Manner(wanted, at_speed, rate), speed, taps, phones, tuple(warnings))


def coloured(samples: npt.NDArray[np.float32], taps: Floats) -> npt.NDArray[np.float32]:
    """``samples`` at RATE_HZ through the filter, its delay taken out."""
    return np.asarray(signal.fftconvolve(samples, taps, mode="same"), dtype=np.float32)


def colour(clip: npt.NDArray[Any], clip_rate_hz: int, own: npt.NDArray[Any], own_rate_hz: int) -> Floats:
    """Linear-phase taps that bring the long-term spectrum of ``own`` towards the clip's, within _MOST_DB."""
    edges = _LOW_HZ * (_HIGH_HZ / _LOW_HZ) ** (np.arange(_BANDS + 1) / _BANDS)
    centres = np.sqrt(edges[:-1] * edges[1:])
    wanted, has = _bands_db(clip, clip_rate_hz, edges), _bands_db(own, own_rate_hz, edges)
    told = (
        np.isfinite(wanted)
        & np.isfinite(has)
        & (wanted > np.nanmax(wanted[np.isfinite(wanted)]) - _BELOW_TOP_DB)
    )
    difference = np.where(told, wanted - np.where(np.isfinite(has), has, 0), 0.0)
    middle = told & (centres > 200) & (centres < 4000)
    if not middle.any():
        return np.concatenate([np.zeros(_TAPS // 2), [1.0], np.zeros(_TAPS // 2)])
    difference = np.where(told, difference - difference[middle].mean(), 0.0)
    gain_db = np.clip(_SHARE * difference, -_MOST_DB, _MOST_DB)
    nyquist = RATE_HZ / 2
    points = np.concatenate([[0.0], centres, [nyquist]]) / nyquist
    gains = 10 ** (np.concatenate([[gain_db[0]], gain_db, [gain_db[-1]]]) / 20)
    return np.asarray(signal.firwin2(_TAPS, points, gains))


def _bands_db(samples: npt.NDArray[Any], rate_hz: int, edges: Floats) -> Floats:
    """Mean level of each band in dB over the louder half of the frames; NaN above what the recording holds."""
    x = np.asarray(resample(samples, rate_hz, RATE_HZ), dtype=np.float64)
    frequencies, _, power = signal.spectrogram(x, RATE_HZ, nperseg=1024, noverlap=512)
    loud = power.sum(axis=0)
    mean = power[:, loud >= np.median(loud)].mean(axis=1)
    levels = np.full(len(edges) - 1, np.nan)
    for n, (low, high) in enumerate(itertools.pairwise(edges)):
        rows = (frequencies >= low) & (frequencies < high)
        if high < 0.47 * rate_hz and rows.any():
            levels[n] = 10 * np.log10(mean[rows].mean() + 1e-14)
    return levels


def _lines_of(clip: ReferenceClip, is_cut: bool) -> tuple[list[reading.Line], list[str]]:
    """The transcript as it would be spoken; empty where it cannot be read, with the reason for the listener."""
    transcript = clip.transcript.strip()
    if not transcript:
        return [], ["The clip has no transcript: its pace is taken from the sound alone."]
    if is_cut:
        return [], ["The clip is longer than 45 s: only averages of its beginning are followed."]
    if clip.language.lower().split("-")[0] not in reading.languages():
        return [], ["The clip's language cannot be read here: its pace is taken from the sound alone."]
    return reading.read(transcript, clip.language, NO_WORDS)[0], []


def _trial(lines: list[reading.Line]) -> reading.Line:
    """About a sentence of the transcript, whole words; a sentence of our own where there is none."""
    if not lines:
        (line, *_), _ = reading.read(_GENERIC, "en", NO_WORDS)
        return line
    line = lines[0]
    for following in lines[1:]:
        if len(line.symbols) + len(following.symbols) > _TRIAL_SYMBOLS:
            break
        line = reading.Line(f"{line.symbols} {following.symbols}", line.words)
    ends = [end for _, end in line.words if end <= _TRIAL_SYMBOLS]
    return (
        line
        if len(line.symbols) <= _TRIAL_SYMBOLS or not ends
        else reading.Line(line.symbols[: ends[-1]], ())
    )
