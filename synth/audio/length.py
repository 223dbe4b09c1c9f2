"""How long a file says it is, by its headers alone: too long a file is refused before anybody waits for it.

Nothing is decoded, and nothing here is believed further than for a refusal: a file that says less than it holds is
measured when it is decoded.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from synth.audio import mpeg
from synth.audio.sniff import HEAD_BYTES, id3_bytes, sniff

_TAIL_BYTES = 65_536
_HEADER_BYTES = 4096
_MOST_CHUNKS = 4096
"""Of a WAV file: one of nothing but empty chunks is not walked to its end."""


def declared_duration_s(file: BinaryIO) -> float | None:
    """Seconds that ``file`` (seekable) declares; of MP3 without a frame count, those at its first frame's bit rate.
    None where it says nothing.
    """
    readers = {"wav": _wav, "flac": _flac, "ogg": _ogg, "mp3": _mp3}
    file.seek(0)
    head = file.read(HEAD_BYTES)
    container = sniff(head)
    if container not in readers:
        return None
    size = file.seek(0, 2)
    try:
        return readers[container](file, id3_bytes(head), size)
    except (struct.error, IndexError, ZeroDivisionError, KeyError):
        return None


def _wav(file: BinaryIO, begin: int, size: int) -> float | None:
    at, bytes_per_s = begin + 12, 0
    for _ in range(_MOST_CHUNKS):
        if at + 8 > size:
            break
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            bytes_per_s = struct.unpack("<I", file.read(16)[8:12])[0]
        if name == b"data":
            return min(length, size - at - 8) / bytes_per_s
        at += 8 + length + length % 2
    return None


def _flac(file: BinaryIO, begin: int, size: int) -> float | None:
    file.seek(begin + 8)
    packed = int.from_bytes(file.read(34)[10:18], "big")
    rate_hz, frames = packed >> 44, packed & ((1 << 36) - 1)
    return frames / rate_hz if frames else None


def _ogg(file: BinaryIO, begin: int, size: int) -> float | None:
    file.seek(begin)
    head = file.read(_HEADER_BYTES)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    last = tail.rfind(b"OggS")
    (granule,) = struct.unpack("<q", tail[last + 6 : last + 14])
    vorbis = head.find(b"\x01vorbis")
    if vorbis >= 0:
        return granule / struct.unpack("<I", head[vorbis + 12 : vorbis + 16])[0]
    return granule / 48_000 if b"OpusHead" in head else None


def _mp3(file: BinaryIO, begin: int, size: int) -> float | None:
    file.seek(begin)
    data = file.read(_HEADER_BYTES)
    first = mpeg.frame_at(data, 0)
    if first is None:
        return None
    version, layer, rate_hz, _ = first.kind
    if layer != 3:
        return None
    count = mpeg.declared_frames(data, first)
    if count is not None:
        return count * (1152 if version == 3 else 576) / rate_hz
    return (size - begin) * 8 / first.bits_per_s
