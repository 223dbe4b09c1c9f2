"""Which container a file claims to be, by its first bytes. No decoder is chosen by file name."""

from __future__ import annotations

#: Containers decoded by libsndfile inside the bounded child.
SNDFILE_CONTAINERS = frozenset({"wav", "flac", "ogg", "mp3"})
#: Containers handed to a separate ``ffmpeg`` program, with the demuxer that it is held to.
FFMPEG_DEMUXERS = {"webm": "matroska", "mp4": "mov", "aac": "aac"}
#: How many leading bytes :func:`sniff` wants to see.
HEAD_BYTES = 64


def sniff(head: bytes) -> str | None:
    """Name the container of a file that starts with ``head``, or None when it is none we accept."""
    if len(head) < 12:
        return None
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # layer bits 00: ADTS, which no MPEG audio layer uses
        return "aac"
    if head[:3] == b"ID3" or (head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06):
        return "mp3"
    return None
