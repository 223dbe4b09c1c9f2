"""A Vorbis comment in a FLAC file (RFC 9639, section 8.6)."""

from __future__ import annotations

from collections.abc import Iterator

from synth.provenance import comments

_COMMENT = 4
_MAX_BLOCK = (1 << 24) - 1
_MAX_BLOCKS = 1000


def write(data: bytes, key: str, text: str) -> bytes:
    """``data`` with the comment set. ValueError when it is no FLAC file."""
    blocks = [(kind, data[start : start + size]) for kind, start, size in _blocks(data)]
    audio = data[_audio_start(data) :]
    old = next((content for kind, content in blocks if kind == _COMMENT), b"")
    new = (_COMMENT, comments.replaced(old, key, text))
    if len(new[1]) > _MAX_BLOCK:
        raise ValueError("too large for a metadata block")
    others = [block for block in blocks if block[0] != _COMMENT]
    # STREAMINFO stays first; comments follow it.
    ordered = [*others[:1], new, *others[1:]]
    parts = [b"fLaC"]
    for index, (kind, content) in enumerate(ordered):
        last = 0x80 if index == len(ordered) - 1 else 0
        parts += [bytes([last | kind]), len(content).to_bytes(3, "big"), content]
    return b"".join([*parts, audio])


def read(data: bytes, key: str) -> str | None:
    for kind, start, size in _blocks(data):
        if kind == _COMMENT:
            return comments.value(data[start : start + size], key)
    return None


def _blocks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, first byte of the content, size) of every metadata block."""
    if data[:4] != b"fLaC":
        raise ValueError("no fLaC marker")
    at = 4
    for _ in range(_MAX_BLOCKS):
        if at + 4 > len(data):
            raise ValueError("metadata ends early")
        head = data[at]
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 4 + size > len(data):
            raise ValueError("a metadata block is longer than the file")
        yield head & 0x7F, at + 4, size
        at += 4 + size
        if head & 0x80:
            return
    raise ValueError("more metadata than anybody needs")


def _audio_start(data: bytes) -> int:
    return max(start + size for _, start, size in _blocks(data))
