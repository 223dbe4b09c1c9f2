"""Speech to mark: three synthetic voices at 16 kHz, and marked copies made once per run."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from watermark.codec import MarkKeys, embed

RATE = 16_000
EPOCH = "2026-w47"
RECORD = 123_456_789


def clip(name: str) -> np.ndarray:
    samples, rate = soundfile.read(Path(__file__).parent / "data" / f"{name}.flac", dtype="float32")
    assert rate == RATE
    return samples


@pytest.fixture(scope="session")
def keys() -> MarkKeys:
    return MarkKeys(bytes(range(32)))


@pytest.fixture(scope="session")
def rms() -> np.ndarray:
    """A man's voice, 8 s."""
    return clip("flite_rms")


@pytest.fixture(scope="session")
def slt() -> np.ndarray:
    """A woman's voice, 7 s."""
    return clip("flite_slt")


@pytest.fixture(scope="session")
def espeak() -> np.ndarray:
    """A formant synthesiser, 7 s."""
    return clip("espeak_rp_f2")


def mark(
    samples: np.ndarray, keys: MarkKeys, record_number: int, seed: int, epoch: str = EPOCH, **options
) -> np.ndarray:
    return embed(
        samples,
        RATE,
        record_number=record_number,
        keys=keys,
        epoch=epoch,
        generator=np.random.default_rng(seed),
        **options,
    )


@pytest.fixture(scope="session")
def marked_rms(rms, keys) -> np.ndarray:
    return mark(rms, keys, RECORD, seed=1)


@pytest.fixture(scope="session")
def marked_slt(slt, keys) -> np.ndarray:
    return mark(slt, keys, RECORD + 1, seed=2)
