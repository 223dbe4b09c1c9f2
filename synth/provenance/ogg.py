"""A Vorbis comment in OpusTags: Ogg pages (RFC 3533), Opus in Ogg (RFC 7845, section 5.2).

The comment packet is cut into pages anew; the pages behind it keep their content and granule positions and get
new sequence numbers and checksums.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from synth.provenance import comments

_HEADER = struct.Struct("<4sBBqIII B")
_MAGIC = b"OpusTags"
_CONTINUED, _FIRST = 1, 2
_MAX_TAG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class _Page:
    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes

    def as_bytes(self) -> bytes:
        head = _HEADER.pack(
            b"OggS", 0, self.flags, self.granule, self.serial, self.sequence, 0, len(self.lacing)
        )
        page = bytearray(head + self.lacing + self.body)
        struct.pack_into("<I", page, 22, _crc(page))
        return bytes(page)


def write(data: bytes, key: str, text: str) -> bytes:
    """``data`` with the comment set. ValueError when it is no Ogg Opus file of one stream."""
    pages = list(_pages(data))
    packet, used = _tag_packet(pages)
    content = comments.replaced(_without_padding(packet[len(_MAGIC) :]), key, text)
    first = pages[0]
    tags = _paginate(_MAGIC + content, first.serial)
    shift = len(tags) - used
    rest = [replace(page, sequence=page.sequence + shift) for page in pages[1 + used :]]
    if any(page.serial != first.serial for page in rest):
        raise ValueError("several streams in one file")
    return b"".join(page.as_bytes() for page in [first, *tags, *rest])


def read(data: bytes, key: str) -> str | None:
    packet, _ = _tag_packet(_pages(data))
    return comments.value(packet[len(_MAGIC) :], key)


def _pages(data: bytes) -> Iterator[_Page]:
    """Every whole page; ValueError where something else stands."""
    at = 0
    while at < len(data):
        if at + _HEADER.size > len(data):
            raise ValueError("a page ends early")
        magic, version, flags, granule, serial, sequence, _, count = _HEADER.unpack_from(data, at)
        if magic != b"OggS" or version != 0:
            raise ValueError("no Ogg page where one should begin")
        lacing = data[at + _HEADER.size : at + _HEADER.size + count]
        start = at + _HEADER.size + count
        end = start + sum(lacing)
        if len(lacing) < count or end > len(data):
            raise ValueError("a page ends early")
        yield _Page(flags, granule, serial, sequence, lacing, data[start:end])
        at = end


def _tag_packet(pages: Iterator[_Page] | list[_Page]) -> tuple[bytes, int]:
    """(the OpusTags packet, number of pages that it fills)."""
    iterator = iter(pages)
    head = next(iterator, None)
    if head is None or not head.flags & _FIRST or head.body[:8] != b"OpusHead":
        raise ValueError("no Opus stream")
    packet = b""
    for used, page in enumerate(iterator, start=1):
        packet += page.body
        if len(packet) > _MAX_TAG_BYTES:
            raise ValueError("the comments are larger than anybody needs")
        ends = [index for index, value in enumerate(page.lacing) if value < 255]
        if ends:
            if ends[0] != len(page.lacing) - 1:
                raise ValueError("the comments share a page with sound")
            if packet[:8] != _MAGIC:
                break
            return packet, used
    raise ValueError("no OpusTags")


def _without_padding(block: bytes) -> bytes:
    """Comments without what may follow them (RFC 7845 allows padding)."""
    vendor, entries = comments.parse(block)
    return comments.build(vendor, entries)


def _paginate(packet: bytes, serial: int) -> list[_Page]:
    """``packet`` on pages of its own, from sequence number 1. Pages on which no packet ends have granule -1."""
    lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    pages = []
    at = 0
    for start in range(0, len(lacing), 255):
        piece = lacing[start : start + 255]
        size = sum(piece)
        last = start + 255 >= len(lacing)
        pages.append(
            _Page(
                flags=_CONTINUED if start else 0,
                granule=0 if last else -1,
                serial=serial,
                sequence=1 + len(pages),
                lacing=piece,
                body=packet[at : at + size],
            )
        )
        at += size
    return pages


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        table.append(value & 0xFFFFFFFF)
    return table


_TABLE = _crc_table()


def _crc(page: bytes | bytearray) -> int:
    """Ogg's checksum: polynomial 0x04C11DB7, most significant bit first, no inversion, over the page with the
    field itself zero."""
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[(value >> 24) ^ byte]
    return value
