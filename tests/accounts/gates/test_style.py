"""Style clips: quality of a reference, whose voice it is, and how extreme it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounts.gates import speaker, speech
from accounts.gates.phones import distance, pronunciations
from accounts.gates.report import GateReport
from accounts.gates.style import check_style, transcript_gate
from accounts.gates.transcript import decoys_of, said_gate
from synth.modelstore.manifest import SPEAKER_FILE
from tests import takes
from tests.accounts.gates.conftest import genuine
from tests.listener import Listener

RATE = takes.RATE_HZ


@pytest.fixture(scope="module")
def prints(models_dir: Path) -> dict[str, np.ndarray]:
    """The embedding of each voice's consent recording."""

    def whole(samples: np.ndarray) -> np.ndarray:
        spoken = speech.cut(samples, speech.speech_spans(samples))
        return speaker.embed(spoken, models_dir / SPEAKER_FILE).whole

    return {voice: whole(genuine(voice)) for voice in takes.VOICES}


def check(samples: np.ndarray, embedding: np.ndarray | None, models_dir: Path | None) -> GateReport:
    return check_style(
        samples.astype(np.float32),
        RATE,
        consent_embedding=embedding,
        transcript=takes.style_clip("slt", "neutral").transcript,
        language="en",
        mark_detector=lambda *_: False,
        models_dir=models_dir,
    )


@pytest.mark.parametrize("voice", takes.VOICES)
@pytest.mark.parametrize("style", takes.STYLES)
def test_each_style_of_each_voice_is_approved(
    voice: str, style: str, prints: dict[str, np.ndarray], models_dir: Path
) -> None:
    report = check(takes.style_clip(voice, style).samples, prints[voice], models_dir)
    assert (report.decision, report.reasons) == ("approved", []), report.gates
    assert report.fingerprint
    assert report.gate("expression").code == ""


def test_another_voices_clip_is_refused(prints: dict[str, np.ndarray], models_dir: Path) -> None:
    report = check(takes.style_clip("kal16", "neutral").samples, prints["slt"], models_dir)
    assert (report.decision, report.reasons) == ("rejected", ["speaker_mismatch"])


def test_no_other_voice_is_ever_approved(prints: dict[str, np.ndarray], models_dir: Path) -> None:
    for voice in takes.VOICES:
        for other in set(takes.VOICES) - {voice}:
            report = check(takes.style_clip(other, "neutral").samples, prints[voice], models_dir)
            assert report.decision != "approved", (voice, other)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda x: x[: int(2.9 * RATE)], "too_short"),
        (lambda x: np.concatenate([x, x, x]), "too_long"),
        (lambda x: np.clip(4 * x / np.abs(x).max(), -1, 1), "clipped"),
        (lambda x: x + np.random.default_rng(0).normal(size=len(x)) * x.std() * 0.35, "too_noisy"),
        (lambda x: 0.001 * x, "too_quiet"),
    ],
)
def test_poor_clips_are_refused(spoil, code: str, prints: dict[str, np.ndarray], models_dir: Path) -> None:
    report = check(spoil(takes.style_clip("slt", "neutral").samples), prints["slt"], models_dir)
    assert report.decision == "rejected"
    assert code in report.reasons


def test_our_own_output_is_no_style(models_dir: Path) -> None:
    clip = takes.style_clip("slt", "neutral")
    report = check_style(
        clip.samples,
        RATE,
        consent_embedding=None,
        transcript=clip.transcript,
        language="en",
        mark_detector=lambda *_: True,
        models_dir=models_dir,
    )
    assert (report.decision, report.reasons) == ("rejected", ["synthetic_source"])


def test_without_anything_to_compare_a_reviewer_decides(models_dir: Path) -> None:
    clip = takes.style_clip("slt", "neutral").samples
    assert check(clip, None, models_dir).reasons == ["no_reference"]
    without_model = check(clip, np.ones(256, np.float32), None)
    assert without_model.decision == "needs_review"
    assert set(without_model.reasons) == {"speaker_model_missing"}


