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


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_a_tag_in_front_is_passed_over(container: str, codec: str) -> None:
    buffer = io.BytesIO()
    sound = np.random.default_rng(1).normal(0, 0.05, 7 * RATE_HZ)
    sf.write(buffer, sound, RATE_HZ, format=container, subtype=codec)
    tag = b"ID3\x02\x00\x00\x00\x00\x00\x40" + b"TT2\x00\x00\x3a\x00" + b"A title".ljust(57)
    assert declared_duration_s(io.BytesIO(tag + buffer.getvalue())) == pytest.approx(7.0, abs=0.15)


def test_a_wav_of_empty_chunks_is_not_walked_to_its_end() -> None:
    class Counted(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            return super().read(size)

    file = Counted(b"RIFF\xff\xff\xff\xffWAVE" + 20_000 * b"LIST\x00\x00\x00\x00")
    assert declared_duration_s(file) is None
    assert file.reads < 10_000


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
