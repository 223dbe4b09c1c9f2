"""Which container a file claims to be, by its first bytes. No decoder is chosen by file name."""

from __future__ import annotations

from synth.audio.mpeg import first_frame

SNDFILE_CONTAINERS = frozenset({"wav", "flac", "ogg", "mp3", "aiff", "caf", "au", "w64"})
"""Containers decoded by libsndfile inside the bounded child."""
FFMPEG_DEMUXERS = {
    "webm": "matroska", "mp4": "mov", "aac": "aac", "avi": "avi", "mpegts": "mpegts", "mpeg": "mpeg", "asf": "asf",
    "ac3": "ac3", "eac3": "eac3", "amr": "amr", "flv": "flv", "wav": "wav", "flac": "flac", "ogg": "ogg", "mp3": "mp3",
    "aiff": "aiff", "caf": "caf", "au": "au", "w64": "w64",
}  # fmt: skip
"""The demuxer that a separate ``ffmpeg`` program is held to."""
HEAD_BYTES = 1 << 16
"""How many leading bytes :func:`sniff` wants to see: frames may begin behind other bytes."""

_MAGIC = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"caff", "caf"),
    (b".snd", "au"),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "w64"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"#!AMR", "amr"),
    (b"FLV\x01", "flv"),
    (b"\x00\x00\x01\xba", "mpeg"),
)
_MP4_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_TS_PACKET = 188


def sniff(head: bytes) -> str | None:
    """Name the container of a file that starts with ``head``, or None when it is none we accept."""
    if len(head) < 12:
        return None
    if head[:3] == b"ID3":  # a tag that may stand before other containers than the one it was made for
        behind = head[id3_bytes(head) :]
        return (_named(behind) if len(behind) >= 12 else None) or "mp3"
    return _named(head) or ("mp3" if first_frame(head) is not None else None)


def id3_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag that ``head`` begins with, footer included; 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _named(head: bytes) -> str | None:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"WAVE": "wav", b"AVI ": "avi"}.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] in _MP4_BOXES:
        return "mp4"
    if head[:2] == b"\x0b\x77":
        return "eac3" if head[5] >> 3 > 10 else "ac3"
    if head[0] == 0x47 and all(head[k : k + 1] in (b"\x47", b"") for k in (_TS_PACKET, 2 * _TS_PACKET)):
        return "mpegts" if len(head) > _TS_PACKET else None
    if head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # layer bits 00: ADTS, which no MPEG audio layer uses
        return "aac"
    if head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return "mp3"
    return None
