"""The child process of :mod:`synth.audio.decode`; run as ``python -m synth.audio.decode_child JOB``.

Standard input is the file, standard output a file: one line of JSON, padded to `HEADER_BYTES`, and then raw
little-endian float32 frames (interleaved), written block by block, so that memory does not grow with length.
A refusal is a line with ``code``, ``message`` and, where there is a number, ``measured`` and ``limit``. The
limits are set before any byte of the file is read; ffmpeg inherits them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, BinaryIO, NoReturn

from synth.confinement import limit_self

HEADER_BYTES = 4096
_BLOCK_FRAMES = 1 << 16
_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MPEG", "MP3"}


class Refused(Exception):
    """An expected refusal: (code, message, measured, limit)."""


def refuse(code: str, message: str, measured: float | None = None, limit: float | None = None) -> NoReturn:
    raise Refused(code, message, measured, limit)


def unpack_with_ffmpeg(job: dict[str, Any]) -> BinaryIO:
    """Convert standard input to a temporary float WAV with the ffmpeg program, one demuxer allowed."""
    wav: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller, closed at exit
    seconds = job["limits"]["max_duration_s"] + 1
    rate = ["-ar", str(job["rate_hz"])] if job.get("rate_hz") else []
    done = subprocess.run(
        [
            job["ffmpeg"],
            "-nostdin",
            "-v",
            "quiet",
            "-threads",
            "1",
            "-protocol_whitelist",
            "file",
            "-f",
            job["demuxer"],
            "-i",
            "file:/proc/self/fd/0",
            "-map",
            "0:a:0",
            "-vn",
            "-sn",
            "-dn",
            "-t",
            str(seconds),
            "-threads",
            "1",
            *rate,
            "-c:a",
            "pcm_f32le",
            "-f",
            "wav",
            "file:/proc/self/fd/1",
            "-y",
        ],
        stdin=sys.stdin.buffer,
        stdout=wav,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        refuse("unreadable_audio", "The file could not be decoded.")
    wav.seek(0)
    return wav


def check_shape(rate: int, channels: int, limits: dict[str, Any]) -> None:
    if channels > limits["max_channels"]:
        refuse("too_many_channels", "The recording has too many channels.", channels, limits["max_channels"])
    if rate < limits["min_sample_rate_hz"]:
        refuse("sample_rate_unsupported", "The sample rate is too low.", rate, limits["min_sample_rate_hz"])
    if rate > limits["max_sample_rate_hz"]:
        refuse("sample_rate_unsupported", "The sample rate is too high.", rate, limits["max_sample_rate_hz"])


def decode(file: BinaryIO | int, job: dict[str, Any], out: BinaryIO) -> dict[str, Any]:
    """Decode an open file by libsndfile, block by block, to interleaved frames in ``out``; returns the header."""
    import numpy as np
    import soundfile as sf

    limits = job["limits"]
    try:
        sound = sf.SoundFile(file, closefd=False)
    except (sf.SoundFileError, RuntimeError, OSError):
        refuse("unreadable_audio", "The file could not be decoded.")
    with sound:
        if sound.format not in _FORMATS:
            refuse("unreadable_audio", "The file is not in an accepted format.")
        rate, channels = sound.samplerate, sound.channels
        check_shape(rate, channels, limits)
        to_rate = job.get("rate_hz") or rate
        resampler = _resampler(rate, to_rate, channels)
        frames_max = int(limits["max_duration_s"] * rate)
        frames = written = 0

        def put(block: Any) -> None:
            nonlocal written
            written += len(block)
            if written * channels > limits["max_values"]:
                refuse(
                    "decode_limit",
                    "The file unpacks to too much audio.",
                    written * channels,
                    limits["max_values"],
                )
            out.write(np.clip(block, -1, 1).astype("<f4").tobytes())

        while frames <= frames_max:  # one block more than allowed tells "exactly at the limit" from "longer"
            try:
                block = sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
            except (sf.SoundFileError, RuntimeError):
                refuse("unreadable_audio", "The file is damaged.")
            if not len(block):
                break
            if not np.isfinite(block).all():
                refuse("unreadable_audio", "The file holds values that are not numbers.")
            frames += len(block)
            put(block if resampler is None else resampler.resample_chunk(block))
        if resampler is not None:
            put(resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True))
        declared = sound.frames if 0 < sound.frames < 1 << 62 else 0
        codec = sound.subtype.lower()
    if frames == 0:
        refuse("unreadable_audio", "The file holds no audio.")
    if frames > frames_max:
        refuse(
            "audio_too_long",
            "The recording is too long.",
            round(max(frames, declared) / rate, 3),
            limits["max_duration_s"],
        )
    # ffmpeg changed the rate before it came here, so the file's own is not known.
    source_rate_hz = None if "ffmpeg" in job and job.get("rate_hz") else rate
    return {
        "channels": channels,
        "frames": written,
        "sample_rate_hz": to_rate,
        "source_rate_hz": source_rate_hz,
        "codec": codec,
    }


def _resampler(from_hz: int, to_hz: int, channels: int) -> Any:
    if from_hz == to_hz:
        return None
    import soxr

    return soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")


def main() -> int:
    job = json.loads(sys.argv[1])
    limit_self(job["limits"])
    out = sys.stdout.buffer
    out.write(b" " * HEADER_BYTES)
    try:
        header = decode(unpack_with_ffmpeg(job) if "ffmpeg" in job else sys.stdin.fileno(), job, out)
        out.flush()
    except Refused as refusal:
        header = dict(zip(("code", "message", "measured", "limit"), refusal.args, strict=True))
    except MemoryError:
        header = {
            "code": "decode_limit",
            "message": "The file unpacks to too much audio.",
            "limit": job["limits"]["memory_bytes"],
        }
    line = json.dumps(header).encode()
    os.pwrite(sys.stdout.fileno(), line.ljust(HEADER_BYTES - 1) + b"\n", 0)
    return 0


if __name__ == "__main__":
    os._exit(main())  # no interpreter teardown: a hostile file must not get another chance to crash us
