"""How long a file says it is, by its headers alone: too long a file is refused before anybody waits for it.

Nothing is decoded, and nothing here is believed further than for a refusal: a file that says less than it holds is
measured when it is decoded.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from synth.audio.sniff import HEAD_BYTES, sniff

_TAIL_BYTES = 65_536
_HEADER_BYTES = 4096
# Layer III, kbit/s by index; MPEG 1, and MPEG 2 and 2.5
_MP3_KBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def declared_duration_s(file: BinaryIO) -> float | None:
    """Seconds that ``file`` (seekable) declares; of MP3 without a frame count, those at its first frame's bit rate.
    None where it says nothing.
    """
    readers = {"wav": _wav, "flac": _flac, "ogg": _ogg, "mp3": _mp3}
    file.seek(0)
    container = sniff(file.read(HEAD_BYTES))
    if container not in readers:
        return None
    size = file.seek(0, 2)
    try:
        return readers[container](file, size)
    except (struct.error, IndexError, ZeroDivisionError, KeyError):
        return None


def _wav(file: BinaryIO, size: int) -> float | None:
    at, bytes_per_s = 12, 0
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            bytes_per_s = struct.unpack("<I", file.read(16)[8:12])[0]
        if name == b"data":
            return min(length, size - at - 8) / bytes_per_s
        at += 8 + length + length % 2
    return None


def _flac(file: BinaryIO, size: int) -> float | None:
    file.seek(8)
    packed = int.from_bytes(file.read(34)[10:18], "big")
    rate_hz, frames = packed >> 44, packed & ((1 << 36) - 1)
    return frames / rate_hz if frames else None


def _ogg(file: BinaryIO, size: int) -> float | None:
    file.seek(0)
    head = file.read(_HEADER_BYTES)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    last = tail.rfind(b"OggS")
    (granule,) = struct.unpack("<q", tail[last + 6 : last + 14])
    vorbis = head.find(b"\x01vorbis")
    if vorbis >= 0:
        return granule / struct.unpack("<I", head[vorbis + 12 : vorbis + 16])[0]
    return granule / 48_000 if b"OpusHead" in head else None


def _mp3(file: BinaryIO, size: int) -> float | None:
    file.seek(0)
    head = file.read(10)
    at = 0
    if head[:3] == b"ID3":
        at = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    file.seek(at)
    frame = file.read(_HEADER_BYTES)
    if frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # layer III
        return None
    version = frame[1] >> 3 & 3
    rate_hz = _MP3_RATES_HZ[version][frame[2] >> 2 & 3]
    for name in (b"Xing", b"Info"):
        mark = frame.find(name, 0, 200)
        if mark >= 0 and frame[mark + 7] & 1:
            return (
                struct.unpack(">I", frame[mark + 8 : mark + 12])[0]
                * (1152 if version == 3 else 576)
                / rate_hz
            )
    kbits = _MP3_KBITS[1 if version == 3 else 2][frame[2] >> 4]
    return (size - at) * 8 / (kbits * 1000)
