"""Encoding sound that leaves before all of it is there: what was given out is never written again.

One encoder goes on across all pieces, so that pieces joined are one file: WAV with an open length (both sizes at their
largest, as programs that write into a pipe leave them), raw samples, MP3 at a constant bit rate, Ogg Opus. FLAC is not
offered: its head holds the length and a hash of all samples.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from synth.audio import mpeg
from synth.audio.encode import MP3_OPTIONS, decode_own, format_named

STREAMED_FORMATS = ("mp3", "opus", "wav", "pcm", "wav_bare")
_OPEN = 0xFFFFFFFF


class StreamEncoder:
    """Mono float samples in blocks of any size -> bytes; one instance a file.

    ``push(samples)`` (n,) in [-1, 1] returns the bytes that are ready, ``finish()`` the rest: joined they are the
    file. The encoders of MP3 and Opus hold back up to a second. Raises ValueError for other formats.
    """

    def __init__(self, sample_rate_hz: int, *, format: str) -> None:
        if format not in STREAMED_FORMATS:
            raise ValueError(f"{format} cannot be written before its end is known")
        self._format = format_named(format)
        self.sample_rate_hz = self._format.rate_for(sample_rate_hz)
        self._resampler = (
            soxr.ResampleStream(sample_rate_hz, self.sample_rate_hz, 1, dtype="float32", quality="VHQ")
            if self.sample_rate_hz != sample_rate_hz
            else None
        )
        self._tape = _Tape()
        self._rest = b""
        self._encoder: sf.SoundFile | None = None
        if self._format.subtype != "PCM_16":
            options: dict[str, Any] = MP3_OPTIONS if format == "mp3" else {}
            self._encoder = sf.SoundFile(
                self._tape, "w", self.sample_rate_hz, 1, format=self._format.container,
                subtype=self._format.subtype, **options,
            )  # fmt: skip
        elif self._format.container is not None:
            self._tape.write(wav_head(self.sample_rate_hz))

    def push(self, samples: npt.NDArray[Any]) -> bytes:
        """Take samples (n,), give back the bytes that are ready."""
        self._write(self._at_rate(samples, last=False))
        ready = self._rest + self._tape.taken()
        # Decoders begin at a frame, and a piece is decoded by itself; Ogg is written in whole pages anyhow.
        end = _after_frames(ready) if self._format.name == "mp3" else len(ready)
        self._rest = ready[end:]
        return ready[:end]

    def finish(self) -> bytes:
        """The rest of the file."""
        self._write(self._at_rate(np.zeros(0, np.float32), last=True))
        if self._encoder is not None:
            self._encoder.close()
        return self._rest + self._tape.taken()

    def _at_rate(self, samples: npt.NDArray[Any], *, last: bool) -> npt.NDArray[np.float32]:
        x = np.asarray(samples, np.float32)
        if self._resampler is not None:
            x = np.asarray(self._resampler.resample_chunk(x, last=last), np.float32)
        return np.clip(x, -1, 1)

    def _write(self, samples: npt.NDArray[np.float32]) -> None:
        if self._encoder is None:
            self._tape.write(np.round(samples * 32767).astype("<i2").tobytes())
            return
        for start in range(
            0, samples.size, self.sample_rate_hz
        ):  # the Opus writer is unsafe with long buffers
            self._encoder.write(samples[start : start + self.sample_rate_hz])


class _Tape(io.RawIOBase):
    """A file that only grows for whoever reads it: what was taken stays, whatever is written over it.

    The MP3 writer fills in the number of frames at the end, in a first frame that is silent without it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()
        self._at = 0
        self._taken = 0

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._taken + len(self._bytes)}[whence]
        self._at = base + offset
        return self._at

    def write(self, data: Any) -> int:
        data = bytes(data)
        fresh = data[max(0, self._taken - self._at) :]
        start = max(0, self._at - self._taken)
        if fresh:
            self._bytes[start : start + len(fresh)] = fresh
        self._at += len(data)
        return len(data)

    def readinto(self, buffer: Any) -> int:
        """Nothing: no writer of ours reads back what it wrote."""
        return 0

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = bytes(self._bytes)
        self._bytes.clear()
        self._taken += len(data)
        return data


class StreamDecoder:
    """Our own bytes as they grow -> samples: each piece is decoded with the piece before it, and their head."""

    def __init__(self, *, format: str) -> None:
        self._name = format_named(format).name
        self._head = b""
        self._before = b""
        self._decoded_s = 0.0
        self.duration_s = 0.0

    def piece(self, data: bytes) -> tuple[npt.NDArray[np.float32], int, float]:
        """Samples (n,) of what came before and ``data``, their rate, and the seconds that are new.

        Raises nothing for bytes that hold no sound yet: no samples, and 0 s.
        """
        head, body = self._parted(data)
        samples, rate_hz = self._decoded(head + self._before + body)
        return samples, rate_hz, max(0.0, len(samples) / rate_hz - self._decoded_s)

    def keep(self, data: bytes, fresh_s: float) -> None:
        """``data`` has left, of which ``fresh_s`` were new: what comes next is decoded with it."""
        self._head, body = self._parted(data)
        self._before = body
        self.duration_s += fresh_s
        alone, rate_hz = self._decoded(self._head + body)
        self._decoded_s = len(alone) / rate_hz

    def _parted(self, data: bytes) -> tuple[bytes, bytes]:
        """The file's head, which every decoder wants first, and the rest of ``data``."""
        if self._head or self._before or self._name in ("pcm", "mp3"):
            return self._head, data
        end = data.index(b"data") + 8 if self._name.startswith("wav") else _after_pages(data, 2)
        return data[:end], data[end:]

    def _decoded(self, data: bytes) -> tuple[npt.NDArray[np.float32], int]:
        try:
            audio = decode_own(data, self._name)
        except sf.LibsndfileError:
            return np.zeros(0, np.float32), 1
        return audio.mono(), audio.sample_rate_hz


def _after_frames(data: bytes) -> int:
    """Where the last whole frame ends in ``data``, which begins with a frame."""
    at = 0
    while at + 4 <= len(data):
        frame = mpeg.frame_at(data, at)
        if frame is None:
            raise ValueError("the MP3 writer left its frames")
        if frame.last > len(data):
            break
        at = frame.last
    return at


def _after_pages(data: bytes, count: int) -> int:
    """Where the first ``count`` Ogg pages end: identification and comments stand on pages of their own."""
    at = 0
    for _ in range(count):
        segments = data[at + 26]
        at += 27 + segments + sum(data[at + 27 : at + 27 + segments])
    return at


def wav_head(sample_rate_hz: int) -> bytes:
    """Head of a mono 16-bit WAV of open length."""
    return b"".join(
        (
            b"RIFF" + struct.pack("<I", _OPEN) + b"WAVE",
            b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16),
            b"data" + struct.pack("<I", _OPEN),
        )
    )
