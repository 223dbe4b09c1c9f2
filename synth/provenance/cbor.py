"""A small reader of CBOR (RFC 8949), for what strangers' manifests hold: bounded in depth and number of items.

Integers, byte and text strings, arrays, maps, tags (dropped), floats, true, false, null; definite and indefinite
lengths. Map keys that are no text are dropped.
"""

from __future__ import annotations

import struct
from typing import Any

from synth.provenance.errors import bad_container

_MAX_DEPTH = 24
_MAX_ITEMS = 50_000
_BREAK = object()


def loads(data: bytes) -> Any:
    """The first item in ``data``. Raises LabelError for anything malformed, cut off, too deep or too long."""
    value = _Reader(data).item(0)
    if value is _BREAK:
        raise bad_container("its CBOR is malformed")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._items = data, 0, 0

    def _take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise bad_container("its CBOR is cut off")
        self._at += count
        return piece

    def item(self, depth: int) -> Any:
        self._items += 1
        if depth > _MAX_DEPTH or self._items > _MAX_ITEMS:
            raise bad_container("its CBOR is nested too deeply or too long")
        first = self._take(1)[0]
        major, extra = first >> 5, first & 0x1F
        if major == 7:
            return self._simple(extra)
        indefinite = extra == 31
        if indefinite and major not in (2, 3, 4, 5):
            raise bad_container("its CBOR is malformed")
        length = None if indefinite else self._number(extra)
        if major == 0:
            return length
        if major == 1:
            return -1 - (length or 0)
        if major in (2, 3):
            return self._string(length, depth, is_text=major == 3)
        if major == 4:
            return list(self._members(length, depth))
        if major == 5:
            return self._map(length, depth)
        return self.item(depth + 1)  # a tag says how to understand what follows; we take it as it is

    def _number(self, extra: int) -> int:
        if extra < 24:
            return extra
        if extra > 27:
            raise bad_container("its CBOR is malformed")
        return int.from_bytes(self._take(1 << (extra - 24)), "big")

    def _simple(self, extra: int) -> Any:
        if extra == 31:
            return _BREAK
        if extra in (25, 26, 27):
            width = {25: ">e", 26: ">f", 27: ">d"}[extra]
            return struct.unpack(width, self._take(struct.calcsize(width)))[0]
        if extra == 24:
            self._take(1)
        return {20: False, 21: True}.get(extra)

    def _string(self, length: int | None, depth: int, *, is_text: bool) -> bytes | str:
        if length is None:
            parts = list(self._members(None, depth))
            if not all(isinstance(part, str if is_text else bytes) for part in parts):
                raise bad_container("its CBOR is malformed")
            return "".join(parts) if is_text else b"".join(parts)
        raw = self._take(length)
        return raw.decode("utf-8", "replace") if is_text else raw

    def _members(self, length: int | None, depth: int) -> Any:
        if length is not None and length > len(self._data) - self._at:
            raise bad_container("its CBOR announces more than it has")
        count = 0
        while length is None or count < length:
            value = self.item(depth + 1)
            if value is _BREAK:
                if length is None:
                    return
                raise bad_container("its CBOR is malformed")
            yield value
            count += 1

    def _map(self, length: int | None, depth: int) -> dict[str, Any]:
        if length is not None and length > (len(self._data) - self._at) // 2 + 1:
            raise bad_container("its CBOR announces more than it has")
        members = list(self._members(None if length is None else 2 * length, depth))
        if len(members) % 2:
            raise bad_container("its CBOR is malformed")
        return {
            key: value for key, value in zip(members[::2], members[1::2], strict=True) if isinstance(key, str)
        }
