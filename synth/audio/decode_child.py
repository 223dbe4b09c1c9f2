"""The child process of :mod:`synth.audio.decode`; run as ``python -m synth.audio.decode_child JOB``.

Standard input is the file, standard output a file: one line of JSON, padded to `HEADER_BYTES`, and then raw
little-endian float32 frames (interleaved), written block by block, so that memory does not grow with length.
Where ``everything`` is asked for, that is all that a player plays of the file (`renditions`); else its first track.
A refusal is a line with ``code``, ``message`` and, where there is a number, ``measured`` and ``limit``. The
limits are set before any byte of the file is read; ffmpeg inherits them.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import sys
from typing import IO, Any, BinaryIO, NoReturn

from synth.audio import renditions
from synth.audio.renditions import Heard, Part
from synth.audio.streams import MOST_STREAMS, leaves_no_doubt, streams_of
from synth.confinement import limit_self

HEADER_BYTES = 4096
_BLOCK_FRAMES = 1 << 16
_TRACKS = 4
"""So many times the channels of one track may all tracks have together."""
_RENDITIONS = 3
"""So many times what one file may unpack to may lie unpacked before the next track is."""
_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MPEG", "MP3", "AIFF", "CAF", "AU", "W64"}


class Refused(Exception):
    """An expected refusal: (code, message, measured, limit)."""


def refuse(code: str, message: str, measured: float | None = None, limit: float | None = None) -> NoReturn:
    raise Refused(code, message, measured, limit)


def check_shape(rate: int, channels: int, limits: dict[str, Any]) -> None:
    if channels > limits["max_channels"]:
        refuse("too_many_channels", "The recording has too many channels.", channels, limits["max_channels"])
    if rate < limits["min_sample_rate_hz"]:
        refuse("sample_rate_unsupported", "The sample rate is too low.", rate, limits["min_sample_rate_hz"])
    if rate > limits["max_sample_rate_hz"]:
        refuse("sample_rate_unsupported", "The sample rate is too high.", rate, limits["max_sample_rate_hz"])


def decode(file: BinaryIO | int, job: dict[str, Any], out: IO[bytes]) -> dict[str, Any]:
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
    if frames == 0 and not job["everything"]:
        refuse("unreadable_audio", "The file holds no audio.")
    if frames > frames_max:
        refuse(
            "audio_too_long",
            "The recording is too long.",
            round(max(frames, declared) / rate, 3),
            limits["max_duration_s"],
        )
    # ffmpeg changed the rate before it came here, so the file's own is not known.
    source_rate_hz = None if not job["sndfile"] and job.get("rate_hz") else rate
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


def decode_first(job: dict[str, Any], out: BinaryIO) -> dict[str, Any]:
    """The first track as one decoder reads it."""
    if job["sndfile"]:
        return decode(sys.stdin.fileno(), job, out)
    wav = renditions.unpacked(job)
    if wav is None:
        refuse("unreadable_audio", "The file could not be decoded.")
    return decode(wav, job, out)


# ------------------------------------------------------------------ everything that a player plays
def decode_everything(job: dict[str, Any], out: BinaryIO) -> dict[str, Any]:
    """All streams and tracks by all decoders, what they agree on once; channels side by side in ``out``."""
    heard: list[Heard] = []
    unread_streams, unread_tracks = 0, set[int]()
    facts: dict[str, Any] = {"codec": "", "source_rate_hz": None}
    if job["sndfile"]:
        heard, unread_streams, facts = _by_sndfile(job)
    empty = bool(facts["codec"]) and not heard
    if "ffmpeg" in job and not (heard and _leaves_no_doubt(job)):
        others, unread_tracks = _by_ffmpeg(job, already=sum(one.values for one in heard))
        unread_tracks -= {one.track for one in heard}
        heard += others
    if not heard:
        refuse("unreadable_audio", "The file could not be decoded.")
    kept, disagree = _kept(heard)
    _check_whole(kept, job["limits"])
    # ffmpeg reads chained streams as one: where it goes further, what libsndfile could not read is heard.
    further = not all(one.decoder == "libsndfile" for one in kept)
    for block in renditions.interleaved(kept):
        out.write(block.astype("<f4").tobytes())
    return {
        "channels": sum(one.channels for one in kept),
        "frames": max(one.frames for one in kept),
        "sample_rate_hz": job["rate_hz"],
        **facts,
        "tracks": [[one.track, one.decoder, one.channels, one.frames] for one in kept],
        "decoders_disagree": disagree or empty,
        "unread": len(unread_tracks) + (unread_streams if not further else 0),
    }


def _leaves_no_doubt(job: dict[str, Any]) -> bool:
    with mmap.mmap(sys.stdin.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return leaves_no_doubt(data, job["container"])


def _by_sndfile(job: dict[str, Any]) -> tuple[list[Heard], int, dict[str, Any]]:
    """Every stream of the file, the tracks apart; how many could not be read; codec and rate of the first."""
    with mmap.mmap(sys.stdin.fileno(), 0, access=mmap.ACCESS_READ) as data:
        streams = streams_of(data, job["container"])
    heard: dict[int, Heard] = {}
    facts: dict[str, Any] = {"codec": "", "source_rate_hz": None}
    unread = max(0, len(streams) - MOST_STREAMS)
    for stream in streams[:MOST_STREAMS]:
        track = heard.get(stream.track)
        if track is None:
            track = Heard(stream.track, "libsndfile", job["rate_hz"])
        try:
            header = _add(track, io.BytesIO(stream.data), job)
        except Refused as refusal:
            if refusal.args[0] != "unreadable_audio":
                raise
            unread += 1
            continue
        heard[stream.track] = track
        facts = facts if facts["codec"] else {k: header[k] for k in facts}
    return [one for one in heard.values() if one.parts], unread, facts


def _by_ffmpeg(job: dict[str, Any], already: int) -> tuple[list[Heard], set[int]]:
    """Every audio track, and again without edit lists where the container has them; the tracks that were not read.

    ``already``: values that lie unpacked beside. All of it together may take the disk space of a few whole files.
    """
    most = _RENDITIONS * job["limits"]["max_values"]
    heard: list[Heard] = []
    count = renditions.count_tracks(job)
    unread = set(range(renditions.MOST_TRACKS, count))
    ways: list[tuple[str, tuple[str, ...]]] = [("ffmpeg", ())]
    if job["demuxer"] == "mov":
        ways.append(("ffmpeg without edit lists", ("-ignore_editlist", "1")))
    for track in range(min(count, renditions.MOST_TRACKS)):
        for decoder, options in ways:
            unpacked = already + sum(one.values for one in heard)
            if unpacked > most:
                refuse("decode_limit", "The file unpacks to too much audio.", unpacked, most)
            wav = renditions.unpacked(job, track, options)
            one = Heard(track, decoder, job["rate_hz"])
            try:
                if wav is not None:
                    with wav:  # gone before the next is unpacked: tracks are many, the disk is not
                        _add(one, wav, job)
            except Refused as refusal:
                if refusal.args[0] != "unreadable_audio":
                    raise
            if one.parts:
                heard.append(one)
            elif not options:
                unread.add(track)
    return heard, unread


def _add(track: Heard, file: BinaryIO, job: dict[str, Any]) -> dict[str, Any]:
    """One stream behind what a track already holds; its header. Nothing is added where it cannot be read."""
    limits = job["limits"]
    before_s = sum(p.frames for p in track.parts) / job["rate_hz"]
    before = {"audio_too_long": before_s, "decode_limit": track.values}
    left = {
        "max_duration_s": limits["max_duration_s"] - before_s,
        "max_values": limits["max_values"] - before["decode_limit"],
    }
    offset = track.file.seek(0, os.SEEK_END)
    try:
        header = decode(file, {**job, "limits": {**limits, **left}}, track.file)
    except Refused as refusal:
        track.file.truncate(offset)
        code, message, measured, limit = refusal.args
        more = before.get(code, 0)
        refuse(code, message, measured and measured + more, limit and limit + more)
    if header["frames"]:
        track.parts.append(Part(offset, header["channels"], header["frames"]))
    return header


def _kept(heard: list[Heard]) -> tuple[list[Heard], bool]:
    kept: list[Heard] = []
    disagree = False
    for track in sorted({one.track for one in heard}):
        here, differ = renditions.kept_of([one for one in heard if one.track == track])
        kept, disagree = kept + here, disagree or differ
    return kept, disagree


def _check_whole(kept: list[Heard], limits: dict[str, Any]) -> None:
    channels, most = sum(one.channels for one in kept), _TRACKS * limits["max_channels"]
    if channels > most:
        refuse("too_many_channels", "The recording has too many channels.", channels, most)
    values = channels * max(one.frames for one in kept)
    if values > limits["max_values"]:
        refuse("decode_limit", "The file unpacks to too much audio.", values, limits["max_values"])


def main() -> int:
    job = json.loads(sys.argv[1])
    limit_self(job["limits"])
    out = sys.stdout.buffer
    out.write(b" " * HEADER_BYTES)
    try:
        header = decode_everything(job, out) if job["everything"] else decode_first(job, out)
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
