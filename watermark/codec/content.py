"""What ties a mark to the sound that carries it: a third of the tile rows are signed by the content as well.

A mark that is copied to other audio, as a residual or as a field of gains, brings its signs along but not the
content that these rows were multiplied with. So its code is rarely readable there, and where the free rows
suffice all the same (the copy was made stronger), the bound rows tell that the mark was moved. Binding all
rows would stop reading too, at the price of reverberant rooms, where the content changes as well.

The content is coarse on purpose, so that coding and noise leave it alone: whether the power of a third of the
band rises or falls. Each bound row looks at it with a delay that the epoch key draws; who does not know the
delays cannot sign a copy anew for another host. Only the past is looked at, so that a stream can be marked.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from .parameters import LONGEST_DELAY_TILES, TILE_ROWS

FREE = -1
"""Delay of a row that the content does not sign."""

_BANDS = 3
_SMOOTHED_TILES = 5
_RISE_TILES = 3  # power this long after minus power this long before
_FLOOR_DB = 30.0  # under the loud tiles, nothing rises or falls
_SURE_DB = 1.3  # a rise by this much is nearly certain to have the same sign after coding
_TINY = np.float32(1e-12)
_BAND_OF_ROW = np.arange(TILE_ROWS) * _BANDS // TILE_ROWS


def delays_from(material: bytes) -> np.ndarray:
    """Delay in tiles of each row, int64 (69,), from 69 pseudorandom bytes: every third row is bound."""
    drawn = np.frombuffer(material, np.uint8)[:TILE_ROWS].astype(np.int64) % (LONGEST_DELAY_TILES + 1)
    return np.where(np.arange(TILE_ROWS) % 3 != 1, FREE, drawn)


def content_weights(power: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """Factor -1 .. 1 of each tile from tile power (tiles, 69): float32, 1 in free rows, 0 where the content
    lies before the first tile.
    """
    rises = _rises(power)
    tiles = np.arange(len(power))[:, None] - np.maximum(delays, 0)
    weights = np.where(tiles >= 0, rises[np.maximum(tiles, 0), _BAND_OF_ROW], np.float32(0))
    weights[:, delays == FREE] = 1
    return weights


def _rises(power: np.ndarray) -> np.ndarray:
    """How surely each band rises (1) or falls (-1): (tiles, 3) float32."""
    if len(power) == 0:
        return np.zeros((0, _BANDS), np.float32)
    bands = np.stack([power[:, band == _BAND_OF_ROW].sum(axis=1) for band in range(_BANDS)], axis=1)
    loud = np.quantile(power.sum(axis=1), 0.95)
    level = 10 * np.log10(bands + np.float32(loud * 10 ** (-_FLOOR_DB / 10)) + _TINY)
    smooth = uniform_filter1d(level, _SMOOTHED_TILES, axis=0, mode="nearest")
    padded = np.pad(smooth, ((_RISE_TILES, _RISE_TILES), (0, 0)), mode="edge")
    rise = padded[2 * _RISE_TILES :] - padded[: -2 * _RISE_TILES]
    return np.tanh(rise / np.float32(_SURE_DB)).astype(np.float32)
