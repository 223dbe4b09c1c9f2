"""Where a file is not what the record leads to expect, measured against what it usually differs by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from .channel import HEADROOM_DB, Channel
from .path import LARGEST_DIFFERENCE_DB

WINDOWS_S = {"short": 0.04, "middle": 0.08, "long": 0.16}
MEASURES = ("missing", "more", "shape")
_SMALL_DB = 3.0  # a difference that codecs make everywhere
_USUAL_DB = 1.0
_ENDS = 3  # frames whose windows lie partly outside the file
_STANDS_OUT = 0.2


@dataclass(frozen=True, eq=False)
class Residual:
    """Each (frames,), in dB over a window around the frame: ``missing``: expected sound that is not there; ``more``:
    sound that was not expected; ``shape``: bands against each other; ``size``: of the whole difference.
    ``head``: how much expected sound stands above the floor there, 0 to 1; ``sounding``: where that is enough to
    say what is usual. ``usual_db``: the median size where there
    is sound; ``audible_share``: of the frames."""

    of: dict[str, np.ndarray]
    size: np.ndarray
    head: np.ndarray
    sounding: np.ndarray
    usual_db: float
    audible_share: float


def residual(
    heard: np.ndarray,
    record_here: np.ndarray,
    inside: np.ndarray,
    trusted: np.ndarray,
    channel: Channel,
    rate: int,
) -> Residual:
    """heard, record_here: (frames, bands) of the file and of the record at the same moments; inside, trusted:
    (frames,) whether the record reaches there, and whether what is usual may be taken from there."""
    expected = channel.expected(record_here)
    audible = channel.audible_from(expected)
    expected = np.maximum(expected, audible)
    gap = np.maximum(heard, audible) - expected
    gap = np.clip(gap, -LARGEST_DIFFERENCE_DB, LARGEST_DIFFERENCE_DB)
    gap[~inside] = 0
    gap[:_ENDS] = gap[-_ENDS:] = 0
    stands = np.clip((expected - audible) / HEADROOM_DB, 0, 1)
    weight = _weights(gap, stands, expected, audible)
    weighted = stands * weight
    mean = (gap * weighted).sum(axis=1) / (weighted.sum(axis=1) + 0.04)
    measures = {}
    for name, seconds in WINDOWS_S.items():
        size = max(1, round(seconds * rate))
        there = _smooth(weighted.sum(axis=1), size) + 0.05
        missing = (np.maximum(-gap - _SMALL_DB, 0) * weighted).sum(axis=1)
        measures[f"missing_{name}"] = _smooth(missing, size) / there * np.minimum(1, 3 * there)
        measures[f"more_{name}"] = _smooth((np.maximum(gap - _SMALL_DB, 0) * weight).sum(axis=1), size)
        measures[f"shape_{name}"] = _smooth(
            (np.abs(gap - mean[:, None]) * np.maximum(stands, 0.3) * weight).sum(axis=1), size
        )
    head = _smooth(weighted.sum(axis=1), round(0.12 * rate))
    size_db = _smooth((np.abs(gap) * weight).sum(axis=1), round(0.12 * rate))
    sounding = (head > _STANDS_OUT) & inside & trusted
    usual = float(np.median(size_db[sounding])) if sounding.any() else 0.0
    return Residual(measures, size_db, head, sounding, usual, float(sounding.mean()))


def _weights(gap: np.ndarray, stands: np.ndarray, expected: np.ndarray, audible: np.ndarray) -> np.ndarray:
    """How much each band counts: (bands,), together 1. Bands that the channel took away, or treats erratically,
    count less."""
    usual = np.array(
        [
            np.median(np.abs(g[s > 0.5])) if (s > 0.5).sum() > 20 else _SMALL_DB
            for g, s in zip(gap.T, stands.T, strict=True)
        ]
    )
    loud = np.quantile(expected, 0.95, axis=0)
    weight = np.clip((loud - audible) / 10, 0.1, 1) / (1 + np.maximum(usual - _USUAL_DB, 0) / 1.5)
    result: np.ndarray = weight / weight.sum()
    return result


def _smooth(values: np.ndarray, size: int) -> np.ndarray:
    """Running mean of what is never negative; its rounding errors are, by a hair."""
    smoothed = uniform_filter1d(values.astype(np.float64), max(1, size), axis=0, mode="nearest")
    return np.maximum(smoothed, 0.0)
