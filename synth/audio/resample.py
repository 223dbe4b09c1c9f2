"""Sample-rate conversion (soxr, very high quality; deterministic)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import soxr


def resample(samples: npt.NDArray[Any], from_hz: int, to_hz: int) -> npt.NDArray[np.float32]:
    """Convert mono (n,) or multichannel (channels, n) samples to another rate; returns float32.

    The result has ``round(n * to_hz / from_hz)`` frames, within one.
    """
    x = np.asarray(samples, dtype=np.float32)
    if from_hz == to_hz:
        return x
    if x.shape[-1] == 0:
        return x
    return np.ascontiguousarray(soxr.resample(x.T, from_hz, to_hz, quality="VHQ").T, dtype=np.float32)
