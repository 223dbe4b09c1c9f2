"""Decoding of audio that strangers send: in a bounded child process, never in ours.

:func:`decode_untrusted` starts ``python -m synth.audio.decode_child`` with a nearly empty environment,
hands it the file as standard input and takes raw samples from its standard output. The child limits
its own memory, processor time and output size before it looks at the first byte; we limit its wall
time. A crash, a hang or a decompression bomb therefore costs one refused upload.

:func:`decode_to_file` leaves the samples in a temporary file at a rate of the caller's choice, to be read in
blocks: hours of audio in bounded memory.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from synth.audio.decode_child import HEADER_BYTES
from synth.audio.decoded import DecodedFile, Played
from synth.audio.sniff import FFMPEG_DEMUXERS, HEAD_BYTES, SNDFILE_CONTAINERS, sniff
from synth.errors import AssentError, PayloadTooLarge

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_TICK_S = 0.2


@dataclass(frozen=True)
class DecodeLimits:
    """What an upload may be. Every limit is inclusive.

    ``max_values`` bounds frames times channels after decompression (and resampling, where asked for), whatever
    the header claims.
    ``memory_bytes`` is the child's whole address space, libraries included.
    """

    max_bytes: int = 50 * 1024 * 1024
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

    WAV, FLAC, MP3, Ogg (Vorbis, Opus), AIFF, CAF, AU and W64 go through libsndfile; other containers of sound and
    video through a separate ``ffmpeg`` program when one is on PATH. The first track alone is read.

    Raises :class:`AssentError` with one of the codes ``upload_too_large`` (413), ``unreadable_audio``,
    ``audio_too_long``, ``too_many_channels``, ``sample_rate_unsupported``,
    ``decode_limit``, ``decoder_missing``; ``measured`` and ``limit`` are set where there is a number.
    """
    with _decoded(path, limits, {}, None) as (answer, header, container):
        values = np.frombuffer(answer.read(limits.max_values * 4 + 4), dtype="<f4")
    channels = int(header["channels"])
    if values.size % channels or not values.size or values.size > limits.max_values:
        raise AssentError("unreadable_audio", "The file could not be decoded.")
    samples = np.ascontiguousarray(values.reshape(-1, channels).T, dtype=np.float32)
    return Audio(samples, int(header["sample_rate_hz"]), container, str(header["codec"]))


@contextmanager
def decode_to_file(
    path: str | os.PathLike[str],
    *,
    limits: DecodeLimits,
    rate_hz: int,
    tick: Callable[[int], None] | None = None,
) -> Iterator[DecodedFile]:
    """Everything that a player plays of a file: samples at ``rate_hz`` in a temporary file that is gone at the end of
    this context manager. All chained streams, all tracks, all channels; where ffmpeg is installed, by two decoders
    (:mod:`synth.audio.renditions`). The same codes are raised.

    ``tick`` is called a few times a second with the bytes decoded so far; whatever it raises ends the child.
    """
    with _decoded(path, limits, {"rate_hz": rate_hz, "everything": True}, tick) as (
        answer,
        header,
        container,
    ):
        channels, frames = int(header["channels"]), int(header["frames"])
        size = os.fstat(answer.fileno()).st_size - HEADER_BYTES
        if not frames or size != frames * channels * 4:
            raise AssentError("unreadable_audio", "The file could not be decoded.")
        source_rate_hz = header["source_rate_hz"]
        yield DecodedFile(
            file=answer,
            offset=HEADER_BYTES,
            channels=channels,
            frames=frames,
            sample_rate_hz=rate_hz,
            source_rate_hz=None if source_rate_hz is None else int(source_rate_hz),
            container=container,
            codec=str(header["codec"]),
            played=_played(header),
            decoders_disagree=bool(header["decoders_disagree"]),
            unread=int(header["unread"]),
        )


