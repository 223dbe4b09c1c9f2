"""Audio decoded into a file and read in blocks: the same sound, at the rate asked for, bounded and stoppable."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from synth.audio.decode import DecodeLimits, decode_to_file
from synth.audio.resample import resample
from synth.errors import AssentError

LIMITS = DecodeLimits()


def write(path: Path, seconds: float, rate_hz: int, channels: int = 1) -> np.ndarray:
    random = np.random.default_rng(3)
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    columns = [
        0.3 * np.sin(2 * np.pi * (220 + 50 * c) * time_s) + random.normal(0, 0.01, len(time_s))
        for c in range(channels)
    ]
    samples = np.stack(columns, axis=1).astype(np.float32)
    sf.write(path, samples, rate_hz, subtype="FLOAT", format="WAV")
    return samples


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_the_samples_are_those_of_the_file_at_the_rate_asked_for(tmp_path, rate_hz):
    samples = write(tmp_path / "a", 5.0, rate_hz, channels=2)
    with decode_to_file(tmp_path / "a", limits=LIMITS, rate_hz=16_000) as decoded:
        assert (decoded.channels, decoded.sample_rate_hz, decoded.source_rate_hz) == (2, 16_000, rate_hz)
        assert abs(decoded.duration_s - 5.0) < 0.01
        for index in (0, 1):
            expected = resample(samples[:, index], rate_hz, 16_000)
            heard = decoded.channel(index).samples()
            inner = slice(400, min(len(expected), len(heard)) - 400)
            assert np.abs(expected[inner] - heard[inner]).max() < 0.02


def test_blocks_give_the_whole_and_may_be_read_again(tmp_path):
    write(tmp_path / "a", 3.3, 16_000, channels=2)
    with decode_to_file(tmp_path / "a", limits=LIMITS, rate_hz=16_000) as decoded:
        track = decoded.channel(None)
        whole = track.samples()
        for _ in range(2):
            assert np.array_equal(np.concatenate(list(track.blocks(1_000))), whole)
        part = track.between(1.0, 2.5)
        assert (part.start_s, part.duration_s) == (1.0, 1.5)
        assert np.array_equal(part.samples(), whole[16_000:40_000])
        assert part.between(0.0, 9.0) == part
        assert np.allclose(
            whole, (decoded.channel(0).samples() + decoded.channel(1).samples()) / 2, atol=1e-6
        )


def test_whoever_waits_hears_of_progress_and_may_end_it(tmp_path):
    write(tmp_path / "a", 60.0, 48_000)
    seen: list[int] = []

    def stop(count: int) -> None:
        seen.append(count)
        raise InterruptedError

    with (
        pytest.raises(InterruptedError),
        decode_to_file(tmp_path / "a", limits=LIMITS, rate_hz=16_000, tick=stop),
    ):
        pass
    assert len(seen) == 1


def test_what_unpacks_to_too_much_is_refused_at_the_rate_asked_for(tmp_path):
    write(tmp_path / "a", 2.0, 8_000)
    limits = DecodeLimits(max_values=20_000)
    with pytest.raises(AssentError) as refused, decode_to_file(tmp_path / "a", limits=limits, rate_hz=16_000):
        pass
    assert refused.value.code == "decode_limit"
