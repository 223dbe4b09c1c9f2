"""The streams that lie in one file one behind the other, or side by side: whoever plays the file plays them all.

A decoder may stop at the end of the first. Here bytes are only cut, nothing is decoded: chained Ogg (RFC 3533, 3),
FLAC files joined end to end, MPEG audio (`mpeg`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synth.audio import mpeg
from synth.audio.mpeg import Data

MOST_STREAMS = 200
"""What is cut off beyond is said to be unread."""
_FLAC_FIRST_BLOCK = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
"""Header of the block of 34 bytes that a FLAC file begins with, and its only one."""
_OGG_AUDIO = (b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x7fFLAC")
_FIRST_PAGE = 0x02
_PLAIN_WAV = (1, 3)
"""Codes of whole numbers and of floats."""


@dataclass(frozen=True)
class Stream:
    """The bytes of one stream, and which of those that play at the same time it is (from 0)."""

    data: bytes
    track: int = 0


def streams_of(data: Data, container: str) -> list[Stream]:
    """Every stream of a file in the order of play; the whole file as one where it is not known to hold several."""
    if container == "mp3":
        found = [Stream(part) for part in mpeg.streams(data)]
    elif container == "flac":
        found = [Stream(part) for part in _flac(data)]
    elif container == "ogg":
        found = _ogg(data)
    else:
        found = []
    return found or [Stream(data[0 : len(data)])]


def leaves_no_doubt(data: Data, container: str) -> bool:
    """A WAV file of plain samples whose every length is true: one decoder is as good as two. One format, one stretch
    of samples, and the chunks end where the file does."""
    if container != "wav" or data[0:4] != b"RIFF" or int.from_bytes(data[4:8], "little") + 8 != len(data):
        return False
    at, found = 12, list[bytes]()
    while at < len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt " and int.from_bytes(data[at + 8 : at + 10], "little") not in _PLAIN_WAV:
            return False
        found.append(name)
        at += 8 + size + size % 2
    return at == len(data) and found.count(b"fmt ") == found.count(b"data") == 1 and found[0] == b"fmt "


def _flac(data: Data) -> list[bytes]:
    starts, at = list[int](), data.find(b"fLaC", 0)
    while at >= 0:
        if data[at + 4 : at + 8] in _FLAC_FIRST_BLOCK:
            starts.append(at)
        at = data.find(b"fLaC", at + 4)
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


# ------------------------------------------------------------------ Ogg
@dataclass(frozen=True)
class _Page:
    first: int
    last: int
    serial: bytes
    is_first: bool
    body: int


def _ogg(data: Data) -> list[Stream]:
    """Links one behind the other, and in each link its audio streams, told apart by their serial number."""
    links: list[list[_Page]] = []
    heads = False
    for page in _pages(data):
        if not links or (page.is_first and not heads):
            links.append([])
        heads = page.is_first
        links[-1].append(page)
    return [stream for link in links for stream in _tracks(data, link)]


def _tracks(data: Data, link: list[_Page]) -> list[Stream]:
    pages: dict[bytes, list[_Page]] = {}
    serials: dict[bytes, None] = {}
    for page in link:
        pages.setdefault(page.serial, []).append(page)
        if page.is_first and data[page.body : page.body + 8].startswith(_OGG_AUDIO):
            serials[page.serial] = None
    return [
        Stream(b"".join(data[p.first : p.last] for p in pages[serial]), track)
        for track, serial in enumerate(serials)
    ]


def _pages(data: Data) -> Iterator[_Page]:
    at = data.find(b"OggS", 0)
    while at >= 0:
        head = data[at : at + 27]
        if len(head) < 27:
            return
        table = data[at + 27 : at + 27 + head[26]]
        body = at + 27 + len(table)
        last = body + sum(table)
        if head[4] == 0 and len(table) == head[26] and last <= len(data):
            yield _Page(at, last, head[14:18], bool(head[5] & _FIRST_PAGE), body)
            at = last if data[last : last + 4] == b"OggS" else data.find(b"OggS", last)
        else:
            at = data.find(b"OggS", at + 4)
