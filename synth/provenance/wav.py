"""A text in a RIFF chunk of its own (Microsoft, Multimedia Programming Interface 1.0: chunks are padded to even)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAX_CHUNKS = 1000


def write(data: bytes, key: str, text: str) -> bytes:
    """``data`` with the chunk ``key`` at its end. ValueError when it is no WAV file."""
    parts = [data[:4], b"\0\0\0\0", data[8:12]]
    for name, start, size in _chunks(data):
        if name != key.encode():
            parts.append(data[start - 8 : start + size] + b"\0" * (size % 2))
    value = text.encode()
    parts.append(key.encode() + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2))
    whole = bytearray(b"".join(parts))
    struct.pack_into("<I", whole, 4, len(whole) - 8)
    return bytes(whole)


def read(data: bytes, key: str) -> str | None:
    for name, start, size in _chunks(data):
        if name == key.encode():
            return data[start : start + size].decode("utf-8", "replace")
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(id, first byte of the content, size) of every whole chunk."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no RIFF WAVE header")
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        name, size = struct.unpack_from("<4sI", data, at)
        # A size beyond the end is what streams and broken files have: what is there counts.
        size = min(size, len(data) - at - 8)
        yield name, at + 8, size
        at += 8 + size + size % 2
