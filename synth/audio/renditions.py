"""Everything that a player plays of one file, as two decoders hear it; runs in the child of :mod:`synth.audio.decode`.

libsndfile decodes every stream that `streams` finds; the separate program ffmpeg, where it is installed, decodes every
audio track, once more without edit lists where there are any. What both play alike is kept once. Where they differ,
in length or in content, both are kept as channels of their own, or the longer where the other is its beginning: so
nothing that anybody may hear goes unexamined.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Samples = np.ndarray
Relation = Literal["same", "shorter", "longer", "different"]
MOST_TRACKS = 8
_BLOCK_FRAMES = 1 << 16
_TRACK_LINE = re.compile(rb"^\s+Stream #0:\d+[^\n]*?: Audio: ", re.MULTILINE)
_OF_SEVERAL = frozenset({"matroska", "mov", "avi", "mpegts", "mpeg", "asf", "flv", "ogg"})
_FRAME_S, _WINDOW, _HOP, _LAG = 0.01, 30, 15, 40
_FLOOR_DB, _SOUND_DB = -60.0, -50.0
_DIFFERENT_DB = 5.0
_IN_A_ROW = 2
SLACK_S = 0.35
"""Decoders take and add the delay of an encoder, and a frame or two at a joint."""


@dataclass(frozen=True)
class Part:
    """Interleaved float32 frames from byte ``offset`` on."""

    offset: int
    channels: int
    frames: int


@dataclass(frozen=True)
class Heard:
    """What one decoder makes of one track: parts in a file, one behind the other."""

    track: int
    decoder: str
    rate_hz: int
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    parts: list[Part] = field(default_factory=list)

    @property
    def channels(self) -> int:
        return max(part.channels for part in self.parts)

    @property
    def frames(self) -> int:
        return sum(part.frames for part in self.parts)

    @property
    def values(self) -> int:
        """Samples of all channels, as they lie in the file."""
        return sum(part.frames * part.channels for part in self.parts)

    @property
    def duration_s(self) -> float:
        return self.frames / self.rate_hz

    def blocks(self, size: int = _BLOCK_FRAMES) -> Iterator[Samples]:
        """Frames (n, channels); a part with fewer channels repeats its own."""
        for part in self.parts:
            self.file.seek(part.offset)
            left = part.frames
            while left:
                data = self.file.read(4 * part.channels * min(size, left))
                block = np.frombuffer(data, "<f4").reshape(-1, part.channels)
                left -= len(block)
                yield block[:, np.arange(self.channels) % part.channels]

    def levels_db(self) -> Samples:
        """Level of each 10 ms of the mean of the channels, nothing below -60 dBFS: (frames,)."""
        size = round(_FRAME_S * self.rate_hz)
        rest, found = np.zeros(0, np.float32), [np.zeros(0)]
        for block in self.blocks():
            mean = np.concatenate([rest, block.mean(axis=1)])
            whole = len(mean) // size * size
            found.append(np.mean(np.square(mean[:whole].reshape(-1, size), dtype=np.float64), axis=1))
            rest = mean[whole:]
        levels: Samples = np.maximum(10 * np.log10(np.concatenate(found) + 1e-12), _FLOOR_DB)
        return levels


def kept_of(candidates: Sequence[Heard]) -> tuple[list[Heard], bool]:
    """What of several decodings of one track has to be examined, and whether they disagree."""
    kept: list[Heard] = []
    disagree = False
    for one in candidates:
        for index, other in enumerate(kept):
            relation = relation_of(one, other)
            disagree = disagree or relation != "same"
            if relation == "longer":
                kept[index] = one
            if relation != "different":
                break
        else:
            kept.append(one)
    return kept, disagree


def relation_of(one: Heard, other: Heard) -> Relation:
    """``same``: alike in content and, within `SLACK_S`, in length; ``shorter``: ``one`` is the beginning of the
    other."""
    if _differ(one.levels_db(), other.levels_db()):
        return "different"
    longer_s = one.duration_s - other.duration_s
    if abs(longer_s) <= SLACK_S:
        return "same"
    return "longer" if longer_s > 0 else "shorter"


def _differ(one: Samples, other: Samples) -> bool:
    """Is there a stretch of the shorter that the longer has nowhere near its place?"""
    one, other = sorted((one, other), key=len)
    if len(one) < _WINDOW:
        return False
    padded = np.pad(other, _LAG, constant_values=_FLOOR_DB)
    padded = np.pad(padded, (0, max(0, len(one) + 2 * _LAG - len(padded))), constant_values=_FLOOR_DB)
    windows = sliding_window_view(one, _WINDOW)[::_HOP]
    best = np.full(len(windows), np.inf)
    for lag in range(2 * _LAG + 1):
        there = sliding_window_view(padded[lag : lag + len(one)], _WINDOW)[::_HOP]
        np.minimum(best, np.abs(windows - there).mean(axis=1), out=best)
    there = sliding_window_view(padded[_LAG : _LAG + len(one)], _WINDOW)[::_HOP]
    sounding = np.maximum(windows.max(axis=1), there.max(axis=1)) > _SOUND_DB
    differs = (best > _DIFFERENT_DB) & sounding
    return bool((np.convolve(differs, np.ones(_IN_A_ROW)) >= _IN_A_ROW).any())


def interleaved(heard: Sequence[Heard]) -> Iterator[Samples]:
    """All of them side by side, (n, sum of channels); where one has ended it is silent."""
    streams = [_in_step(one) for one in heard]
    length = max(one.frames for one in heard)
    for start in range(0, length, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, length - start)
        blocks = [
            next(stream, np.zeros((0, one.channels), np.float32))
            for one, stream in zip(heard, streams, strict=True)
        ]
        yield np.concatenate([np.pad(b, ((0, count - len(b)), (0, 0))) for b in blocks], axis=1)


def _in_step(one: Heard) -> Iterator[Samples]:
    """Its blocks, all of `_BLOCK_FRAMES` but the last."""
    rest = np.zeros((0, one.channels), np.float32)
    for block in one.blocks():
        rest = np.concatenate([rest, block])
        while len(rest) >= _BLOCK_FRAMES:
            yield rest[:_BLOCK_FRAMES]
            rest = rest[_BLOCK_FRAMES:]
    if len(rest):
        yield rest


# ------------------------------------------------------------------ ffmpeg
def count_tracks(job: dict[str, Any]) -> int:
    """Audio tracks of standard input, as ffmpeg lists them; one in containers that hold no more."""
    if job["demuxer"] not in _OF_SEVERAL:
        return 1
    command = [*_reading(job), "-hide_banner"]
    listed = subprocess.run(
        command, stdin=sys.stdin.buffer, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    return len(_TRACK_LINE.findall(listed.stderr))


def unpacked(job: dict[str, Any], track: int = 0, options: Sequence[str] = ()) -> BinaryIO | None:
    """One track of standard input as a temporary float WAV, one demuxer allowed; None where it cannot be decoded."""
    wav: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller, closed at exit
    seconds = job["limits"]["max_duration_s"] + 1
    rate = ["-ar", str(job["rate_hz"])] if job.get("rate_hz") else []
    command = [
        *_reading(job, options), "-v", "quiet", "-map", f"0:a:{track}", "-vn", "-sn", "-dn", "-t", str(seconds),
        "-threads", "1", *rate, "-c:a", "pcm_f32le", "-f", "wav", "file:/proc/self/fd/1", "-y",
    ]  # fmt: skip
    done = subprocess.run(command, stdin=sys.stdin.buffer, stdout=wav, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        return None
    wav.seek(0)
    return wav


def _reading(job: dict[str, Any], options: Sequence[str] = ()) -> list[str]:
    return [
        job["ffmpeg"], "-nostdin", "-threads", "1", "-protocol_whitelist", "file", "-f", job["demuxer"], *options,
        "-i", "file:/proc/self/fd/0",
    ]  # fmt: skip
