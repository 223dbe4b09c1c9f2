"""A text in an ID3v2 TXXX frame (id3.org, ID3v2.4.0 and 2.3.0)."""

from __future__ import annotations

from collections.abc import Iterator

_HEADER = 10
_MAX_FRAMES = 1000
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


def write(data: bytes, key: str, text: str) -> bytes:
    """``data`` behind an ID3v2.4 tag with the frame; other frames of an earlier 2.4 tag are kept."""
    frames = b""
    body = data
    if data[:3] == b"ID3":
        end = _tag_end(data)
        if data[3] == 4:
            for name, content in _frames(data):
                if not (name == b"TXXX" and _user_text(content)[0] == key):
                    frames += name + _synchsafe(len(content)) + b"\0\0" + content
        body = data[end:]
    if body[:1] != b"\xff" or len(body) < 4 or body[1] & 0xE0 != 0xE0:
        raise ValueError("no MPEG audio frame where one should begin")
    content = b"\x03" + key.encode() + b"\0" + text.encode()
    frames += b"TXXX" + _synchsafe(len(content)) + b"\0\0" + content
    return b"ID3\x04\0\0" + _synchsafe(len(frames)) + frames + body


def read(data: bytes, key: str) -> str | None:
    if data[:3] != b"ID3":
        return None
    for name, content in _frames(data):
        if name == b"TXXX":
            description, text = _user_text(content)
            if description == key:
                return text
    return None


def _frames(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    version = data[3]
    if version not in (3, 4):
        raise ValueError(f"ID3v2.{version} is not read")
    end = min(_tag_end(data), len(data))
    at = _HEADER
    if data[5] & 0x40:  # extended header: its size does not count itself in 2.3, and does in 2.4
        at += _unsynchsafe(data[at : at + 4]) if version == 4 else int.from_bytes(data[at : at + 4]) + 4
    for _ in range(_MAX_FRAMES):
        if at + 10 > end or data[at] == 0:
            return
        name = data[at : at + 4]
        raw = data[at + 4 : at + 8]
        size = _unsynchsafe(raw) if version == 4 else int.from_bytes(raw)
        if size == 0 or at + 10 + size > end:
            return
        yield name, data[at + 10 : at + 10 + size]
        at += 10 + size


def _tag_end(data: bytes) -> int:
    if len(data) < _HEADER:
        raise ValueError("the tag ends before its header does")
    footer = 10 if data[5] & 0x10 else 0
    return _HEADER + _unsynchsafe(data[6:10]) + footer


def _user_text(content: bytes) -> tuple[str, str]:
    """(description, value) of a TXXX frame."""
    encoding = _ENCODINGS.get(content[0] if content else 0, "latin-1")
    text = content[1:].decode(encoding, "replace")
    description, _, value = text.partition("\0")
    return description.lstrip("\ufeff"), value.strip("\0").lstrip("\ufeff")


def _synchsafe(size: int) -> bytes:
    if size >= 1 << 28:
        raise ValueError("too large for a tag")
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _unsynchsafe(raw: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=False))