@pytest.mark.parametrize("voice", takes.VOICES)
def test_a_trembling_or_leaping_voice_is_warned_about_and_not_refused(
    voice: str, prints: dict[str, np.ndarray], models_dir: Path
) -> None:
    x = takes.style_clip(voice, "neutral").samples
    t = np.arange(len(x)) / RATE
    trembling = x * (1 + 0.9 * np.sin(2 * np.pi * 6 * t))
    report = check(trembling, prints[voice], models_dir)
    assert report.gate("expression").outcome == "pass"
    assert report.gate("expression").code == "extreme_expression"


OTHER_WORDS = "The letter came on a Tuesday, and nobody opened it until the evening of the third day."


@pytest.mark.parametrize("voice", takes.VOICES)
def test_the_words_of_a_clip_are_told_from_other_words(voice: str) -> None:
    clip = takes.style_clip(voice, "neutral")
    assert said_gate(clip.samples, clip.transcript, "en").outcome == "pass"
    other = said_gate(clip.samples, OTHER_WORDS, "en")
    assert (other.outcome, other.code) == ("fail", "transcript_mismatch"), other
    half = clip.transcript.split()[:9] + OTHER_WORDS.split()[8:]
    assert said_gate(clip.samples, " ".join(half), "en").outcome != "pass"


@pytest.mark.parametrize(
    ("transcript", "language"),
    [
        ("港口的灯还亮着，没有人问我们去了哪里", "zh"),
        ("港口的灯还亮着", "en"),
        ("In 1984 there were 365 of them", "en"),
        ("We do", "en"),
        ("", "en"),
    ],
)
def test_what_cannot_be_recognised_is_for_a_reviewer(transcript: str, language: str) -> None:
    gate = said_gate(takes.style_clip("slt", "neutral").samples, transcript, language)
    assert (gate.outcome, gate.code) == ("review", "transcript_needs_reviewer")


def test_the_decoys_of_a_word_are_the_same_every_time_and_sound_unlike_it() -> None:
    for word in ("harbor", "still", "burning", "home", "xiaoming", "elephant"):
        decoys = decoys_of(word, 3)
        assert decoys == decoys_of(word, 3) and len(set(decoys)) == 5
        sound = pronunciations(word)[0]
        assert min(distance(sound, pronunciations(decoy)[0]) for decoy in decoys) >= 2


@pytest.mark.parametrize(
    ("transcript", "language", "outcome", "code"),
    [
        ("The harbor lights were still burning", "en", "pass", ""),
        ("", "en", "fail", "transcript_missing"),
        ("...", "en", "fail", "transcript_missing"),
        ("Hi", "en", "review", "transcript_doubtful"),
        ("word " * 60, "en", "review", "transcript_doubtful"),
        ("港口的灯还亮着，没有人问我们去了哪里", "zh", "pass", ""),
    ],
)
def test_a_transcript_must_fit_the_time(transcript: str, language: str, outcome: str, code: str) -> None:
    gate = transcript_gate(transcript, language, 4.0)
    assert (gate.outcome, gate.code) == (outcome, code)


@pytest.mark.parametrize(
    ("wrote", "outcome"),
    [
        ("las luces del puerto ardían, cuando volvimos a casa; y nadie nos preguntó nada", "pass"),
        ("Las luces del puerto ardían cuando volvimos a casa y alguien nos preguntó nada", "review"),
        ("Las luces del puerto no ardían cuando volvimos a casa y nadie nos preguntó nada", "review"),
        ("El tren de las siete llega tarde otra vez", "fail"),
        ("", "review"),
    ],
)
def test_a_transcript_in_another_language_is_held_against_what_was_written(wrote: str, outcome: str) -> None:
    shown = "Las luces del puerto ardían cuando volvimos a casa, y nadie nos preguntó nada."
    listener: Any = Listener(wrote, wrote, "es")
    gate = said_gate(np.zeros(16_000, np.float32), shown, "es", listener)
    assert gate.outcome == outcome, gate
    assert said_gate(np.zeros(16_000, np.float32), shown, "es").code == "transcript_needs_reviewer"
    assert said_gate(np.zeros(16_000, np.float32), shown, "hi", listener).outcome == "review"
