"""Whisper's front end: the log-mel spectrogram that the network was trained on.

Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"; Slaney's mel scale. Agrees
with the extractor of `transformers` to 1e-4.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

RATE_HZ = 16_000
WINDOW_S = 30.0
_FFT, _HOP, _BANDS = 400, 160, 80


def log_mel(samples: np.ndarray) -> np.ndarray:
    """(80, 3000) float32 of mono float32 ``samples`` at 16 kHz: silence up to 30 s, nothing beyond."""
    length = int(WINDOW_S * RATE_HZ)
    padded = np.zeros(length, np.float32)
    padded[: min(len(samples), length)] = samples[:length]
    padded = np.pad(padded, _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][:-1]
    hann = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)).astype(np.float32) ** 2
    loudness = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    scaled = (np.maximum(loudness, loudness.max() - 8.0) + 4.0) / 4.0
    return np.ascontiguousarray(scaled, dtype=np.float32)


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """(80, 201) triangles of equal area on Slaney's scale: linear to 1 kHz, logarithmic above, up to 8 kHz."""
    linear_hz, step = 200 / 3, np.log(6.4) / 27
    corner_mel = 1000 / linear_hz
    top_mel = corner_mel + np.log(8000 / 1000) / step
    mel = np.linspace(0, top_mel, _BANDS + 2)
    corners_hz = np.where(mel < corner_mel, mel * linear_hz, 1000 * np.exp(step * (mel - corner_mel)))
    bins_hz = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    width = np.diff(corners_hz)
    rising = (bins_hz - corners_hz[:-2, None]) / width[:-1, None]
    falling = (corners_hz[2:, None] - bins_hz) / width[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (corners_hz[2:] - corners_hz[:-2]))[:, None], dtype=np.float32)
