"""What a file says of its length, without decoding it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile as sf

from synth.audio.length import declared_duration_s

RATE_HZ = 16_000
FORMATS = [
    ("WAV", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_the_length_is_read_from_headers(container: str, codec: str) -> None:
    buffer = io.BytesIO()
    sound = np.random.default_rng(1).normal(0, 0.05, 7 * RATE_HZ)
    sf.write(buffer, sound, RATE_HZ, format=container, subtype=codec)
    assert declared_duration_s(buffer) == pytest.approx(7.0, abs=0.15)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"OggS" + bytes(60), b"fLaC" + bytes(60), b"\xff\xfb" + bytes(62)]
)
def test_what_says_nothing_is_no_fault(data: bytes) -> None:
    assert declared_duration_s(io.BytesIO(data)) in (None, 0.0)


def test_a_wav_that_lies_is_not_believed_beyond_its_size() -> None:
    buffer = io.BytesIO()
    sf.write(buffer, np.zeros(RATE_HZ), RATE_HZ, format="WAV", subtype="PCM_16")
    data = bytearray(buffer.getvalue())
    data[40:44] = (0xFFFFFFF0).to_bytes(4, "little")
    assert declared_duration_s(io.BytesIO(bytes(data))) == pytest.approx(1.0)
