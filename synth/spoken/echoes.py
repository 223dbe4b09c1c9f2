"""Sound that comes twice in a row, found in the sound alone: recognisers write a stutter down once.

Every pair of frames at a distance (lag) is compared; a stretch that is followed at once by itself is alike over its
whole length at just that lag, and less so at others. Held vowels and pauses are alike at every lag and do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

Floats = npt.NDArray[np.float64]

RATE_HZ = 16_000
HOP_S = 0.01
SHORTEST_S, LONGEST_S = 0.2, 1.5
_WINDOW, _BANDS, _COEFFICIENTS = 400, 40, 14
_QUIET_DB = 35.0


@dataclass(frozen=True)
class Echo:
    """``start_s`` to ``end_s`` comes again right behind it. ``likeness`` in [0, 1]: 1 for the very same sound."""

    start_s: float
    end_s: float
    likeness: float


def strongest(samples: npt.NDArray[np.floating]) -> Echo | None:
    """The likeliest echo in mono ``samples`` at RATE_HZ; None where the recording is too short."""
    features, loud = _features(np.asarray(samples, dtype=np.float64))
    frames = len(features)
    longest = min(round(LONGEST_S / HOP_S), frames // 2)
    shortest = round(SHORTEST_S / HOP_S)
    if longest <= shortest:
        return None
    best: Echo | None = None
    usual = _usual_distance(features, loud)
    for lag in range(shortest, longest + 1):
        gap = np.linalg.norm(features[lag:] - features[:-lag], axis=1)
        both = loud[lag:] & loud[:-lag]
        # The stretch must be as long as the lag, or nearly; what is quiet says nothing.
        length = max(shortest, round(0.9 * lag))
        if len(gap) < length:
            continue
        sums = np.cumsum(np.r_[0.0, np.where(both, gap, 0.0)])
        counts = np.cumsum(np.r_[0, both])
        told = counts[length:] - counts[:-length]
        mean = (sums[length:] - sums[:-length]) / np.maximum(told, 1)
        mean = np.where(told >= 0.7 * length, mean, np.inf)
        at = int(np.argmin(mean))
        if not np.isfinite(mean[at]):
            continue
        moves = _movement(features[at : at + lag], loud[at : at + lag])
        likeness = 1 - float(mean[at]) / max(min(moves, usual), 1e-6)
        if best is None or likeness > best.likeness:
            best = Echo(round(at * HOP_S, 3), round((at + lag) * HOP_S, 3), likeness)
    return best


def _movement(features: Floats, loud: npt.NDArray[np.bool_]) -> float:
    """Mean distance between sounding frames half a stretch apart: small where a sound is held."""
    half = max(1, len(features) // 2)
    both = loud[half:] & loud[: len(loud) - half]
    if not both.any():
        return 0.0
    return float(np.linalg.norm(features[half:] - features[: len(features) - half], axis=1)[both].mean())


def _usual_distance(features: Floats, loud: npt.NDArray[np.bool_]) -> float:
    """Median distance of sounding frames of this recording, drawn evenly."""
    kept = features[loud]
    if len(kept) < 4:
        return 1.0
    step = max(1, len(kept) // 150)
    kept = kept[::step]
    apart = np.linalg.norm(kept[:, None] - kept[None, :], axis=2)
    return float(np.median(apart[np.triu_indices(len(kept), 1)]))


def _features(samples: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Cepstra (frames, n) without their level, of frames HOP_S apart, and which of them sound."""
    hop = round(HOP_S * RATE_HZ)
    count = max(0, (len(samples) - _WINDOW) // hop + 1)
    if count == 0:
        return np.zeros((0, _COEFFICIENTS)), np.zeros(0, dtype=bool)
    index = np.arange(_WINDOW)[None, :] + hop * np.arange(count)[:, None]
    power = np.abs(np.fft.rfft(samples[index] * np.hanning(_WINDOW), 512)) ** 2
    level = 10 * np.log10(power.sum(axis=1) + 1e-12)
    bands = np.log(power @ _filters() + 1e-8)
    cepstra = dct(bands, type=2, norm="ortho", axis=1)[:, 1 : _COEFFICIENTS + 1]
    return np.asarray(cepstra), np.asarray(level > np.percentile(level, 97) - _QUIET_DB)


@cache
def _filters() -> Floats:
    """(257, bands) triangles on a mel scale from 80 to 7600 Hz."""
    mels = np.linspace(2595 * np.log10(1 + 80 / 700), 2595 * np.log10(1 + 7600 / 700), _BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hz = np.arange(257)[:, None] * RATE_HZ / 512
    up = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.clip(np.minimum(up, down), 0, None))
