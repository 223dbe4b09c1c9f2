"""Frames of MPEG audio (MP3): where they lie in a file, whatever stands before, between and behind them.

A decoder may believe the count of frames that the first frame declares (Xing, Info, VBRI), and stop there although
players go on. Here the frames themselves are counted. Source: ISO 11172-3 and 13818-3, 2.4.1.3 (header).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_KBIT_PER_S = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_TAGS = (b"Xing", b"Info", b"VBRI")
_COUNTS_AT = {b"Xing": 8, b"Info": 8, b"VBRI": 14}
_TAG_WITHIN = 64
_ALIKE = 2
"""So many more frames of its kind must follow the first, or a picture in a tag is taken for sound."""


class Data(Protocol):
    """Bytes, or a mapped file."""

    def __getitem__(self, where: slice, /) -> bytes: ...
    def __len__(self) -> int: ...
    def find(self, what: bytes, start: int, /) -> int: ...


@dataclass(frozen=True)
class Frame:
    """One frame: its bytes ``first`` .. ``last`` (exclusive), and what must not change within a stream."""

    first: int
    last: int
    kind: tuple[int, int, int, bool]
    """Version bits, layer, sample rate in Hz, mono."""
    bits_per_s: int


def frame_at(data: Data, at: int) -> Frame | None:
    """The frame whose header stands at ``at``; free-format frames are not known."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate_at, bits_at = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate_at == 3 or bits_at in (0, 15):
        return None
    rate_hz = _RATES_HZ[version][rate_at]
    bits_per_s = 1000 * _KBIT_PER_S[1 if version == 3 else 2, layer][bits_at - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        size = 4 * (12 * bits_per_s // rate_hz + padding)
    else:
        size = (72 if layer == 3 and version != 3 else 144) * bits_per_s // rate_hz + padding
    return Frame(at, at + size, (version, layer, rate_hz, head[3] >> 6 == 3), bits_per_s)


def first_frame(data: Data) -> int | None:
    """Where frames begin: the first of three in a row."""
    at = data.find(b"\xff", 0)
    while at >= 0:
        if _followed(data, frame_at(data, at), _ALIKE):
            return at
        at = data.find(b"\xff", at + 1)
    return None


def frames(data: Data) -> Iterator[Frame]:
    """All frames; bytes between them (tags, other files' headers, halves of frames) are passed over."""
    at, in_step = 0, False
    while at < len(data):
        frame = frame_at(data, at)
        if frame is not None and frame.last <= len(data) and (in_step or _followed(data, frame, _ALIKE)):
            yield frame
            at, in_step = frame.last, True
            continue
        at, in_step = data.find(b"\xff", at + (0 if in_step else 1)), False
        if at < 0:
            return


def _followed(data: Data, frame: Frame | None, count: int) -> bool:
    """``count`` more frames of its kind stand behind a frame, or the data ends."""
    for _ in range(count):
        if frame is None or frame.last > len(data):
            return False
        if frame.last == len(data):
            return True
        behind = frame_at(data, frame.last)
        if behind is None or behind.kind != frame.kind:
            return False
        frame = behind
    return frame is not None


def streams(data: Data) -> list[bytes]:
    """The frames as streams that a decoder reads to their end: one ends where the kind of frame changes, or where the
    next declares a count of its own. A count that is not true is taken out."""
    found: list[list[Frame]] = []
    for frame in frames(data):
        if not found or frame.kind != found[-1][-1].kind or _tag(data, frame):
            found.append([])
        found[-1].append(frame)
    return [_bytes_of(data, stream) for stream in found]


def declared_frames(data: Data, frame: Frame) -> int | None:
    """The count of frames that a frame declares; None where it declares none."""
    tag = _tag(data, frame)
    if tag is None:
        return None
    name, at = tag
    flags = int.from_bytes(data[at + 4 : at + 8], "big")
    return _count(data, name, at) if name == b"VBRI" or flags & 1 else None


def _count(data: Data, tag: bytes, at: int) -> int:
    return int.from_bytes(data[at + _COUNTS_AT[tag] : at + _COUNTS_AT[tag] + 4], "big")


def _tag(data: Data, frame: Frame) -> tuple[bytes, int] | None:
    """The tag in a frame that declares a count of frames, and where it stands."""
    head = data[frame.first : frame.first + _TAG_WITHIN]
    return next(((tag, frame.first + head.find(tag)) for tag in _TAGS if tag in head), None)


def _bytes_of(data: Data, stream: list[Frame]) -> bytes:
    runs: list[tuple[int, int]] = []
    for frame in stream:
        if runs and runs[-1][1] == frame.first:
            runs[-1] = (runs[-1][0], frame.last)
        else:
            runs.append((frame.first, frame.last))
    whole = bytearray(b"".join(data[a:b] for a, b in runs))
    tag = _tag(data, stream[0])
    if tag is not None:
        name, at = tag
        if abs(_count(data, name, at) - (len(stream) - 1)) > 1:
            at -= stream[0].first
            whole[at : at + 4] = bytes(4)
    return bytes(whole)
