"""What happened to a whole file, estimated from the file itself: gain and noise in each band, and a gain by level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

NEPER = np.float32(np.log(10) / 10)
HEADROOM_DB = 6.0
"""A level so far above the floor stands out fully."""
AUDIBLE_DB = 40.0
"""What is further below the loud levels of its own band is not heard."""
_ALL_AUDIBLE_DB = 50.0
_LEVEL_STEPS = 7
_FEWEST_FRAMES = 60


@dataclass(frozen=True, eq=False)
class Channel:
    """From the record's levels to the file's: ``gain`` and ``floor`` of each band in dB, and ``values``: further gain
    at the broadband levels ``knots`` (compressors, limiters, noise gates)."""

    gain: np.ndarray
    floor: np.ndarray
    knots: np.ndarray
    values: np.ndarray

    @classmethod
    def between(cls, heard: np.ndarray, record: np.ndarray) -> Channel:
        """Estimated from frames of the file, (n, bands), and the record's at the same places. Medians: as long as
        most of the file is the record, what was edited does not move them."""
        loud = record > np.quantile(record, 0.7, axis=0)
        quiet = record <= np.quantile(record, 0.15, axis=0)
        gain = _median(heard - record, loud)
        floor = np.minimum(_median(heard, quiet), np.quantile(heard, 0.5, axis=0))
        knots, values = np.zeros(1), np.zeros(1)
        stands_out = np.clip((record + gain - floor) / HEADROOM_DB, 0, 1)
        # The lowest level that a reference holds says "so little or less": of an empty band nothing else is known.
        stands_out = stands_out * (record > record.min(axis=0))
        use = stands_out.mean(axis=1) > 0.15
        if use.sum() > _FEWEST_FRAMES:
            further = ((heard - record - gain) * stands_out).sum(axis=1)[use] / stands_out.sum(axis=1)[use]
            level = broadband(record + gain)[use]
            edges = np.quantile(level, np.linspace(0, 1, _LEVEL_STEPS + 1))
            step = np.clip(np.searchsorted(edges, level) - 1, 0, _LEVEL_STEPS - 1)
            filled = [k for k in range(_LEVEL_STEPS) if (step == k).any()]
            knots = np.array([np.median(level[step == k]) for k in filled])
            values = np.clip([np.median(further[step == k]) for k in filled], -25, 25)
        return cls(gain, floor, knots, values)

    def expected(self, record: np.ndarray) -> np.ndarray:
        """The record's levels as this file should have them: float32 of the same shape. Where the channel took a band
        away, that is the floor."""
        by_level = np.interp(broadband(record + self.gain), self.knots, self.values)[:, None]
        through = np.exp(((record + self.gain + by_level) * NEPER).astype(np.float32))
        levels: np.ndarray = np.log(through + np.exp(self.floor.astype(np.float32) * NEPER) + 1e-12) / NEPER
        return levels.astype(np.float32)

    def audible_from(self, expected: np.ndarray) -> np.ndarray:
        """Level below which a band is not looked at: float32 (bands,)."""
        loud = np.quantile(expected, 0.95, axis=0)
        least = np.maximum(loud - AUDIBLE_DB, loud.max() - _ALL_AUDIBLE_DB)
        result: np.ndarray = np.maximum(self.floor, least).astype(np.float32)
        return result


def broadband(levels: np.ndarray) -> np.ndarray:
    """Level of all bands together over 50 ms: (frames,)."""
    power = np.exp(levels.astype(np.float32) * NEPER).sum(axis=1)
    result: np.ndarray = uniform_filter1d(np.log(power + 1e-12) / NEPER, 5, mode="nearest")
    return result


def _median(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Median of each band over some of its frames; where there are none, over all."""
    return np.array([np.median(v[w] if w.any() else v) for v, w in zip(values.T, where.T, strict=True)])
