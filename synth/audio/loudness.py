"""Level: of frames, of active speech, and a soft limiter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Samples = npt.NDArray[Any]

#: Frames quieter than this below the loudest (97th percentile) frame count as silence.
ACTIVE_BELOW_PEAK_DB = 35.0
_FLOOR = 1e-12


def frame_levels_db(
    samples: Samples, sample_rate_hz: int, *, hop_s: float = 0.01, window_s: float = 0.025
) -> npt.NDArray[np.float64]:
    """RMS level in dBFS of frames ``hop_s`` apart, each ``window_s`` long and centred on its hop."""
    x = np.asarray(samples, dtype=np.float64)
    hop, half = hop_s * sample_rate_hz, int(window_s * sample_rate_hz / 2)
    count = max(1, int(len(x) / hop))
    energy = np.concatenate([[0.0], np.cumsum(x * x)])
    centres = np.round((np.arange(count) + 0.5) * hop).astype(int)
    low, high = np.clip(centres - half, 0, len(x)), np.clip(centres + half, 0, len(x))
    power = (energy[high] - energy[low]) / max(1, 2 * half)
    return np.asarray(10 * np.log10(np.maximum(power, 0) + _FLOOR))


def active_frames(levels_db: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which frames hold speech rather than silence, relative to the loudest frames."""
    active = levels_db > np.percentile(levels_db, 97) - ACTIVE_BELOW_PEAK_DB
    return np.asarray(active & (levels_db > -75.0))


def active_level_db(samples: Samples, sample_rate_hz: int) -> float:
    """Mean level in dBFS over frames that hold speech; -120 when none do."""
    levels = frame_levels_db(samples, sample_rate_hz)
    active = active_frames(levels)
    return float(levels[active].mean()) if active.any() else -120.0


def soft_limit(
    samples: Samples, sample_rate_hz: int, *, ceiling: float = 0.97, lookahead_s: float = 0.004
) -> npt.NDArray[np.float32]:
    """Keep the peaks under ``ceiling`` by a smooth gain that begins ``lookahead_s`` before each peak."""
    x = np.asarray(samples, dtype=np.float64)
    width = max(3, 2 * int(lookahead_s * sample_rate_hz) + 1)
    need = np.minimum(1.0, ceiling / np.maximum(np.abs(x), _FLOOR))
    gain = ndimage.minimum_filter1d(need, 2 * width + 1, mode="nearest")
    gain = ndimage.uniform_filter1d(gain, width, mode="nearest")
    gain = ndimage.uniform_filter1d(gain, width, mode="nearest")
    return np.asarray(np.clip(x * gain, -ceiling, ceiling), dtype=np.float32)


def to_active_level(
    samples: Samples, sample_rate_hz: int, level_db: float, *, ceiling: float = 0.97
) -> npt.NDArray[np.float32]:
    """Bring active speech to ``level_db`` dBFS; peaks of loud styles are compressed, not clipped.

    A few rounds of gain and soft limiting, because limiting takes level away again.
    """
    y = np.asarray(samples, dtype=np.float32)
    for _ in range(4):
        missing_db = level_db - active_level_db(y, sample_rate_hz)
        if missing_db < -60 or abs(missing_db) < 0.1:
            break
        y = soft_limit(y * np.float32(10 ** (min(missing_db, 60.0) / 20)), sample_rate_hz, ceiling=ceiling)
    return y
