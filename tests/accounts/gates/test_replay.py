"""The fingerprint: the same recording is known again, another is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from accounts.gates import replay
from accounts.gates.replay import Fingerprint, fingerprint, replay_gate
from tests import takes
from tests.accounts.gates.conftest import genuine

RATE = takes.RATE_HZ
WORDS_FROM_S = 12.0  # about where "my six words are" begins in these takes


def stored(samples: np.ndarray, words_from_s: float | None = WORDS_FROM_S) -> list[tuple[str, bytes]]:
    return [("earlier", fingerprint(samples).with_words_from(words_from_s).as_bytes())]


def as_vorbis(samples: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="OGG", subtype="VORBIS")
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


def low_passed(samples: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(samples)
    spectrum[len(spectrum) // 4 :] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def with_noise(samples: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=len(samples)) * samples.std() / 10
    return (samples + noise).astype(np.float32)


DISGUISES = {
    "as it is": lambda x: x,
    "cut and quieter": lambda x: 0.3 * x[5000:],
    "compressed": as_vorbis,
    "telephone": low_passed,
    "the words alone": lambda x: x[int(0.6 * len(x)) :],
}


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("voice", takes.VOICES)
def test_the_same_recording_is_known_again(voice: str, disguise: str) -> None:
    x = genuine(voice)
    gate = replay_gate(fingerprint(DISGUISES[disguise](x)), stored(x))
    assert (gate.outcome, gate.code) == ("fail", "replayed_recording")


@pytest.mark.parametrize("voice", takes.VOICES)
def test_under_noise_it_is_known_or_doubted(voice: str) -> None:
    x = genuine(voice)
    assert replay_gate(fingerprint(with_noise(x)), stored(x)).outcome in ("fail", "review")


@pytest.mark.parametrize("voice", takes.VOICES)
def test_another_take_of_the_same_words_passes(voice: str) -> None:
    assert replay_gate(fingerprint(genuine(voice, seed=2)), stored(genuine(voice, seed=1))).outcome == "pass"


def test_an_old_statement_with_new_words_is_for_a_reviewer() -> None:
    old, new = genuine("slt", 1), genuine("slt", 2)
    cut = int(WORDS_FROM_S * RATE)
    gate = replay_gate(fingerprint(np.concatenate([old[:cut], new[cut:]])), stored(old))
    assert (gate.outcome, gate.code) == ("review", "replay_suspected")


def test_digital_silence_matches_nothing() -> None:
    silence = np.zeros(8 * RATE, np.float32)
    x = np.concatenate([genuine("rms")[: 6 * RATE], silence])
    y = np.concatenate([genuine("awb")[: 6 * RATE], silence])
    assert replay_gate(fingerprint(y), stored(x, 5.0)).outcome == "pass"
    assert replay_gate(fingerprint(silence), stored(silence, 5.0)).outcome == "pass"


def test_frames_without_voice_are_compared_with_nothing() -> None:
    """What is silent is written as zeros, which are nearly alike to words of few bits."""
    few = np.full(400, 1, np.uint32)
    assert replay.bit_error_rate(few, few) == 0.0
    assert replay.bit_error_rate(few, np.zeros(800, np.uint32)) == 1.0
    # A replay with holes in it is known by what is left.
    known = np.random.default_rng(1).integers(1, 1 << 32, 400, dtype=np.uint32)
    holes = known.copy()
    holes[np.arange(400) % 80 < 36] = 0
    assert replay.bit_error_rate(known, holes) < 0.05


def test_bytes_round_trip_and_refuse_what_is_foreign() -> None:
    mark = fingerprint(genuine("slt")).with_words_from(3.0)
    again = Fingerprint.from_bytes(mark.as_bytes())
    assert (again.bits == mark.bits).all()
    assert again.words_from == mark.words_from == int(3.0 * replay.FRAMES_PER_S)
    assert Fingerprint.from_bytes(mark.with_words_from(None).as_bytes()).words_from is None
    for foreign in (b"", b"HKf1", mark.as_bytes()[:-1], b"x" * len(mark.as_bytes())):
        with pytest.raises(ValueError, match="not a replay fingerprint"):
            Fingerprint.from_bytes(foreign)
