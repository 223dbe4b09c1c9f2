"""Voiceprints as bytes: float32, little-endian, as the speaker gate measured them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def to_bytes(embedding: Sequence[float] | np.ndarray | None) -> bytes | None:
    return None if embedding is None else np.asarray(embedding, dtype="<f4").tobytes()


def from_bytes(data: bytes | memoryview | None) -> np.ndarray | None:
    """float32 vector, or None where none is kept."""
    return None if data is None else np.frombuffer(bytes(data), dtype="<f4").astype(np.float32)
