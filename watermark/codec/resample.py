"""Rate conversion for the codec: polyphase, any pair of integer rates."""

from __future__ import annotations

from math import gcd

import numpy as np
from scipy.signal import resample_poly


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """(n,) at from_hz -> float32 (about n * to_hz / from_hz,) at to_hz."""
    samples = np.asarray(samples, np.float32)
    if from_hz == to_hz:
        return samples
    common = gcd(from_hz, to_hz)
    return np.asarray(resample_poly(samples, to_hz // common, from_hz // common), np.float32)
