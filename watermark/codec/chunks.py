"""Long audio in bounded memory: overlapping chunks of 16 kHz samples from any stream of sample blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .parameters import SAMPLE_RATE_HZ
from .resample import resample

CHUNK_S = 48.0
OVERLAP_S = 6.0  # more than the 3 s that a record needs, so that none is lost on a border


@dataclass(frozen=True)
class Chunk:
    """samples: float32 (n,) at 16 kHz. start_s: time of the first in the whole file. index: 0, 1, ..."""

    samples: np.ndarray
    start_s: float
    index: int


def chunks(blocks: Iterable[np.ndarray], sample_rate_hz: int) -> Iterator[Chunk]:
    """Chunks of 48 s, each 6 s into the one before; the last is whatever is left."""
    size, step = int(CHUNK_S * sample_rate_hz), int((CHUNK_S - OVERLAP_S) * sample_rate_hz)
    held = np.zeros(0, np.float32)
    start, index = 0, 0
    for block in blocks:
        held = np.concatenate([held, np.asarray(block, np.float32)])
        while len(held) > size:
            yield _chunk(held[:size], start, index, sample_rate_hz)
            held = held[step:]
            start, index = start + step, index + 1
    if len(held) and (index == 0 or len(held) > int(OVERLAP_S * sample_rate_hz)):
        yield _chunk(held, start, index, sample_rate_hz)


def slices(samples: np.ndarray, sample_rate_hz: int) -> Iterable[np.ndarray]:
    """An array as blocks of one chunk's step, without copying it; may be iterated again."""
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f"the mark is read from one channel, not from an array of shape {samples.shape}")
    step = int((CHUNK_S - OVERLAP_S) * sample_rate_hz)
    return [samples[start : start + step] for start in range(0, max(len(samples), 1), step)]


def _chunk(held: np.ndarray, start: int, index: int, sample_rate_hz: int) -> Chunk:
    # Unfinished numbers from a damaged file must not spread through the transforms.
    clean = np.nan_to_num(held, copy=True, nan=0.0, posinf=0.0, neginf=0.0)
    return Chunk(resample(clean, sample_rate_hz, SAMPLE_RATE_HZ), start / sample_rate_hz, index)