def _played(header: dict[str, Any]) -> tuple[Played, ...]:
    first, found = 0, list[Played]()
    for track, decoder, channels, frames in header["tracks"]:
        found.append(
            Played(track, str(decoder), range(first, first + channels), frames / header["sample_rate_hz"])
        )
        first += channels
    return tuple(found)


@contextmanager
def _decoded(
    path: str | os.PathLike[str],
    limits: DecodeLimits,
    options: dict[str, Any],
    tick: Callable[[int], None] | None,
) -> Iterator[tuple[IO[bytes], dict[str, Any], str]]:
    """The child's answer, placed after its header; the header; the container. ``options``: of the child's job."""
    with Path(path).open("rb", buffering=0) as file:  # unbuffered: the child shares its position
        size = os.fstat(file.fileno()).st_size
        if size > limits.max_bytes:
            raise PayloadTooLarge(
                "upload_too_large", "The file is larger than allowed.", measured=size, limit=limits.max_bytes
            )
        container = sniff(file.read(HEAD_BYTES))
        if container is None:
            raise AssentError(
                "unreadable_audio", "The file is in no container of sound or video that is read here."
            )
        file.seek(0)
        with tempfile.TemporaryFile(prefix="assent-") as answer:
            status = _run_child(file, answer, container, limits, options, tick)
            answer.seek(0)
            yield answer, _read_header(answer, status, limits), container


def _run_child(
    file: BinaryIO | FileIO,
    answer: IO[bytes],
    container: str,
    limits: DecodeLimits,
    options: dict[str, Any],
    tick: Callable[[int], None] | None,
) -> int:
    """Exit status of the child; it and whatever it started are gone afterwards."""
    job: dict[str, Any] = {
        "container": container,
        "limits": asdict(limits),
        "sndfile": container in SNDFILE_CONTAINERS,
        "everything": False,
        **options,
    }
    program = shutil.which("ffmpeg")
    if program is None and not job["sndfile"]:
        raise AssentError(
            "decoder_missing",
            f"Reading {container} needs the ffmpeg program on this server; send WAV, FLAC, MP3 or Ogg.",
        )
    if program is not None and (job["everything"] or not job["sndfile"]):
        job |= {"ffmpeg": program, "demuxer": FFMPEG_DEMUXERS[container]}
    child = subprocess.Popen(
        [sys.executable, "-E", "-s", "-B", "-m", "synth.audio.decode_child", json.dumps(job)],
        stdin=file,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        cwd=_PROJECT_ROOT,
        env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # so that a grandchild (ffmpeg) can be ended with it
    )
    deadline = time.monotonic() + limits.wall_s
    try:
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise AssentError("decode_limit", "Decoding the file took too long.", limit=limits.wall_s)
            try:
                status = child.wait(timeout=left_s if tick is None else min(left_s, _TICK_S))
            except subprocess.TimeoutExpired:
                status = None
            if tick is not None:  # once at least, so that a wish to stop is heard however quick it was
                tick(max(0, os.fstat(answer.fileno()).st_size - HEADER_BYTES))
            if status is not None:
                return status
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _read_header(answer: IO[bytes], status: int, limits: DecodeLimits) -> dict[str, Any]:
    """The child's header, or its refusal or death as an AssentError."""
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        raise AssentError(
            "decode_limit", "Decoding the file took too much processor time.", limit=limits.cpu_s
        )
    if status == -signal.SIGXFSZ:
        raise AssentError("decode_limit", "The file unpacks to too much audio.", limit=limits.max_values)
    try:
        header = json.loads(answer.read(HEADER_BYTES))
        if "code" in header:
            raise AssentError(
                str(header["code"]),
                str(header["message"]),
                measured=header.get("measured"),
                limit=header.get("limit"),
            )
        if status != 0 or int(header["channels"]) < 1 or int(header["sample_rate_hz"]) < 1:
            raise ValueError("the child did not finish")
        _ = header["frames"], header["source_rate_hz"], header["codec"]
    except (ValueError, KeyError, TypeError):
        raise AssentError("unreadable_audio", "The file could not be decoded.") from None
    return dict(header)
