"""Hostile and honest files through the bounded decoder."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.audio import decode as decode_module
from synth.audio.decode import Audio, DecodeLimits, decode_untrusted
from synth.errors import AssentError

RATE = 16000


def tone(seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    x = 0.4 * np.sin(2 * np.pi * 220 * t) * (1 + 0.3 * np.sin(2 * np.pi * 3 * t))
    return np.repeat(x[:, None], channels, axis=1).astype(np.float32)


def file_bytes(container: str, subtype: str | None = None, **kwargs) -> bytes:
    out = io.BytesIO()
    x = tone(**kwargs)
    sf.write(out, x, kwargs.get("rate", RATE), format=container, subtype=subtype)
    return out.getvalue()


def refused(path: Path, **limits) -> AssentError:
    with pytest.raises(AssentError) as caught:
        decode_untrusted(path, limits=DecodeLimits(**limits))
    return caught.value


@pytest.fixture
def put(tmp_path):
    def write(data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize(
    ("container", "subtype", "rate"),
    [
        ("WAV", "PCM_16", 16000),
        ("WAV", "FLOAT", 44100),
        ("FLAC", "PCM_24", 48000),
        ("OGG", "VORBIS", 22050),
        ("OGG", "OPUS", 48000),
        ("MP3", None, 24000),
    ],
)
def test_reads_what_libsndfile_reads(put, container, subtype, rate):
    audio = decode_untrusted(put(file_bytes(container, subtype, rate=rate, channels=2)))
    assert audio.sample_rate_hz == rate
    assert audio.channels == 2
    assert audio.samples.dtype == np.float32
    assert abs(audio.duration_s - 1.0) < 0.1
    want = tone(rate=rate)[:, 0]
    got = audio.mono()[: len(want)]
    spectrum = np.abs(np.fft.rfft(got * np.hanning(len(got))))
    assert abs(np.argmax(spectrum) * rate / len(got) - 220) < 3
    assert 0.5 < got.std() / want[: len(got)].std() < 1.5


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed")
@pytest.mark.parametrize(
    ("suffix", "codec", "container"),
    [("webm", "libopus", "webm"), ("m4a", "aac", "mp4"), ("aac", "aac", "aac")],
)
def test_other_containers_go_through_ffmpeg(tmp_path, suffix, codec, container):
    wav, other = tmp_path / "a.wav", tmp_path / f"a.{suffix}"
    wav.write_bytes(file_bytes("WAV", "PCM_16", rate=48000))
    subprocess.run(["ffmpeg", "-v", "quiet", "-i", wav, "-c:a", codec, "-strict", "-2", other], check=True)
    audio = decode_untrusted(other)
    assert audio.container == container
    assert audio.sample_rate_hz == 48000
    assert abs(audio.duration_s - 1.0) < 0.1
    assert audio.mono().std() > 0.1
    assert refused(other, max_duration_s=0.5).code == "audio_too_long"
    if container != "aac":  # whole ADTS frames at the start of a cut file are honest audio
        other.write_bytes(other.read_bytes()[:300])
        assert refused(other).code == "unreadable_audio"


def test_other_containers_without_ffmpeg_are_named(put, monkeypatch):
    monkeypatch.setattr(decode_module.shutil, "which", lambda name: None)
    assert refused(put(b"\x1a\x45\xdf\xa3" + bytes(200))).code == "decoder_missing"


def test_each_limit_has_its_code_and_its_number(put):
    path = put(file_bytes("WAV", "PCM_16", seconds=2.0, channels=2))
    error = refused(path, max_duration_s=1.5)
    assert (error.code, error.measured, error.limit) == ("audio_too_long", 2.0, 1.5)
    error = refused(path, max_channels=1)
    assert (error.code, error.measured, error.limit) == ("too_many_channels", 2, 1)
    error = refused(path, min_sample_rate_hz=22050)
    assert (error.code, error.measured, error.limit) == ("sample_rate_unsupported", RATE, 22050)
    error = refused(path, max_sample_rate_hz=8000)
    assert (error.code, error.measured, error.limit) == ("sample_rate_unsupported", RATE, 8000)
    error = refused(path, max_bytes=100)
    assert (error.code, error.limit, error.http_status) == ("upload_too_large", 100, 413)
    error = refused(path, max_values=1000)
    assert (error.code, error.limit) == ("decode_limit", 1000)
    assert decode_untrusted(path, limits=DecodeLimits(max_duration_s=2.0)).duration_s == 2.0


def test_decompression_bomb_is_stopped(put):
    out = io.BytesIO()
    sf.write(out, np.zeros(30 * 60 * 8000, dtype=np.int16), 8000, format="FLAC")
    bomb = out.getvalue()
    assert len(bomb) < 200_000
    assert refused(put(bomb)).code == "audio_too_long"
    assert refused(put(bomb), max_duration_s=1e6, max_values=1_000_000).code == "decode_limit"


def test_a_lying_header_does_not_size_anything(put):
    data = bytearray(file_bytes("WAV", "PCM_16"))
    where = data.index(b"data") + 4
    data[where : where + 4] = struct.pack("<I", 0x7FFFFFF0)
    assert abs(decode_untrusted(put(bytes(data))).duration_s - 1.0) < 0.01


def test_wall_time_and_memory_are_bounded(put):
    path = put(file_bytes("WAV", "PCM_16"))
    assert refused(path, wall_s=0.001).code == "decode_limit"
    assert refused(path, memory_bytes=64 * 1024 * 1024).code in {"decode_limit", "unreadable_audio"}


def test_not_numbers_are_refused(put):
    out = io.BytesIO()
    x = tone()
    x[100] = np.nan
    sf.write(out, x, RATE, format="WAV", subtype="FLOAT")
    assert refused(put(out.getvalue())).code == "unreadable_audio"


def test_the_child_sees_no_secret(put, monkeypatch):
    monkeypatch.setenv("ASSENT_SECRET", "key")
    seen = {}
    real = subprocess.Popen

    def spy(*args, **kwargs):
        seen.update(kwargs["env"])
        return real(*args, **kwargs)

    monkeypatch.setattr(decode_module.subprocess, "Popen", spy)
    decode_untrusted(put(file_bytes("WAV", "PCM_16")))
    assert "ASSENT_SECRET" not in seen
    assert set(seen) <= {"LC_ALL", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}


SEEDS = [
    file_bytes(c, s, seconds=0.4)
    for c, s in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None))
]
CODES = {
    "unreadable_audio",
    "audio_too_long",
    "too_many_channels",
    "sample_rate_unsupported",
    "decode_limit",
    "decoder_missing",
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.sampled_from(range(len(SEEDS))),
    cut=st.floats(0.0, 1.0),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=24),
    junk=st.binary(max_size=64),
)
def test_damaged_files_end_in_audio_or_a_code(put, seed, cut, flips, junk):
    data = bytearray(SEEDS[seed])
    for position, value in flips:
        data[position % len(data)] = value
    path = put(bytes(data[: int(cut * len(data))]) + junk)
    try:
        audio = decode_untrusted(path)
    except AssentError as error:
        assert error.code in CODES
    else:
        assert isinstance(audio, Audio)
        assert np.isfinite(audio.samples).all()
        assert np.abs(audio.samples).max(initial=0) <= 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"ID3" + bytes(5000),
        b"fLaC" + bytes(5000),
        b"OggS" + bytes(5000),
        b"<html>" * 100,
        b"\xff\xfb" + bytes(3000),
    ],
)
def test_garbage_is_unreadable(put, data):
    assert refused(put(data)).code == "unreadable_audio"
