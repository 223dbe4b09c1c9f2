"""Decoding of audio that strangers send: in a bounded child process, never in ours.

:func:`decode_untrusted` starts ``python -m synth.audio.decode_child`` with a nearly empty environment,
hands it the file as standard input and takes raw samples from its standard output. The child limits
its own memory, processor time and output size before it looks at the first byte; we limit its wall
time. A crash, a hang or a decompression bomb therefore costs one refused upload.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from synth.audio.sniff import FFMPEG_DEMUXERS, HEAD_BYTES, SNDFILE_CONTAINERS, sniff
from synth.errors import AssentError, PayloadTooLarge

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_HEADER_BYTES_MAX = 4096


@dataclass(frozen=True)
class DecodeLimits:
    """What an upload may be. Every limit is inclusive.

    ``max_values`` bounds frames times channels after decompression, whatever the header claims.
    ``memory_bytes`` is the child's whole address space, libraries included.
    """

    max_bytes: int = 50 * 1024 * 1024
    min_duration_s: float = 0.0
    max_duration_s: float = 600.0
    max_channels: int = 2
    min_sample_rate_hz: int = 8_000
    max_sample_rate_hz: int = 192_000
    max_values: int = 64_000_000
    cpu_s: int = 15
    wall_s: float = 20.0
    memory_bytes: int = 1536 * 1024 * 1024


@dataclass(frozen=True)
class Audio:
    """Decoded audio: ``samples`` float32 of shape (channels, frames), within [-1, 1]."""

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int
    container: str
    codec: str

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def duration_s(self) -> float:
        return float(self.samples.shape[1] / self.sample_rate_hz)

    def mono(self) -> npt.NDArray[np.float32]:
        """The mean of the channels, float32 of shape (frames,)."""
        mixed = self.samples[0] if self.channels == 1 else self.samples.mean(axis=0)
        return np.asarray(mixed, dtype=np.float32)


def decode_untrusted(path: str | os.PathLike[str], *, limits: DecodeLimits = DecodeLimits()) -> Audio:
    """Decode a file of unknown origin.

    WAV, FLAC, MP3 and Ogg (Vorbis, Opus) go through libsndfile; WebM, MP4/M4A and AAC through a separate
    ``ffmpeg`` program when one is on PATH.

    Raises :class:`AssentError` with one of the codes ``file_too_large`` (413), ``unreadable_audio``,
    ``audio_too_short``, ``audio_too_long``, ``too_many_channels``, ``sample_rate_unsupported``,
    ``decode_limit``, ``decoder_missing``; ``measured`` and ``limit`` are set where there is a number.
    """
    with Path(path).open("rb", buffering=0) as file:  # unbuffered: the child shares its position
        size = os.fstat(file.fileno()).st_size
        if size > limits.max_bytes:
            raise PayloadTooLarge(
                "file_too_large", "The file is larger than allowed.", measured=size, limit=limits.max_bytes
            )
        container = sniff(file.read(HEAD_BYTES))
        if container is None:
            raise AssentError(
                "unreadable_audio", "The file is not WAV, FLAC, MP3, Ogg, WebM, MP4 or AAC audio."
            )
        file.seek(0)
        return _run_child(file, container, limits)


def missing_decoders() -> list[str]:
    """Containers that cannot be read on this machine because ``ffmpeg`` is not on PATH."""
    return [] if shutil.which("ffmpeg") else sorted(FFMPEG_DEMUXERS)


def _run_child(file: BinaryIO | FileIO, container: str, limits: DecodeLimits) -> Audio:
    job: dict[str, Any] = {"container": container, "limits": asdict(limits)}
    if container not in SNDFILE_CONTAINERS:
        program = shutil.which("ffmpeg")
        if program is None:
            raise AssentError(
                "decoder_missing",
                f"Reading {container} needs the ffmpeg program on this server; send WAV, FLAC, MP3 or Ogg.",
            )
        job |= {"ffmpeg": program, "demuxer": FFMPEG_DEMUXERS[container]}
    with tempfile.TemporaryFile() as answer:
        child = subprocess.Popen(
            [sys.executable, "-E", "-s", "-B", "-m", "synth.audio.decode_child", json.dumps(job)],
            stdin=file,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            cwd=_PROJECT_ROOT,
            env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # so that a grandchild (ffmpeg) can be ended with it
        )
        try:
            status = child.wait(timeout=limits.wall_s)
        except subprocess.TimeoutExpired:
            raise AssentError(
                "decode_limit", "Decoding the file took too long.", limit=limits.wall_s
            ) from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        answer.seek(0)
        return _read_answer(answer, status, container, limits)


def _read_answer(answer: IO[bytes], status: int, container: str, limits: DecodeLimits) -> Audio:
    """Turn the child's header and samples into Audio, or its refusal or death into an AssentError."""
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        raise AssentError(
            "decode_limit", "Decoding the file took too much processor time.", limit=limits.cpu_s
        )
    if status == -signal.SIGXFSZ:
        raise AssentError("decode_limit", "The file unpacks to too much audio.", limit=limits.max_values)
    try:
        header = json.loads(answer.readline(_HEADER_BYTES_MAX))
        if "code" in header:
            raise AssentError(
                str(header["code"]),
                str(header["message"]),
                measured=header.get("measured"),
                limit=header.get("limit"),
            )
        channels, rate = int(header["channels"]), int(header["sample_rate_hz"])
        codec = str(header["codec"])
    except (ValueError, KeyError, TypeError):
        raise AssentError("unreadable_audio", "The file could not be decoded.") from None
    values = np.frombuffer(answer.read(limits.max_values * 4 + 4), dtype="<f4")
    if (
        status != 0
        or not channels
        or values.size % channels
        or not values.size
        or values.size > limits.max_values
    ):
        raise AssentError("unreadable_audio", "The file could not be decoded.")
    samples = np.ascontiguousarray(values.reshape(-1, channels).T, dtype=np.float32)
    return Audio(samples=samples, sample_rate_hz=rate, container=container, codec=codec)
