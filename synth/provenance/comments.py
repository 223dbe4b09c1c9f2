"""Vorbis comments (Xiph.org, Ogg Vorbis I specification, section 5): vendor, then KEY=text entries."""

from __future__ import annotations

import struct

_MAX_COMMENTS = 10_000


def parse(block: bytes) -> tuple[bytes, list[bytes]]:
    """(vendor, entries). ValueError for lengths that do not fit."""
    at = 0

    def take() -> bytes:
        nonlocal at
        if at + 4 > len(block):
            raise ValueError("comments end early")
        (size,) = struct.unpack_from("<I", block, at)
        at += 4
        if size > len(block) - at:
            raise ValueError("a comment is longer than its block")
        value = block[at : at + size]
        at += size
        return value

    vendor = take()
    if at + 4 > len(block):
        raise ValueError("comments end early")
    (count,) = struct.unpack_from("<I", block, at)
    at += 4
    if count > _MAX_COMMENTS:
        raise ValueError("more comments than anybody needs")
    return vendor, [take() for _ in range(count)]


def build(vendor: bytes, entries: list[bytes]) -> bytes:
    parts = [struct.pack("<I", len(vendor)), vendor, struct.pack("<I", len(entries))]
    for entry in entries:
        parts += [struct.pack("<I", len(entry)), entry]
    return b"".join(parts)


def replaced(block: bytes, key: str, text: str) -> bytes:
    """``block`` with ``key`` set to ``text`` once."""
    vendor, entries = parse(block) if block else (b"assent", [])
    kept = [entry for entry in entries if not _is(entry, key)]
    return build(vendor, [*kept, f"{key}={text}".encode()])


def value(block: bytes, key: str) -> str | None:
    for entry in parse(block)[1]:
        if _is(entry, key):
            return entry.split(b"=", 1)[1].decode("utf-8", "replace")
    return None


def _is(entry: bytes, key: str) -> bool:
    # Field names are case-insensitive ASCII.
    return entry.split(b"=", 1)[0].upper() == key.upper().encode() and b"=" in entry
