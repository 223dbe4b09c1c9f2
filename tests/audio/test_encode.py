"""Every offered format comes back as it went in, at a rate that its players take."""

import numpy as np
import pytest

from synth.audio.decode import decode_untrusted
from synth.audio.encode import FORMATS, decode_own, encode
from synth.audio.stream_encode import STREAMED_FORMATS
from synth.errors import AssentError
from synth.jobs import formats


def voice_like(rate: int, seconds: float = 3.0) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    x = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    return (0.2 * x * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * t))).astype(np.float32)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", [16000, 22050, 24000, 32000, 48000])
def test_round_trip(name, rate, tmp_path):
    x = voice_like(rate)
    data = encode(x, rate, format=name)
    audio = decode_own(data, name)
    assert audio.channels == 1
    assert audio.sample_rate_hz == FORMATS[name].rate_for(rate)
    assert abs(audio.duration_s - 3.0) < 0.12
    assert abs(audio.mono().std() / x.std() - 1) < 0.06  # LAME writes 0.95 of the level
    if FORMATS[name].lossless and audio.sample_rate_hz == rate:
        assert np.abs(audio.mono() - x).max() < 1 / 32000
    if name != "pcm":
        path = tmp_path / "x"
        path.write_bytes(data)
        again = decode_untrusted(path)
        np.testing.assert_allclose(again.samples, np.clip(audio.samples, -1, 1), atol=1e-6)


def test_rates():
    assert FORMATS["opus"].rate_for(24000) == 48000
    assert FORMATS["pcm"].rate_for(48000) == 24000
    assert FORMATS["mp3"].rate_for(23000) == 24000
    assert FORMATS["mp3"].rate_for(96000) == 48000
    assert FORMATS["wav"].rate_for(23000) == 23000
    assert len(encode(voice_like(32000), 32000, format="pcm")) == 3 * 24000 * 2


def test_long_opus_and_mp3_are_written():
    x = np.tile(voice_like(24000), 40)
    for name in ("opus", "mp3"):
        assert abs(decode_own(encode(x, 24000, format=name), name).duration_s - 120) < 0.2


def test_peaks_are_clipped_not_wrapped():
    x = np.full(24000, 1.5, dtype=np.float32)
    assert decode_own(encode(x, 24000, format="wav"), "wav").samples.min() > 0.99


def test_unknown_format_has_a_code():
    with pytest.raises(AssentError) as caught:
        encode(voice_like(24000), 24000, format="aac")
    assert caught.value.code == "format_not_offered"
    assert caught.value.extra["offered"] == list(FORMATS)


def test_the_doors_offer_what_is_encoded_here():
    assert {name: (made.media_type, made.extension) for name, made in FORMATS.items()} == formats.FORMATS
    assert formats.STREAMED == STREAMED_FORMATS
    assert tuple(name for name, made in FORMATS.items() if not made.has_label) == formats.UNLABELLED
