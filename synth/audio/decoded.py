"""Decoded audio that stays in a file and is read in blocks: an hour takes as little memory as a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
BLOCK_FRAMES = 1 << 18


@dataclass(frozen=True)
class Played:
    """What one decoder plays of one track (from 0), and which channels of a decoded file hold it."""

    track: int
    decoder: str
    channels: range
    duration_s: float


@dataclass(frozen=True)
class DecodedFile:
    """Interleaved float32 frames within [-1, 1] in an open file, from byte ``offset`` on.

    ``source_rate_hz`` is the rate of the file that was decoded; None where it is not known. ``played``: whose
    channels they are; empty where all are one track's. ``decoders_disagree``: two decoders played something else, or
    for another time; all of it is here. ``unread``: streams and tracks that could not be decoded.
    """

    file: IO[bytes]
    offset: int
    channels: int
    frames: int
    sample_rate_hz: int
    source_rate_hz: int | None
    container: str
    codec: str
    played: tuple[Played, ...] = ()
    decoders_disagree: bool = False
    unread: int = 0

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate_hz

    def beside(self, channel: int) -> range:
        """The channels that are heard together with one."""
        return next((p.channels for p in self.played if channel in p.channels), range(self.channels))

    def channel(self, index: int | None = None) -> Track:
        """One channel, or with None the mean of all."""
        return Track(self, index, 0, self.frames)

    def frames_at(self, start: int, stop: int) -> Samples:
        """Frames ``start`` to ``stop`` of all channels: float32 (n, channels)."""
        width = 4 * self.channels
        data = os.pread(self.file.fileno(), (stop - start) * width, self.offset + start * width)
        return np.frombuffer(data, dtype="<f4").reshape(-1, self.channels)


@dataclass(frozen=True)
class Track:
    """A stretch of one channel (``index`` None: of the mean of all), frames ``first`` to ``last`` of the file.

    Iterating gives blocks (n,), as often as wanted.
    """

    source: DecodedFile
    index: int | None
    first: int
    last: int

    @property
    def sample_rate_hz(self) -> int:
        return self.source.sample_rate_hz

    @property
    def duration_s(self) -> float:
        return (self.last - self.first) / self.sample_rate_hz

    @property
    def start_s(self) -> float:
        return self.first / self.sample_rate_hz

    def between(self, start_s: float, end_s: float) -> Track:
        """The part from ``start_s`` to ``end_s`` of the file, as far as it lies inside."""
        first = min(max(round(start_s * self.sample_rate_hz), self.first), self.last)
        last = max(min(round(end_s * self.sample_rate_hz), self.last), first)
        return Track(self.source, self.index, first, last)

    def __iter__(self) -> Iterator[Samples]:
        return self.blocks(BLOCK_FRAMES)

    def blocks(self, size: int) -> Iterator[Samples]:
        """Blocks of ``size`` frames; the last may be shorter."""
        for start in range(self.first, self.last, size):
            yield self._mixed(self.source.frames_at(start, min(start + size, self.last)))

    def samples(self) -> Samples:
        """All of it at once: for stretches known to be short."""
        return self._mixed(self.source.frames_at(self.first, self.last))

    def _mixed(self, frames: Samples) -> Samples:
        if self.index is not None:
            return np.ascontiguousarray(frames[:, self.index])
        return np.asarray(frames.mean(axis=1), dtype=np.float32)
