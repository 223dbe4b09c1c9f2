"""Ogg Opus (and reading Ogg Vorbis): the comment packet, second of the stream (RFC 3533, RFC 7845)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from synth.provenance.errors import LabelError, bad_container
from synth.provenance.vorbis import Comments

CAPTURE = b"OggS"
_OPUS_TAGS = b"OpusTags"
_VORBIS_COMMENTS = b"\x03vorbis"
_CONTINUED, _FIRST = 0x01, 0x02
_MAX_PACKET_BYTES = 1 << 20
_MAX_SEGMENTS = 255
_NO_PACKET_ENDS = 0xFFFFFFFFFFFFFFFF
_HEAD = struct.Struct("<4sBBQIIIB")


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_CRC = _crc_table()


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC[value >> 24 ^ byte]
    return value


@dataclass(frozen=True)
class Page:
    """One page; ``lacing`` holds the lengths of its segments."""

    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes

    def to_bytes(self) -> bytes:
        """The page with its checksum."""
        head = _HEAD.pack(
            CAPTURE, 0, self.flags, self.granule, self.serial, self.sequence & 0xFFFFFFFF, 0, len(self.lacing)
        )
        page = head + self.lacing + self.body
        return page[:22] + struct.pack("<I", _crc(page)) + page[26:]


def is_ogg(data: bytes) -> bool:
    return data[:4] == CAPTURE


def _page(data: bytes, at: int, *, check: bool) -> tuple[Page, int]:
    """The page at ``at`` and the offset after it; with ``check``, its checksum must hold."""
    head = data[at : at + _HEAD.size]
    if len(head) != _HEAD.size:
        raise bad_container("an Ogg page is cut off")
    capture, version, flags, granule, serial, sequence, crc, segments = _HEAD.unpack(head)
    if capture != CAPTURE or version != 0:
        raise bad_container("an Ogg page does not begin where it should")
    lacing = data[at + _HEAD.size : at + _HEAD.size + segments]
    start = at + _HEAD.size + segments
    end = start + sum(lacing)
    if len(lacing) != segments or end > len(data):
        raise bad_container("an Ogg page is cut off")
    if check and _crc(data[at : at + 22] + b"\0\0\0\0" + data[at + 26 : end]) != crc:
        raise bad_container("the checksum of an Ogg page is wrong")
    return Page(flags, granule, serial, sequence, lacing, data[start:end]), end


@dataclass(frozen=True)
class _Headers:
    """The identification page, the comment packet, and where the pages after it begin."""

    first: bytes
    serial: int
    packet: bytes
    comment_pages: int
    end: int


def _headers(data: bytes) -> _Headers:
    page, at = _page(data, 0, check=True)
    if not page.flags & _FIRST or not page.body.startswith((b"OpusHead", b"\x01vorbis")):
        raise bad_container("not an Ogg Opus file")
    first, serial = data[:at], page.serial
    packet, pages = b"", 0
    while len(packet) <= _MAX_PACKET_BYTES:
        page, at = _page(data, at, check=True)
        pages += 1
        if page.serial != serial or bool(page.flags & _CONTINUED) != (pages > 1) or not page.lacing:
            raise bad_container("its comments are not where they should be")
        end = next((number for number, length in enumerate(page.lacing) if length < 255), None)
        if end is None:
            packet += page.body
            continue
        packet += page.body[: sum(page.lacing[: end + 1])]
        # In Opus the sound begins on a page of its own; only then can pages be exchanged.
        whole = end + 1 == len(page.lacing)
        return _Headers(first, serial, packet, pages, at if whole else -1)
    raise bad_container("its comments are too large")


def _comments(packet: bytes) -> Comments:
    for magic in (_OPUS_TAGS, _VORBIS_COMMENTS):
        if packet.startswith(magic):
            return Comments.parse(packet[len(magic) :])
    raise bad_container("its second packet holds no comments")


def read(data: bytes, name: str) -> bytes | None:
    """Value of the comment ``name``; None where there is none."""
    return _comments(_headers(data).packet).get(name)


def write(data: bytes, name: str, value: bytes) -> bytes:
    """The Opus file with the comment ``name`` exactly once; the sound's packets are untouched.

    Pages after the comments are renumbered, with new checksums, only where the number of comment pages
    changes.
    """
    headers = _headers(data)
    if not headers.packet.startswith(_OPUS_TAGS) or headers.end < 0:
        raise bad_container("not an Ogg Opus file as it is usually written")
    comments = _comments(headers.packet)
    # RFC 7845, 5.2: what follows the list is padding unless its first bit says that it is to be kept.
    rest = comments.rest if comments.rest[:1] and comments.rest[0] & 1 else b""
    made = Comments(comments.vendor, comments.items, rest).with_value(name, value)
    packet = _OPUS_TAGS + made.to_bytes()
    if len(packet) > _MAX_PACKET_BYTES:
        raise LabelError("label_too_large", "The comments of the Opus file would be too large.")
    pages = _paginate(packet, headers.serial, first_sequence=1)
    shift = len(pages) - headers.comment_pages
    tail = data[headers.end :] if shift == 0 else _renumbered(data, headers, shift)
    return b"".join([headers.first, *(page.to_bytes() for page in pages), tail])


def _paginate(packet: bytes, serial: int, *, first_sequence: int) -> list[Page]:
    lacing = b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
    pages: list[Page] = []
    for start in range(0, len(lacing), _MAX_SEGMENTS):
        part = lacing[start : start + _MAX_SEGMENTS]
        ends = start + _MAX_SEGMENTS >= len(lacing)
        body = packet[start * 255 : start * 255 + sum(part)]
        flags = _CONTINUED if start else 0
        granule = 0 if ends else _NO_PACKET_ENDS
        pages.append(Page(flags, granule, serial, first_sequence + len(pages), part, body))
    return pages


def _renumbered(data: bytes, headers: _Headers, shift: int) -> bytes:
    parts = []
    at = headers.end
    while at < len(data):
        page, at = _page(data, at, check=False)
        if page.serial != headers.serial:
            raise bad_container("it holds more than one stream")
        parts.append(
            Page(
                page.flags, page.granule, page.serial, page.sequence + shift, page.lacing, page.body
            ).to_bytes()
        )
    return b"".join(parts)
