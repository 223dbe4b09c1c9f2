"""The voice embedding against the original implementation, and what the gates make of it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from accounts.gates import speaker, speech
from synth.errors import AssentError
from synth.modelstore.manifest import SPEAKER_FILE
from tests import takes
from tests.accounts.gates.conftest import genuine

GOLDEN = Path(__file__).parent / "slt_neutral_embedding.npy"


@pytest.fixture(scope="module")
def voices(models_dir: Path) -> dict[tuple[str, str], speaker.SpeakerEmbedding]:
    path = models_dir / SPEAKER_FILE

    def embed(samples: np.ndarray) -> speaker.SpeakerEmbedding:
        return speaker.embed(speech.cut(samples, speech.speech_spans(samples)), path)

    clips = {(v, s): takes.style_clip(v, s).samples for v in takes.VOICES for s in takes.STYLES}
    statements = {(v, "statement"): genuine(v) for v in takes.VOICES}
    return {key: embed(samples) for key, samples in (clips | statements).items()}


def test_it_agrees_with_the_original_network_and_front_end(models_dir: Path) -> None:
    """The golden vector came from resemblyzer 0.1.4 with librosa 0.10.2 on this clip, level set to -25 dBFS."""
    clip = takes.style_clip("slt", "neutral").samples
    found = speaker.embed(clip, models_dir / SPEAKER_FILE).whole
    assert np.abs(found - np.load(GOLDEN)).max() < 1e-5


def test_level_does_not_matter(models_dir: Path) -> None:
    clip = takes.style_clip("rms", "neutral").samples
    path = models_dir / SPEAKER_FILE
    assert speaker.cosine(speaker.embed(clip, path).whole, speaker.embed(clip * 0.05, path).whole) > 0.9999


def test_one_voice_is_like_itself_in_every_style(
    voices: dict[tuple[str, str], speaker.SpeakerEmbedding],
) -> None:
    for (a, _), (b, style) in itertools.product(voices, voices):
        if a == b:
            gate = speaker.speaker_gate(voices[a, "statement"], [voices[b, style].whole])
            assert gate.outcome == "pass", (a, style, gate.measured)


def test_no_voice_passes_for_another(voices: dict[tuple[str, str], speaker.SpeakerEmbedding]) -> None:
    for (a, style_a), (b, style_b) in itertools.combinations(voices, 2):
        if a != b:
            gate = speaker.speaker_gate(voices[a, style_a], [voices[b, style_b].whole])
            assert gate.outcome in ("fail", "review"), (a, style_a, b, style_b, gate.measured)


@pytest.mark.parametrize(
    ("a", "b"), [p for p in itertools.combinations(takes.VOICES, 2) if p != ("rms", "awb")]
)
def test_another_voice_is_refused(
    voices: dict[tuple[str, str], speaker.SpeakerEmbedding], a: str, b: str
) -> None:
    """rms and awb are the one pair that the embedding cannot part for certain; it goes to a reviewer."""
    gate = speaker.speaker_gate(voices[a, "statement"], [voices[b, "neutral"].whole])
    assert (gate.outcome, gate.code) == ("fail", "speaker_mismatch")


def test_one_bad_reference_among_good_ones_decides(
    voices: dict[tuple[str, str], speaker.SpeakerEmbedding],
) -> None:
    references = [voices["slt", "neutral"].whole, voices["kal16", "neutral"].whole]
    assert speaker.speaker_gate(voices["slt", "statement"], references).code == "speaker_mismatch"


def test_the_first_recording_has_nothing_to_be_compared_with(
    voices: dict[tuple[str, str], speaker.SpeakerEmbedding],
) -> None:
    gate = speaker.speaker_gate(voices["slt", "statement"], [])
    assert (gate.outcome, gate.code) == ("skipped", "no_reference")


def test_a_protected_voice_is_for_a_reviewer(voices: dict[tuple[str, str], speaker.SpeakerEmbedding]) -> None:
    protected = [("celebrity", voices["awb", "neutral"].whole)]
    assert speaker.protected_gate(voices["awb", "statement"], protected).code == "protected_voice"
    assert "celebrity" not in speaker.protected_gate(voices["awb", "statement"], protected).message
    assert speaker.protected_gate(voices["slt", "statement"], protected).outcome == "pass"


@pytest.mark.parametrize(("a", "b"), list(itertools.permutations(takes.VOICES, 2)))
def test_two_voices_in_one_recording_are_heard(models_dir: Path, a: str, b: str) -> None:
    x, y = genuine(a), genuine(b)
    mixed = np.concatenate([x[: len(x) // 2], y[len(y) // 2 :]])
    voice = speaker.embed(speech.cut(mixed, speech.speech_spans(mixed)), models_dir / SPEAKER_FILE)
    assert speaker.single_speaker_gate(voice).code == "several_speakers"


def test_one_voice_is_one_speaker(voices: dict[tuple[str, str], speaker.SpeakerEmbedding]) -> None:
    for key, voice in voices.items():
        assert speaker.single_speaker_gate(voice).outcome == "pass", key


def test_other_weights_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / SPEAKER_FILE
    path.write_bytes(b"not the weights")
    assert speaker.find_weights(tmp_path) is None
    with pytest.raises(AssentError, match="not the speaker model"):
        speaker.embed(np.zeros(32_000, np.float32) + 0.1, path)
