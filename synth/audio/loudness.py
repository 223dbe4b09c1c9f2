"""Loudness and level: BS.1770 loudness, the level of active speech, and a soft limiter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

Samples = npt.NDArray[Any]

#: Frames quieter than this below the loudest (97th percentile) frame count as silence.
ACTIVE_BELOW_PEAK_DB = 35.0
_FLOOR = 1e-12


def k_weighted(samples: Samples, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """ITU-R BS.1770 K-weighting, filters designed for any sample rate."""
    x = np.asarray(samples, dtype=np.float64)
    gain, q, centre_hz = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * centre_hz / sample_rate_hz)
    high, band = 10 ** (gain / 20), (10 ** (gain / 20)) ** 0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf_b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]) / a0
    shelf_a = np.array([1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    q, centre_hz = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * centre_hz / sample_rate_hz)
    a0 = 1 + k / q + k * k
    pass_a = np.array([1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    y = signal.lfilter(shelf_b, shelf_a, x)
    return np.asarray(signal.lfilter([1.0, -2.0, 1.0], pass_a, y), dtype=np.float64)


def integrated_lufs(samples: Samples, sample_rate_hz: int) -> float:
    """Gated integrated loudness of mono samples (n,) in LUFS; -inf for silence.

    Blocks of 400 ms, 75 % overlap, gates at -70 LUFS and 10 LU below the ungated mean; shorter audio is
    taken as one block.
    """
    y = k_weighted(samples, sample_rate_hz)
    block, hop = int(0.4 * sample_rate_hz), int(0.1 * sample_rate_hz)
    if len(y) < block:
        y = np.pad(y, (0, max(0, block - len(y))))
    energy = np.concatenate([[0.0], np.cumsum(y * y)])
    starts = np.arange(0, len(y) - block + 1, hop)
    power = (energy[starts + block] - energy[starts]) / block
    loud = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not loud.size:
        return float("-inf")
    loud = loud[loud > loud.mean() / 10]
    return float(-0.691 + 10 * np.log10(loud.mean()))


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


def to_loudness(
    samples: Samples, sample_rate_hz: int, target_lufs: float, *, ceiling: float = 0.97
) -> npt.NDArray[np.float32]:
    """Bring integrated loudness to ``target_lufs`` with the same soft limiter; silence stays silence."""
    y = np.asarray(samples, dtype=np.float32)
    for _ in range(3):
        now = integrated_lufs(y, sample_rate_hz)
        if not np.isfinite(now) or abs(target_lufs - now) < 0.1:
            break
        y = soft_limit(y * np.float32(10 ** ((target_lufs - now) / 20)), sample_rate_hz, ceiling=ceiling)
    return y
