"""What is said: four voices, each denial, wrong names, wrong words. Committed phrases, and flite where it is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from accounts.gates import spoken
from accounts.gates.challenge import ChallengeSpec, enumeration
from accounts.gates.report import Gate, decide
from tests import takes
from tests.data.negations import NEGATED_CONSENTS, NEGATED_OWNERS

needs_flite = pytest.mark.skipif(not takes.flite_installed(), reason="flite is not installed")
PURPOSES = enumeration(takes.PURPOSES)
every_voice = pytest.mark.parametrize("voice", takes.VOICES)


def listen(statement: str, voice: str, seed: int = 5, source: str = "phrases") -> dict[str, Gate]:
    """The spoken gates of a take; where speech is, is left out, so that nothing else can object."""
    samples = takes.take(statement, voice, seed=seed, source=source).samples  # type: ignore[arg-type]
    return {gate.name: gate for gate in spoken.listen(samples, takes.fixed_challenge(), []).gates}


def failures(gates: dict[str, Gate]) -> dict[str, str]:
    return {name: gate.code for name, gate in gates.items() if gate.outcome == "fail"}


@cache
def statement() -> str:
    return takes.fixed_challenge().statement


@cache
def without_words() -> str:
    """The statement up to the challenge words: enough where only the statement is judged, and quicker."""
    return statement().partition(" My six words")[0]


@every_voice
@pytest.mark.parametrize("seed", [1, 2])
def test_the_right_statement_passes(voice: str, seed: int) -> None:
    gates = listen(statement(), voice, seed)
    assert {gate.outcome for gate in gates.values()} == {"pass"}, gates
    assert gates["challenge_words"].measured >= 5


@every_voice
@pytest.mark.parametrize("denial", NEGATED_CONSENTS)
def test_a_denied_consent_is_never_accepted(voice: str, denial: str) -> None:
    gates = listen(without_words().replace("I consent", f"I {denial}"), voice)
    assert gates["statement"].code in ("statement_negated", "statement_not_heard"), gates["statement"]


@every_voice
@pytest.mark.parametrize("denial", NEGATED_OWNERS)
def test_a_denied_ownership_is_never_accepted(voice: str, denial: str) -> None:
    gates = listen(without_words().replace("I am the", f"I {denial} the"), voice)
    assert gates["statement"].code in ("statement_negated", "statement_not_heard"), gates["statement"]


@every_voice
@pytest.mark.parametrize(
    ("right", "wrong", "gate", "code"),
    [
        ("My name is", "My name is not", "statement", "statement_negated"),
        ("creating", "creating no", "statement", "statement_negated"),
        ("Alex Morgan", "Jordan Baker", "person", "person_mismatch"),
        ("Alex Morgan", "Maria Lopez", "person", "person_mismatch"),
        ("Harbor Studio", "Northern Radio", "organisation", "organisation_mismatch"),
        (PURPOSES, enumeration((*takes.PURPOSES, "advertising")), "purposes", "purposes_mismatch"),
        (PURPOSES, "narration", "purposes", "purposes_mismatch"),
        ("twenty second", "third", "date", "date_mismatch"),
        ("November", "March", "date", "date_mismatch"),
    ],
)
def test_each_wrong_part_has_its_own_code(voice: str, right: str, wrong: str, gate: str, code: str) -> None:
    found = failures(listen(without_words().replace(right, wrong), voice))
    assert found.get(gate) == code, found


@every_voice
def test_who_says_only_another_list_of_purposes_is_told_exactly_that(voice: str) -> None:
    assert failures(listen(statement().replace(PURPOSES, "narration"), voice)) == {
        "purposes": "purposes_mismatch"
    }


@every_voice
def test_other_words_are_wrong_words(voice: str) -> None:
    words = ", ".join(takes.fixed_challenge().word_list)
    others = ", ".join(takes.fixed_challenge(seed=77).word_list)
    found = failures(listen(statement().replace(words, others), voice))
    assert found == {"challenge_words": "challenge_words_wrong"}


def test_missing_words_are_wrong_words() -> None:
    gates = listen(without_words(), "slt")
    assert failures(gates) == {"challenge_words": "challenge_words_wrong"}
    assert gates["challenge_words"].measured == 0


def test_one_wrong_word_of_six_is_forgiven_and_two_are_not() -> None:
    first, second = takes.fixed_challenge().word_list[:2]
    assert "challenge_words" not in failures(listen(statement().replace(first, "yellow"), "slt"))
    two = statement().replace(first, "yellow").replace(second, "dragon")
    assert failures(listen(two, "slt")) == {"challenge_words": "challenge_words_wrong"}


def test_something_else_altogether_is_not_heard() -> None:
    clip = takes.style_clip("slt", "neutral").samples
    gates = {gate.name: gate for gate in spoken.listen(clip, takes.fixed_challenge(), []).gates}
    assert gates["statement"].code == "statement_not_heard"
    assert gates["challenge_words"].outcome == "skipped"


def test_speech_that_the_statement_does_not_explain_is_for_a_reviewer() -> None:
    samples = takes.take(statement(), "slt", source="phrases").samples
    end_s = len(samples) / takes.RATE_HZ
    spans = [(0.4, end_s), (end_s + 0.2, end_s + 1.5)]
    found = {gate.name: gate for gate in spoken.listen(samples, takes.fixed_challenge(), spans).gates}
    assert found["statement"].code == "unexplained_speech"


@pytest.mark.parametrize("code", ["language_needs_reviewer", "person_needs_reviewer"])
def test_where_nothing_can_be_recognised_a_reviewer_decides(code: str) -> None:
    data = takes.fixed_challenge().as_json()
    if code == "language_needs_reviewer":
        data["language"] = "zh"
    else:
        data["slots"][0]["parts"] = []
    gates = spoken.listen(np.zeros(160_000, np.float32), ChallengeSpec.from_json(data), []).gates
    assert {gate.code for gate in gates} == {code}
    assert decide(gates) == "needs_review"


@needs_flite
@pytest.mark.parametrize(
    ("voice", "said"), list(zip(takes.VOICES, ("not", "but not", "no", "except"), strict=True))
)
def test_a_purpose_excepted_in_the_middle_of_the_list_is_heard(voice: str, said: str) -> None:
    found = failures(listen(statement().replace("dubbing", f"{said} dubbing"), voice, source="flite"))
    assert found == {"purposes": "purposes_mismatch"}


@needs_flite
@every_voice
def test_any_other_list_is_told_apart_in_fluent_speech(voice: str) -> None:
    other = enumeration(("political", "custom_weights"))
    found = failures(listen(statement().replace(PURPOSES, other), voice, source="flite"))
    assert found == {"purposes": "purposes_mismatch"}


@needs_flite
@every_voice
def test_fluent_speech_is_judged_the_same(voice: str) -> None:
    assert failures(listen(statement(), voice, source="flite")) == {}
    both = (
        without_words().replace("Alex Morgan", "Simon Fletcher").replace("I consent", "I would never consent")
    )
    found = failures(listen(both, voice, source="flite"))
    assert (found["statement"], found["person"]) == ("statement_negated", "person_mismatch")
