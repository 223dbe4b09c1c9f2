"""Turning one sentence of content speech into the voice and manner of a :class:`ClipProfile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from synth.audio.loudness import to_active_level
from synth.audio.vocoder import LOG_FLOOR, RATE_HZ, Frames, synthesise
from synth.engines import cepstra
from synth.engines.manner import Manner, Said, mapped_f0, timing
from synth.engines.mapping import LinearShift
from synth.engines.profile import ClipProfile, Spoken

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 6
_MATCHED = slice(1, 20)
#: The shift is smoothed over 25 ms: what jumps from frame to frame is noise of the alignment.
_SMOOTHING = np.hanning(7) / np.hanning(7).sum()


@dataclass(frozen=True)
class Strength:
    """How far the timbre is moved; the defaults were tuned.

    ``linear`` is the share of the linear map against the mean shift, ``exemplars`` how much is added of what
    the nearest pairs have beyond that map. More of either brings the voice nearer and costs words.
    ``sharpness`` deepens the formants, which averaging flattens; ``variance`` and ``detail`` are how much of
    the clip's variance and of the content's fine structure is kept, ``breath`` the share of the difference in
    noise. ``timbre`` False changes only prosody: the comparison of the benchmarks.
    """

    linear: float = 0.6
    exemplars: float = 0.3
    sharpness: float = 0.08
    variance: float = 0.5
    detail: float = 0.7
    breath: float = 1.0
    timbre: bool = True


class TimbreMap:
    """The envelope mapping of one or more profiles: linear, and exemplars nearest in the content's own space.

    The first profile is the style clip's and also gives means, variance and breath; pairs of further clips
    of the same voice (each warped alike) only add to the map and the choice.
    """

    def __init__(self, profiles: Sequence[ClipProfile], strength: Strength) -> None:
        self.main = profiles[0]
        self.strength = strength
        paired = [p for p in profiles if p.has_pairs] if self.main.has_pairs else []
        self._has_pairs = bool(paired)
        if paired:
            sources = np.concatenate([p.sources for p in paired])
            differences = np.concatenate([p.differences for p in paired])
            self._linear = LinearShift.fit(sources, differences)
            self._beyond_linear = differences - self._linear(sources)
            matched = sources[:, _MATCHED]
            self._scale = matched.std(axis=0) + 1e-6
            self._tree = cKDTree(matched / self._scale)

    def apply(self, content: Spoken) -> Frames:
        """The content's frames with the envelope and breath of the voice; F0 and timing untouched."""
        if not self.strength.timbre:
            return content.frames
        frames, voiced, main = content.frames, content.frames.voiced, self.main
        log_power = cepstra.warp(frames.log_power, main.warp)
        coded = cepstra.encode(log_power)
        shift = np.where(voiced[:, None], main.shift_voiced, main.shift_unvoiced)
        if self._has_pairs:
            linear, exemplars = self.strength.linear, self.strength.exemplars
            shift = (1 - linear) * shift + linear * self._linear(cepstra.in_context(coded))
            shift += exemplars * self._nearest(coded)
        shift = ndimage.convolve1d(shift, _SMOOTHING, axis=0, mode="nearest")
        if content.active.any():
            shift[:, 0] -= shift[content.active, 0].mean()  # level is matched at the end, on the sound
        moved = coded + shift
        if voiced.sum() > 10:
            mean = moved[voiced].mean(axis=0)
            gain = np.clip(main.deviation / (moved[voiced].std(axis=0) + 1e-6), 0.8, 1.35)
            gain = 1 + self.strength.variance * (gain - 1)
            moved[voiced] = mean + (moved[voiced] - mean) * gain
            moved[voiced, 2:] *= 1 + self.strength.sharpness
        fine = log_power - cepstra.decode(coded)
        noise = frames.aperiodicity.copy()
        noise[voiced] = np.clip(noise[voiced] + self.strength.breath * main.breath_shift, 0.0, 1.0)
        shaped = np.maximum(cepstra.decode(moved) + self.strength.detail * fine, LOG_FLOOR)
        return Frames(frames.f0_hz, shaped, noise)

    def _nearest(self, coded: Floats) -> Floats:
        """What the pairs nearest to each row have beyond the linear map, weighed by nearness, (T, ORDER)."""
        k = min(NEIGHBOURS, len(self._beyond_linear))
        distance, rows = self._tree.query(coded[:, _MATCHED] / self._scale, k=k)
        distance, rows = distance.reshape(len(coded), k), rows.reshape(len(coded), k)
        weight = np.exp(-((distance / (np.median(distance) + 1e-6)) ** 2)) + 1e-9
        weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray((self._beyond_linear[rows] * weight[:, :, None]).sum(axis=1))


def speak_sentence(
    content: Spoken, timbre: TimbreMap, *, speed: float, gap_s: float, seed: int
) -> npt.NDArray[np.float32]:
    """Float32 samples at RATE_HZ of one sentence in the manner of the style clip.

    ``gap_s`` is the silence that will follow; it counts towards the share of pauses.
    """
    profile = timbre.main
    heard = content.frames
    said = Said(
        heard.f0_hz, heard.level_db, content.active, content.prosody, content.phones, content.word_starts_s
    )
    manner = Manner(profile.clip.prosody, profile.content.prosody, profile.rate_per_s)
    frames = timbre.apply(content).with_f0(mapped_f0(said, manner))
    rows = timing(said, manner, speed, gap_s)
    silence = rows < 0
    frames = frames.take(np.maximum(rows, 0))
    frames.f0_hz[silence] = 0.0
    frames.log_power[silence] = LOG_FLOOR
    frames.aperiodicity[silence] = 1.0
    y = synthesise(frames, seed=seed)
    return to_active_level(y, RATE_HZ, profile.clip.prosody.level_db)


def silence(seconds: float) -> npt.NDArray[np.float32]:
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)
