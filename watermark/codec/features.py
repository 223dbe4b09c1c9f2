"""From samples to what detector and embedder see of a tile: its level against its neighbourhood.

    samples -> STFT -> power per tile -> log -> minus a local weighted mean -> soft clip -> times a weight

The weight fades tiles far below the clip's level (silence) and tiles far below their neighbours, where a
change costs quality and does not survive coding. `FeatureGradient` is the way back, for the embedder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, rfft

from .parameters import BINS, BINS_PER_TILE, FIRST_BIN, FRAMES_PER_TILE, HOP, WINDOW

# Periodic, so that shifted squares add to a constant.
HANN = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)
_OVERLAP_GAIN = np.float32(1.5)  # sum over shifts of HANN**2 at a hop of a quarter window
_SYNTHESIS = HANN / _OVERLAP_GAIN
_DB = np.float32(10 / np.log(10))

_SILENCE_DB = np.float32(45)  # tiles this far under the loud ones weigh one half
_SILENCE_SLOPE = np.float32(0.25)  # 1 / dB
_CLIP_DB = np.float32(8)  # deviations saturate here
_PROMINENCE_DB = np.float32(-6)  # tiles this far under their neighbourhood weigh one half
_PROMINENCE_SLOPE = np.float32(0.5)  # 1 / dB
_TINY = np.float32(1e-9)

_BOX_COLUMNS = 5  # neighbourhood: 5 tiles in time,
_BOX_ROWS = 3  # 3 in frequency


def stft(samples: np.ndarray) -> np.ndarray:
    """Frames centred on multiples of 128 samples: float32 (n,) -> complex64 (frames, 257)."""
    padded = np.pad(np.asarray(samples, np.float32), (WINDOW // 2, WINDOW // 2 + 2 * HOP - 1))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    result: np.ndarray = rfft(frames * HANN, axis=1)
    return result


def istft(spectrum: np.ndarray, length: int) -> np.ndarray:
    """Inverse of `stft` for `length` samples (the first 127, seen by three windows only, within 1 %).

    `stft` after `istft` is the orthogonal projection onto the spectra that a signal can have (the window is
    a tight frame), hence its own adjoint: the embedder sends gradients back through the very same pair.
    """
    pieces = irfft(spectrum, WINDOW, axis=1)
    pieces *= _SYNTHESIS
    frames, shifts = len(pieces), WINDOW // HOP
    out = np.zeros((frames + shifts - 1, HOP), np.float32)
    for shift in range(shifts):
        out[shift : shift + frames] += pieces[:, shift * HOP : (shift + 1) * HOP]
    return out.ravel()[WINDOW // 2 : WINDOW // 2 + length]


def row_power(spectrum: np.ndarray, frequency_scale: float = 1.0) -> np.ndarray:
    """Power of each tile row in each frame: (frames, 257) complex -> (frames, 69) float32.

    frequency_scale reads row f at f * frequency_scale, which undoes a shift of pitch.
    """
    if frequency_scale == 1.0:
        band = spectrum[:, FIRST_BIN : FIRST_BIN + BINS]
        power = band.real**2 + band.imag**2
    else:
        full = spectrum.real**2 + spectrum.imag**2
        bins = np.clip(np.arange(FIRST_BIN, FIRST_BIN + BINS) * frequency_scale, 0, full.shape[1] - 1.001)
        low = bins.astype(np.int64)
        upper_share = (bins - low).astype(np.float32)
        power = full[:, low] * (1 - upper_share) + full[:, low + 1] * upper_share
    return sum_bins(power)


def sum_bins(power: np.ndarray) -> np.ndarray:
    """Sum groups of three bins: (frames, 207) -> (frames, 69)."""
    result: np.ndarray = power[:, 0::BINS_PER_TILE] + power[:, 1::BINS_PER_TILE] + power[:, 2::BINS_PER_TILE]
    return result


def stretch_frames(power: np.ndarray, time_scale: float) -> np.ndarray:
    """Frames read at 1 / time_scale of their pace, which undoes a change of tempo: (frames, rows) -> about
    the same.
    """
    if time_scale == 1.0 or len(power) < 2:
        return power
    position = np.linspace(0, len(power) - 1.001, max(2, int(len(power) * time_scale)))
    low = position.astype(np.int64)
    upper_share = (position - low).astype(np.float32)[:, None]
    return power[low] * (1 - upper_share) + power[low + 1] * upper_share


def tile_power(power: np.ndarray, phase: int = 0, count: int | None = None) -> np.ndarray:
    """Mean power of pairs of frames: (frames, 69) -> (tiles, 69). phase 0 or 1 is the first frame used."""
    if count is None:
        count = (len(power) - phase) // FRAMES_PER_TILE
    used = power[phase : phase + count * FRAMES_PER_TILE]
    result: np.ndarray = (used[0::2] + used[1::2]) * np.float32(0.5)
    return result


def box_mean(values: np.ndarray) -> np.ndarray:
    """Mean over 5 columns of time x 3 rows of frequency, edges repeated: same shape."""
    wide = np.concatenate([values[:, :1], values, values[:, -1:]], axis=1)
    wide = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    tall = np.concatenate([wide[:1], wide[:1], wide, wide[-1:], wide[-1:]], axis=0)
    total = tall[:-4] + tall[1:-3] + tall[2:-2] + tall[3:-1] + tall[4:]
    result: np.ndarray = total * np.float32(1 / (_BOX_COLUMNS * _BOX_ROWS))
    return result


def reference_level(power: np.ndarray) -> np.float32:
    """Level of the loud tiles in dB (95 % quantile of each column's loudest), the zero of the silence
    weight.
    """
    return np.float32(np.quantile(_DB * np.log(power.max(axis=1) + _TINY), 0.95))


@dataclass(frozen=True)
class FeatureGradient:
    """Features of a block and what the way back needs. All float32 (tiles, 69)."""

    values: np.ndarray
    slope: np.ndarray  # d value / d deviation
    weight: np.ndarray
    local_weight: np.ndarray
    power: np.ndarray

    def to_power(self, upstream: np.ndarray) -> np.ndarray:
        """d objective / d tile power from d objective / d value (weights of the local mean held fixed)."""
        through = upstream * self.slope
        through = through - self.weight * box_mean(through / self.local_weight)
        result: np.ndarray = through * _DB / self.power
        return result


def features(power: np.ndarray, reference_db: np.float32) -> np.ndarray:
    """Weighted, clipped deviation in dB of each tile from its neighbourhood: (tiles, 69) float32."""
    return _features(power, reference_db)[0]


def features_with_gradient(power: np.ndarray, reference_db: np.float32) -> FeatureGradient:
    """The same with what `FeatureGradient.to_power` needs."""
    values, clipped, weight, prominence, local_weight = _features(power, reference_db)
    both = weight * prominence
    slope = (1 - clipped * clipped) * both + values * (1 - prominence) * _PROMINENCE_SLOPE
    return FeatureGradient(values, slope, weight, local_weight, power + _TINY)


def _features(power: np.ndarray, reference_db: np.float32) -> tuple[np.ndarray, ...]:
    level = _DB * np.log(power + _TINY)
    weight = _sigmoid((level - (reference_db - _SILENCE_DB)) * _SILENCE_SLOPE)
    local_weight = box_mean(weight) + np.float32(1e-6)
    deviation = level - box_mean(level * weight) / local_weight
    clipped = np.tanh(deviation * (1 / _CLIP_DB))
    prominence = _sigmoid((deviation - _PROMINENCE_DB) * _PROMINENCE_SLOPE)
    return _CLIP_DB * clipped * weight * prominence, clipped, weight, prominence, local_weight


def _sigmoid(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-x))
    return result


def reliability(power: np.ndarray) -> np.ndarray:
    """Share of each tile's power that is not stationary noise: (tiles, 69) in 0..1.

    The floor of a row is twice its 10 % quantile over time; tiles under it carry nothing of the mark.
    """
    floor = np.quantile(power[::2], 0.1, axis=0) * np.float32(2)
    result: np.ndarray = np.clip(1 - floor / (power + np.float32(1e-12)), 0, 1).astype(np.float32)
    return result
