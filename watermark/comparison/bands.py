"""Levels in bands of hearing: what the comparison sees of a sound."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import rfft

SAMPLE_RATE_HZ = 16_000
BANDS = 24
LOW_HZ, HIGH_HZ = 100.0, 7_000.0
_WINDOW = 512  # 32 ms
_BATCH = 1_024
_SILENCE = 1e-9  # power at which a band counts as empty: -90 dB


def band_levels(samples: np.ndarray, frames_per_second: int) -> np.ndarray:
    """Level in dB of each band, frame k centred on the sample at k / frames_per_second: float32 (frames, BANDS).

    samples: one channel (n,) at 16 kHz.
    """
    hop = SAMPLE_RATE_HZ // frames_per_second
    if not len(samples):
        return np.zeros((0, BANDS), np.float32)
    padded = np.pad(np.asarray(samples, np.float32), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop]
    hann, shares = np.hanning(_WINDOW).astype(np.float32), _bin_shares()
    out = np.empty((len(frames), BANDS), np.float32)
    for start in range(0, len(frames), _BATCH):
        spectrum = rfft(frames[start : start + _BATCH] * hann, axis=1)
        out[start : start + _BATCH] = (spectrum.real**2 + spectrum.imag**2) @ shares
    result: np.ndarray = 10 * np.log10(out + np.float32(_SILENCE))
    return result


def band_edges_hz() -> np.ndarray:
    """Edges of the bands, equally wide on the mel scale: (BANDS + 1,)."""
    mel = np.linspace(np.log1p(LOW_HZ / 700), np.log1p(HIGH_HZ / 700), BANDS + 1)
    edges: np.ndarray = 700 * np.expm1(mel)
    return edges


@lru_cache(maxsize=1)
def _bin_shares() -> np.ndarray:
    """Share of each bin of the spectrum in each band: float32 (bins, BANDS)."""
    edges = band_edges_hz() * _WINDOW / SAMPLE_RATE_HZ
    bins = np.arange(_WINDOW // 2 + 2)[:, None]
    below = np.clip(edges[None] - bins[:-1], 0, 1)
    shares: np.ndarray = np.diff(below, axis=1).astype(np.float32)
    return shares
