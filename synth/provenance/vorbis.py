"""Vorbis comments: the ``NAME=value`` list that FLAC, Opus and Vorbis files share (xiph.org)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from synth.provenance.errors import bad_container

MAX_BYTES = 1 << 24


@dataclass(frozen=True)
class Comments:
    """Vendor, list of comments, and what follows the list (padding, or data to be kept: see RFC 7845)."""

    vendor: bytes
    items: tuple[bytes, ...]
    rest: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Comments:
        """Read a comment list; LabelError if a length does not fit."""
        at = 0

        def number() -> int:
            nonlocal at
            raw = data[at : at + 4]
            if len(raw) != 4:
                raise bad_container("its comments are cut off")
            at += 4
            return int.from_bytes(raw, "little")

        def text() -> bytes:
            nonlocal at
            length = number()
            if at + length > len(data):
                raise bad_container("a comment runs past its block")
            at += length
            return data[at - length : at]

        vendor = text()
        count = number()
        if count > (len(data) - at) // 4:
            raise bad_container("it announces more comments than it has")
        items = tuple(text() for _ in range(count))
        return cls(vendor, items, data[at:])

    def get(self, name: str) -> bytes | None:
        """First value called ``name`` (ASCII, any case)."""
        for item in self.items:
            key, separator, value = item.partition(b"=")
            if separator and key.upper() == name.upper().encode("ascii"):
                return value
        return None

    def with_value(self, name: str, value: bytes) -> Comments:
        """The list with ``name`` exactly once, at its end."""
        key = name.upper().encode("ascii")
        kept = tuple(item for item in self.items if item.partition(b"=")[0].upper() != key)
        return Comments(self.vendor, (*kept, key + b"=" + value), self.rest)

    def to_bytes(self) -> bytes:
        parts = [struct.pack("<I", len(self.vendor)), self.vendor, struct.pack("<I", len(self.items))]
        for item in self.items:
            parts += [struct.pack("<I", len(item)), item]
        return b"".join([*parts, self.rest])
