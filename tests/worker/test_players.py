"""Everything that a player plays of a file, and nothing that it does not: files put together from a released one and
another person's speech, asked about at the real door."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from synth.audio import decode
from synth.audio.decode import DecodeLimits, decode_to_file
from synth.audio.decoded import DecodedFile
from synth.audio.streams import streams_of
from synth.errors import AssentError
from tests.worker.registry import RATE_HZ, Registry, Released, report_on_file, speech, wav
from worker import tasks

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed"),
]
OURS_S, THEIRS_S = 5.0, 4.0
LIMITS = DecodeLimits()


@pytest.fixture
def ours() -> Released:
    return Registry().release(length_s=OURS_S)


@lru_cache(maxsize=32)
def made(options: str, *parts: bytes) -> bytes:
    """What ffmpeg makes of WAV files, each an input; the last word of ``options`` is the container's ending."""
    *given, suffix = options.split()
    with tempfile.TemporaryDirectory() as name:
        folder, inputs = Path(name), list[str]()
        for number, part in enumerate(parts):
            (folder / f"{number}.wav").write_bytes(part)
            inputs += ["-i", str(folder / f"{number}.wav")]
        out = folder / f"out.{suffix}"
        subprocess.run(["ffmpeg", "-v", "error", *inputs, *given, str(out)], check=True)
        return out.read_bytes()


def theirs() -> bytes:
    return wav(speech("rms", "cheerful", THEIRS_S))


def kinds_of(said: dict) -> set[str]:
    return {i["kind"] for i in said["intervals"]}


def assert_both_are_seen(said: dict, ours_at_s: float) -> None:
    assert said["verdict"] == "partial", (said["verdict"], said["reasons"])
    assert said["file"]["duration_s"] == pytest.approx(OURS_S + THEIRS_S, abs=0.25)
    held = [i for i in said["intervals"] if i["kind"] == "ours"]
    assert min(i["start_s"] for i in held) == pytest.approx(ours_at_s, abs=0.4)
    assert max(i["end_s"] for i in held) == pytest.approx(ours_at_s + OURS_S, abs=0.4)
    assert "unmarked" in kinds_of(said)


# ---- one behind the other


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_mp3_files_joined_end_to_end_are_heard_to_the_end_at_the_door(ours, client: Client):
    data = made("-b:a 64k -ar 22050 mp3", theirs()) + made("-b:a 96k -ar 24000 mp3", wav(ours.samples))
    asked = client.post("/api/v1/verify", {"file": SimpleUploadedFile("a.mp3", data)}).json()
    tasks.verify(asked["id"])
    assert_both_are_seen(client.get(asked["url"]).json()["report"], THEIRS_S)


def test_ours_first_in_joined_mp3_files_is_not_all_of_them(ours):
    data = made("-b:a 96k -ar 24000 mp3", wav(ours.samples)) + made("-b:a 64k -ar 22050 mp3", theirs())
    assert_both_are_seen(report_on_file(data), 0.0)


def test_chained_ogg_is_heard_to_the_end_whatever_codec_comes_next(ours):
    """Opus, then Vorbis: ffmpeg stops where the codec changes, and that is told."""
    said = report_on_file(made("-c:a libopus ogg", wav(ours.samples)) + made("-c:a libvorbis ogg", theirs()))
    assert_both_are_seen(said, 0.0)
    assert "decoders_disagree" in said["reasons"]


def decoded(tmp_path: Path, data: bytes) -> DecodedFile:
    """Decoded, and read: what it tells stays true after its end."""
    (tmp_path / "a").write_bytes(data)
    with decode_to_file(tmp_path / "a", limits=LIMITS, rate_hz=RATE_HZ) as found:
        return found


def played_s(tmp_path: Path, data: bytes) -> float:
    """Seconds that ffmpeg alone plays of a file's first track."""
    (tmp_path / "b").write_bytes(data)
    command = ["ffmpeg", "-v", "quiet", "-i", str(tmp_path / "b"), "-map", "0:a:0", "-ac", "1", "-f", "f32le"]
    raw = subprocess.run([*command, "-ar", str(RATE_HZ), "-"], capture_output=True, check=True).stdout
    return len(raw) / 4 / RATE_HZ


def test_what_is_joined_or_lies_about_its_length_is_decoded_as_far_as_it_is_played(tmp_path):
    one, other = wav(speech("slt", length_s=3.0)), wav(speech("rms", length_s=2.0))
    mp3, opus = "-b:a 64k -ar 24000 mp3", "-c:a libopus ogg"
    lying = bytearray(made(mp3, one))
    count_at = lying.index(b"Info" if b"Info" in lying else b"Xing") + 8
    lying[count_at : count_at + 4] = struct.pack(">I", 9)
    endless = bytearray(one) + other[44:]
    endless[40:44] = struct.pack("<I", 0x7FFFFFF0)
    files = {
        ("flac", 5.0): made("flac", one) + made("flac", other),
        ("ogg", 5.0): made(opus, one) + made(opus, other),
        ("mp3", 5.0): made(mp3, one) + made(mp3, other),
        ("mp3", 3.0): bytes(lying),
        ("mp3", 2.9): bytes(300) + made(mp3, one)[1_000:],
        ("wav", 5.0): bytes(endless),
        ("wav", 3.0): one + made(mp3, other),  # what stands behind a WAV is played by nobody
    }
    for (container, length_s), data in files.items():
        found = decoded(tmp_path, data)
        assert found.container == container
        assert found.duration_s == pytest.approx(length_s, abs=0.2), (container, length_s)
        assert found.duration_s == pytest.approx(played_s(tmp_path, data), abs=0.3), (container, length_s)
        assert (found.decoders_disagree, found.unread) == (False, 0), (container, length_s)
        # Nor does it take ffmpeg to hear the end.
        parts = [soundfile.info(io.BytesIO(stream.data)) for stream in streams_of(data, container)]
        assert sum(part.duration for part in parts) == pytest.approx(found.duration_s, abs=0.1)


