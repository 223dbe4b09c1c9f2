"""WAV: a chunk of our own beside the sound (RIFF, little-endian, chunks padded to even lengths)."""

from __future__ import annotations

import struct

from synth.provenance.errors import bad_container

AIGC = b"AIGC"
_MAX_CHUNKS = 4096
_MAX_RIFF_BYTES = 0xFFFFFFFF
_OPEN = 0xFFFFFFFF
"""Length of a sound that was not known when its head was written: it goes on to the end of the file."""


def is_wav(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def _chunks(data: bytes) -> list[tuple[bytes, int, int]]:
    """``(id, start of content, length)`` of each chunk; stops at the first that does not fit the file."""
    if not is_wav(data):
        raise bad_container("not a WAV file")
    found: list[tuple[bytes, int, int]] = []
    at = 12
    while at + 8 <= len(data) and len(found) < _MAX_CHUNKS:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"data" and length == _OPEN:
            length = len(data) - at - 8
        if at + 8 + length > len(data):
            raise bad_container("a chunk runs past the end of the file")
        found.append((name, at + 8, length))
        at += 8 + length + (length & 1)
    if len(found) == _MAX_CHUNKS:
        raise bad_container("too many chunks")
    return found


def read(data: bytes) -> bytes | None:
    """Content of the AIGC chunk; None where there is none."""
    return read_chunk(data, AIGC)


def read_chunk(data: bytes, wanted: bytes) -> bytes | None:
    """Content of the first chunk of this name; None where there is none."""
    for name, start, length in _chunks(data):
        if name == wanted:
            return data[start : start + length]
    return None


def write(data: bytes, content: bytes) -> bytes:
    """The file with ``content`` as its only AIGC chunk, at the end, and the RIFF size mended; in front of the sound
    where that has an open length, which then stays open."""
    chunks = [(name, start, length) for name, start, length in _chunks(data) if name != AIGC]
    if not any(name == b"data" for name, _, _ in chunks):
        raise bad_container("no chunk holds the sound")
    if data[4:8] == struct.pack("<I", _OPEN):
        start = next(start for name, start, _ in chunks if name == b"data")
        return data[: start - 8] + _chunk(AIGC, content) + data[start - 8 :]
    parts = [_chunk(name, data[start : start + length]) for name, start, length in chunks]
    parts.append(_chunk(AIGC, content))
    body = b"WAVE" + b"".join(parts)
    if len(body) > _MAX_RIFF_BYTES:
        raise bad_container("longer than 4 GiB")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)
