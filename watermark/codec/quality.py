"""How much a mark is heard: an estimate of wide-band PESQ (ITU-T P.862.2) from two signals at 16 kHz.

Bark-band loudness differences with a dead zone, an asymmetry term for energy that appears out of nothing,
and the plain loudness distance, as in the perceptual model of P.862; a linear fit of them and their roots
to the score of the reference program on marked speech (leave-one-clip-out correlation 0.95, rms error
0.06). It only steers the strength of the mark; benchmarks report the reference program itself.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft

from .parameters import SAMPLE_RATE_HZ

_WINDOW = 512
_HOP = 256
_BANDS = 49
_CEILING = 4.64  # of wide-band PESQ
_EXPONENT = 0.23  # Zwicker's loudness
_DEAD_ZONE = 0.25
_WEIGHTS = np.array([4.5318, -4.3648, -2.7446, -5.0349, -0.1442, 0.1120, 1.3424])


def _bark_matrix() -> np.ndarray:
    hz = np.arange(_WINDOW // 2 + 1) * SAMPLE_RATE_HZ / _WINDOW
    bark = 6 * np.arcsinh(hz / 600)
    band = np.digitize(bark, np.linspace(bark[3], bark[-1], _BANDS + 1)) - 1
    matrix = np.zeros((len(hz), _BANDS), np.float32)
    inside = band >= 0
    matrix[np.flatnonzero(inside), np.minimum(band[inside], _BANDS - 1)] = 1
    return matrix


_HANN = np.hanning(_WINDOW).astype(np.float32)
_BARK = _bark_matrix()


def estimate_quality(original: np.ndarray, marked: np.ndarray) -> float:
    """Estimated wide-band PESQ (about 1 to 4.64) of `marked` against `original`, both (n,) at 16 kHz."""
    distances = _distances(original, marked)
    return float(min(_CEILING, np.concatenate([[1.0], distances, np.sqrt(distances)]) @ _WEIGHTS))


def _bark_power(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples, np.float32)
    if len(samples) < _WINDOW:
        samples = np.pad(samples, (0, _WINDOW - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    spectrum = rfft(frames * _HANN, axis=1)
    result: np.ndarray = (spectrum.real**2 + spectrum.imag**2) @ _BARK
    return result


def _distances(original: np.ndarray, marked: np.ndarray) -> np.ndarray:
    before, after = _bark_power(original), _bark_power(marked)
    threshold = 1e-6 * before.max() + 1e-12
    loudness, changed = (before + threshold) ** _EXPONENT, (after + threshold) ** _EXPONENT
    total = loudness.sum(axis=1)
    scale = _BANDS / np.quantile(total, 0.9)
    difference = loudness - changed
    heard = np.maximum(np.abs(difference) - _DEAD_ZONE * np.minimum(loudness, changed), 0) * scale
    growth = ((after + 20 * threshold) / (before + 20 * threshold)) ** 1.2
    asymmetry = np.where((changed > loudness) & (growth > 3), np.minimum(growth, 12), 0)
    frame_weight = 1 / (total * scale / _BANDS + 0.1) ** 0.04

    def over_time(per_frame: np.ndarray) -> float:
        return float(np.sqrt(((per_frame * frame_weight) ** 2).mean()))

    return np.array(
        [
            over_time(np.sqrt((heard**2).mean(axis=1))),
            over_time((heard * asymmetry).mean(axis=1)),
            float(np.sqrt(((difference * scale) ** 2).mean())),
        ]
    )