def test_a_length_of_zero_is_played_by_one_decoder_and_told(ours):
    """libsndfile hears nothing in it, ffmpeg and browsers all of it."""
    data = bytearray(wav(ours.samples))
    data[40:44] = bytes(4)
    said = report_on_file(bytes(data))
    assert (said["verdict"], "decoders_disagree" in said["reasons"]) == ("issued", True)


# ---- side by side


def test_a_second_track_is_heard_and_named(ours):
    data = made("-map 0:a -map 1:a -c:a aac -b:a 96k mp4", wav(ours.samples), theirs())
    said = report_on_file(data)
    assert said["verdict"] == "partial"
    assert [(one["track"], one["channels"]) for one in said["file"]["tracks"]] == [(0, [0]), (1, [1])]
    assert {(i["kind"], i["channel"]) for i in said["intervals"]} == {("ours", 0), ("unmarked", 1)}


def test_tracks_that_together_fill_the_disk_are_refused_before_they_do(ours, tmp_path):
    """Each track is within what one file may unpack to; five of them, unpacked twice each, are not."""
    data = made("-map 0:a " * 5 + "-c:a aac -b:a 64k mp4", wav(ours.samples))
    (tmp_path / "many").write_bytes(data)
    limits = DecodeLimits(max_values=round(1.2 * len(ours.samples)))
    with (
        pytest.raises(AssentError) as refused,
        decode_to_file(tmp_path / "many", limits=limits, rate_hz=RATE_HZ),
    ):
        pass
    assert (refused.value.code, refused.value.limit) == ("decode_limit", 3 * limits.max_values)
    assert refused.value.measured < 5 * limits.max_values


def test_what_an_edit_list_hides_is_heard_too(ours):
    """Players that honour the list play ours alone; the others somebody else's words first."""
    both = wav(np.concatenate([speech("rms", "cheerful", THEIRS_S), ours.samples]))
    whole = made("-c:a aac -b:a 96k mp4", both)
    at = whole.index(b"elst") + 12
    rate_hz = RATE_HZ
    changed = bytearray(whole)
    _, media_time = struct.unpack(">Ii", whole[at : at + 8])
    changed[at : at + 8] = struct.pack(">Ii", round(1_000 * OURS_S), media_time + round(THEIRS_S * rate_hz))
    said = report_on_file(bytes(changed))
    assert said["verdict"] == "partial", said["reasons"]
    assert "decoders_disagree" in said["reasons"]
    assert len(said["file"]["tracks"]) == 2


@pytest.mark.parametrize(
    "options",
    [
        "-c:a libopus mkv",
        "-c:a libmp3lame avi",
        "-c:a aac ts",
        "-c:a aac mov",
        "-c:a ac3 ac3",
        "-c:a wmav2 wma",
    ],
)
def test_containers_of_sound_and_video_are_read(tmp_path, options):
    found = decoded(tmp_path, made(options, wav(speech("slt", length_s=2.0))))
    assert found.duration_s == pytest.approx(2.0, abs=0.25)


def test_aiff_and_caf_are_read_without_any_other_program(tmp_path, monkeypatch):
    files = [made(f"{suffix}", wav(speech("slt", length_s=2.0))) for suffix in ("aiff", "caf")]
    monkeypatch.setattr(decode.shutil, "which", lambda name: None)
    for data in files:
        assert decoded(tmp_path, data).duration_s == pytest.approx(2.0, abs=0.01)


def test_amr_is_read(tmp_path):
    """No encoder for it is about: frames of random bits, at 12.2 kbit/s, are sound too."""
    bits = np.random.default_rng(4).integers(0, 256, (100, 31), dtype=np.uint8)
    data = b"#!AMR\n" + b"".join(b"\x3c" + row.tobytes() for row in bits)
    assert decoded(tmp_path, data).duration_s == pytest.approx(2.0, abs=0.1)


def test_a_track_that_nobody_can_read_is_told(ours):
    """The second track's codec is one that no decoder knows: nothing is said about it, and so not "issued"."""
    data = made("-map 0:a -map 1:a -c:a pcm_s16le mkv", wav(ours.samples), theirs())
    at = data.rindex(b"A_PCM/INT/LIT")
    said = report_on_file(data[:at] + b"A_ODD/INT/LIT" + data[at + 13 :])
    assert (said["verdict"], "track_unreadable" in said["reasons"]) == ("partial", True)
