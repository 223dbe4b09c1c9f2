"""The notice that is heard without words: short, long, short, short in one tone (Morse A, I). Made, and found again.

GB 45438-2025 names the rhythm; the tone, its level and its lengths are ours. It has harmonics inside the telephone
band, so that it survives narrow codecs and leaves the mark sounds to hide under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.resample import resample

Samples = npt.NDArray[np.float32]

UNIT_S = 0.11
TONE_HZ = 700.0
_HARMONICS = (1.0, 0.5, 0.25)  # amplitudes at 1, 2 and 3 times the tone
_PEAK = 0.2
_FADE_S = 0.008
#: Units of sound (above zero) and of silence (below): short, long, then short, short.
PATTERN = (1, -1, 3, -3, 1, -1, 1)
DURATION_S = UNIT_S * sum(abs(units) for units in PATTERN)

_RATE_HZ = 8_000
_FRAME, _HOP = 320, 80  # 40 ms every 10 ms
_LEAST_SCORE = (
    0.6  # 180 s of recorded and formant speech stay below 0.04, the rhythm above 0.9 in every format
)
_QUIET_DB = -45.0


@dataclass(frozen=True)
class Found:
    """Where a rhythm begins, and how well it stands out: 1 is the tone alone where it sounds and none where not."""

    start_s: float
    score: float


def make(sample_rate_hz: int) -> Samples:
    """The rhythm (n,), float32 in [-1, 1], `DURATION_S` long."""
    pieces = []
    for units in PATTERN:
        count = round(abs(units) * UNIT_S * sample_rate_hz)
        pieces.append(_tone(count, sample_rate_hz) if units > 0 else np.zeros(count))
    return np.concatenate(pieces).astype(np.float32)


def _tone(count: int, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    phase = 2 * np.pi * TONE_HZ * np.arange(count) / sample_rate_hz
    wave = sum(level * np.sin(number * phase) for number, level in enumerate(_HARMONICS, start=1))
    fade = min(round(_FADE_S * sample_rate_hz), count // 2)
    envelope = np.ones(count)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    envelope[:fade], envelope[count - fade :] = ramp, ramp[::-1]
    return np.asarray(_PEAK * envelope * wave / sum(_HARMONICS))


def find(samples: npt.NDArray[Any], sample_rate_hz: int) -> list[Found]:
    """Every rhythm in mono samples (n,), in order; [] where there is none.

    By the share of each 40 ms frame's energy (200 to 3400 Hz) that lies on the tone and its harmonics, against the
    pattern. Speech on top of it, or a change of pace, hides it.
    """
    share = _tone_share(np.asarray(resample(np.asarray(samples, dtype=np.float32), sample_rate_hz, _RATE_HZ)))
    frames_a_unit = UNIT_S * _RATE_HZ / _HOP
    pattern = np.concatenate([np.full(abs(u), 1.0 if u > 0 else 0.0) for u in PATTERN])
    # the middle of each unit: frames across an edge hold both
    places = [
        (round((number + 0.5) * frames_a_unit - _FRAME / _HOP / 2), sounds)
        for number, sounds in enumerate(pattern)
    ]
    last = max(place for place, _ in places)
    if len(share) <= last:
        return []
    count = len(share) - last
    sounding = np.min([share[p : p + count] for p, sounds in places if sounds], axis=0)
    silent = np.max([share[p : p + count] for p, sounds in places if not sounds], axis=0)
    return _peaks(sounding - silent)


def _tone_share(samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(frames,): 0 in frames that are quiet beside the loudest."""
    if len(samples) < _FRAME:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_FRAME), axis=1)) ** 2
    hz = np.fft.rfftfreq(_FRAME, 1 / _RATE_HZ)
    band = (hz >= 200) & (hz <= 3400)
    near = np.any([np.abs(hz - n * TONE_HZ) <= 50 for n in range(1, len(_HARMONICS) + 1)], axis=0)
    total = power[:, band].sum(axis=1)
    loudest = float(total.max(initial=0.0))
    heard = total > loudest * 10 ** (_QUIET_DB / 10)
    return np.where(heard, power[:, band & near].sum(axis=1) / np.maximum(total, 1e-12), 0.0)


def _peaks(score: npt.NDArray[np.float64]) -> list[Found]:
    """The best place of each stretch above the least score, a whole rhythm apart."""
    found: list[Found] = []
    apart = round(DURATION_S * _RATE_HZ / _HOP)
    left = score.copy()
    while len(left) and (best := int(left.argmax())) is not None and left[best] >= _LEAST_SCORE:
        found.append(Found(round(best * _HOP / _RATE_HZ, 3), round(float(score[best]), 3)))
        left[max(0, best - apart) : best + apart] = 0.0
    return sorted(found, key=lambda one: one.start_s)
