"""Recordings as people hand them in and the worker measures them: each refusal and doubt, by its code, over HTTP.

The sound is real. What the recogniser makes of it is given, so that each test says one thing and costs little; that
it hears what is said is the business of the gates' own tests.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from accounts.consent.services import challenges
from accounts.gates import limits, recognise
from accounts.voices import languages
from tests import factories, neural, takes
from tests.doors.conftest import browser_of, new_challenge, record, take
from tests.listener import Listener
from tests.promises import case
from worker import recordings, resident, tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
RATE_HZ = takes.RATE_HZ
SECOND_WITNESS = resident.recogniser


def clip(voice: str = "slt") -> np.ndarray:
    """Some seconds of speech, float32 (n,) at 16 kHz."""
    return takes.style_clip(voice, "neutral").samples


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What the recogniser hears from now on, evenly over the clip; nothing until it is told."""
    heard: list[str] = []

    def recognised(samples: np.ndarray, grammar: str, vocabulary: Any) -> list[recognise.HeardWord] | None:
        step_s = len(samples) / RATE_HZ / max(1, len(heard))
        words = [recognise.HeardWord(text, i * step_s, (i + 1) * step_s) for i, text in enumerate(heard)]
        return words or None

    monkeypatch.setattr(recognise, "recognise", recognised)
    monkeypatch.setattr(resident, "recogniser", lambda: None)

    def say(statement: str) -> None:
        kept = "".join(c if c.isalnum() or c in "' " else " " for c in statement.lower().replace("-", " "))
        heard[:] = kept.split()

    return say


@pytest.fixture
def unheard(owner: Any) -> Any:
    """A voice that nobody has consented to."""
    return factories.voices.register_voice(
        principal=owner, name="Alex", person_name="Alex Morgan", language="en"
    )


@pytest.fixture
def owner(db: None) -> Any:
    return factories.owner_principal(takes.ORGANISATION)


def checked(
    client: Any, challenge: dict[str, Any], samples: np.ndarray, rate_hz: int = RATE_HZ
) -> dict[str, Any]:
    """The submission of these samples once a worker has measured it."""
    sent = record(client, challenge, factories.wav(samples, rate_hz))
    assert sent.status_code == 202, sent.content
    tasks.consent(sent.json()["id"])
    return dict(client.get(sent["Location"]).json())


def codes(row: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in row["reasons"]}


def tone(seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def noise(ratio: float) -> np.ndarray:
    x = clip()
    return (x + ratio * x.std() * np.random.default_rng(3).normal(size=len(x))).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "rate_hz"),
    [
        case("too_short", clip()[: 3 * RATE_HZ], RATE_HZ),
        case("sample_rate_too_low", clip(), 6_000),
        case("too_long", np.zeros(61 * 8_000, np.float32), 8_000),
        case("too_quiet", clip() * np.float32(0.005), RATE_HZ),
        case("clipped", np.clip(4 * clip() / np.abs(clip()).max(), -1, 1), RATE_HZ),
        case("too_noisy", noise(0.5), RATE_HZ),
        case("too_little_speech", tone(6.0), RATE_HZ),
        case("unreadable_audio", np.zeros(0, np.float32), RATE_HZ),
        case("audio_too_long", np.zeros(121 * 8_000, np.float32), 8_000),
        case("too_many_channels", np.zeros((8_000, 9), np.float32), 8_000),
        case("sample_rate_unsupported", np.zeros(8_000, np.float32), 400_000),
    ],
)
def test_sound_that_founds_no_consent(browser, unheard, samples, rate_hz, request):
    row = checked(browser, new_challenge(browser, unheard), samples, rate_hz)
    assert row["state"] == "rejected"
    assert request.node.callspec.id in codes(row)


@pytest.mark.provokes("consent.rejected", "consent.approved", "replayed_recording", "challenge_used")
def test_a_recording_is_taken_once(browser, unheard, said, monkeypatch):
    monkeypatch.setattr(limits, "SINGLE_SPEAKER_FAIL_COSINE", -1.0)
    monkeypatch.setattr(limits, "SINGLE_SPEAKER_PASS_COSINE", -1.0)  # three manners in one recording
    spoken = np.concatenate([takes.style_clip("slt", style).samples for style in takes.STYLES])
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"].replace("I consent", "I do not consent"))
    assert checked(browser, challenge, spoken)["state"] == "rejected"
    said(challenge["statement"])
    assert checked(browser, challenge, spoken)["state"] == "approved"
    assert record(browser, challenge).json()["code"] == "challenge_used"
    again = new_challenge(browser, unheard)
    said(again["statement"])
    row = checked(browser, again, (0.5 * spoken).astype(np.float32))
    assert (row["state"], codes(row)) == ("rejected", {"replayed_recording"})


def decoy(spec: dict[str, Any], name: str) -> str:
    """Another name that the recogniser may choose for a part of the statement."""
    return " ".join(
        part["decoys"][0] for slot in spec["slots"] if slot["name"] == name for part in slot["parts"]
    )


SAID = [
    case("statement_negated", "I consent", "I do not consent"),
    case("person_mismatch", "Alex Morgan", "SLOT person"),
    case("organisation_mismatch", "Harbor Studio", "SLOT organisation"),
    case("purposes_mismatch", "PURPOSES", "narration"),
    case("date_mismatch", "MONTH", "OTHER"),
    case("challenge_words_wrong", "WORDS", ""),
]


@pytest.mark.parametrize(("right", "wrong"), SAID)
def test_words_that_found_no_consent(browser, unheard, said, right, wrong, request):
    challenge = new_challenge(browser, unheard)
    statement = challenge["statement"]
    spec = unheard.challenges.get().spec
    if right == "PURPOSES":
        right = next(slot["text"] for slot in spec["slots"] if slot["name"] == "purposes")
    if right == "MONTH":
        month = next(slot for slot in spec["slots"] if slot["name"] == "month")["parts"][0]
        right, wrong = month["expected"].capitalize(), month["decoys"][0]
    if wrong.startswith("SLOT"):
        wrong = decoy(spec, wrong.split()[1])
    if right == "WORDS":
        right = statement[statement.index(" My six words") :]
    assert right in statement
    said(statement.replace(right, wrong))
    row = checked(browser, challenge, clip())
    assert request.node.callspec.id in codes(row), (statement, row["reasons"])
    assert row["state"] == "rejected"


@pytest.mark.provokes("statement_not_heard")
def test_something_else_altogether(browser, unheard):
    assert codes(checked(browser, new_challenge(browser, unheard), clip())) == {"statement_not_heard"}


@pytest.mark.provokes("unexplained_speech", "consent.needs_review", "consent.reviewed")
def test_speech_that_the_statement_does_not_explain(owner, browser, unheard, said, monkeypatch):
    monkeypatch.setattr(limits, "UNEXPLAINED_SPEECH_S", -1.0)
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])
    row = checked(browser, challenge, clip())
    assert row["state"] == "needs_review" and "unexplained_speech" in codes(row)
    reviewer = browser_of(factories.member_principal(owner, "reviewer"))
    decided = reviewer.post(
        f"/api/v1/review/submissions/{row['id']}", {"approve": False, "note": "No."}, "application/json"
    )
    assert decided.json()["state"] == "rejected"


@pytest.mark.parametrize(
    "names",
    [
        case("person_uncertain", ("Zorblat Vuxqui", takes.ORGANISATION)),
        case("organisation_uncertain", ("Alex Morgan", "Zorblat")),
        case("person_needs_reviewer", ("王小明", takes.ORGANISATION)),
        case("organisation_needs_reviewer", ("Alex Morgan", "声音")),
    ],
)
def test_names_that_nobody_can_be_sure_of(db, said, names, request):
    person, organisation = names
    owner = factories.owner_principal(organisation)
    voice = factories.voices.register_voice(principal=owner, name="N", person_name=person, language="en")
    client = browser_of(owner)
    challenge = new_challenge(client, voice)
    unsure = request.node.callspec.id.partition("_")[0]
    heard = challenge["statement"]
    if other := decoy(voice.challenges.get().spec, unsure):
        heard = heard.replace(person if unsure == "person" else organisation, other)
    said(heard)
    row = checked(client, challenge, clip())
    assert request.node.callspec.id in codes(row), (heard, row["reasons"])


@pytest.mark.parametrize(
    ("denied", "state"),
    [
        (False, "approved"),
        pytest.param(True, "needs_review", marks=pytest.mark.provokes("not_clearly_heard")),
    ],
)
def test_a_statement_that_one_recogniser_alone_hears(monkeypatch, denied, state):
    """What it wrote freely is right; whether the denial is likelier to it decides between approved and a reviewer."""
    monkeypatch.setattr(languages, "recogniser_is_there", lambda: True)
    monkeypatch.setattr(challenges, "recogniser_is_there", lambda: True)
    person, organisation = neural.NAMES["es"]
    speaker = factories.owner_principal(organisation)
    voice = factories.voices.register_voice(principal=speaker, name="N", person_name=person, language="es")
    client = browser_of(speaker)
    challenge = new_challenge(client, voice)
    statement = challenge["statement"]
    assert statement.startswith(f"Me llamo {person}. ") and challenge["needs_reviewer"] == []
    said = statement.replace("y autorizo", "y no autorizo") if denied else statement
    listener = Listener(statement, said, "es")
    monkeypatch.setattr(resident, "recogniser", lambda: nullcontext(listener))
    row = checked(client, challenge, clip())
    assert row["state"] == state, row["reasons"]
    assert ("not_clearly_heard" in codes(row)) == denied


@pytest.mark.provokes("language_needs_reviewer")
def test_a_language_without_a_recogniser(owner, browser, monkeypatch):
    monkeypatch.setattr(challenges, "recogniser_is_there", lambda: False)
    voice = factories.voices.register_voice(principal=owner, name="N", person_name="王小明", language="zh")
    row = checked(browser, new_challenge(browser, voice), clip())
    assert (row["state"], codes(row)) == ("needs_review", {"language_needs_reviewer", "no_reference"})


# ---- whose voice it is


@pytest.mark.provokes("synthetic_source")
def test_speech_that_we_made_ourselves(browser, unheard, monkeypatch):
    monkeypatch.setattr(recordings, "carries_our_mark", lambda *_: True)
    assert codes(checked(browser, new_challenge(browser, unheard), clip())) == {"synthetic_source"}


@pytest.mark.provokes("speaker_model_missing")
def test_without_the_speaker_model_somebody_listens(browser, unheard, said, settings, tmp_path):
    settings.ASSENT_MODELS_DIR = tmp_path
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])
    row = checked(browser, challenge, clip())
    assert (row["state"], codes(row)) == ("needs_review", {"speaker_model_missing"})


@pytest.mark.provokes("several_speakers")
def test_two_voices_in_one_recording(browser, unheard):
    mixed = np.concatenate([clip("slt"), clip("rms")])
    assert codes(checked(browser, new_challenge(browser, unheard), mixed)) == {"several_speakers"}


@pytest.mark.parametrize(
    "limit",
    [
        case(
            "several_speakers_suspected",
            {"SINGLE_SPEAKER_FAIL_COSINE": -1.0, "SINGLE_SPEAKER_PASS_COSINE": 1.1},
        ),
        case("noisy", {"SNR_FAIL_DB": 0.0, "SNR_PASS_DB": 99.0}),
    ],
)
def test_doubts_go_to_a_reviewer(browser, unheard, said, monkeypatch, limit, request):
    for name, value in limit.items():
        monkeypatch.setattr(limits, name, value)
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])
    row = checked(browser, challenge, clip())
    assert (row["state"], codes(row)) == ("needs_review", {request.node.callspec.id, "no_reference"})


@pytest.mark.parametrize(
    "fails_below", [case("speaker_mismatch", limits.SPEAKER_FAIL_COSINE), case("speaker_uncertain", -1.0)]
)
def test_another_voice_than_last_time(owner, browser, said, monkeypatch, fails_below, request):
    monkeypatch.setattr(limits, "SPEAKER_FAIL_COSINE", fails_below)
    voice = factories.consented_voice(owner)  # whose voiceprint is nobody's
    challenge = new_challenge(browser, voice)
    spoken = challenge["statement"]
    voice.person_name = takes.PERSON
    said(spoken)
    row = checked(browser, challenge, clip())
    assert request.node.callspec.id in codes(row)


@pytest.mark.provokes("protected_voice", "no_reference", "rights_doubt", "voice.likeness_found")
def test_a_voice_that_belongs_to_somebody_else_here(browser, unheard, said):
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])
    first = checked(browser, challenge, clip())
    assert first["state"] == "approved", first["reasons"]
    assert "no_reference" in {gate["code"] for gate in first["gates"]}
    other = factories.owner_principal(takes.ORGANISATION)
    theirs = factories.voices.register_voice(
        principal=other, name="M", person_name="Alex Morgan", language="en"
    )
    client = browser_of(other)
    challenge = new_challenge(client, theirs)
    said(challenge["statement"])
    row = checked(client, challenge, takes.style_clip("slt", "cheerful").samples)
    assert (row["state"], codes(row)) == ("needs_review", {"protected_voice", "no_reference", "rights_doubt"})
    assert row["decided_in"] == "installation"


@pytest.mark.provokes("witnesses_disagree")
def test_what_only_one_recogniser_hears_is_a_reviewers_question(
    browser, unheard, said, monkeypatch, settings
):
    if SECOND_WITNESS() is None:
        pytest.skip("the model of the second recogniser is not installed")
    monkeypatch.setattr(resident, "recogniser", SECOND_WITNESS)
    settings.ASSENT_SECOND_WITNESS = True
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])  # the first hears the statement in a clip that tells of something else
    row = checked(browser, challenge, clip())
    assert (row["state"], "witnesses_disagree" in codes(row)) == ("needs_review", True)


@pytest.mark.provokes("replay_suspected")
def test_a_recording_very_like_an_earlier_one(browser, unheard, said, monkeypatch):
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])
    assert checked(browser, challenge, clip())["state"] == "approved"
    monkeypatch.setattr(limits, "REPLAY_REVIEW_BER", 1.1)
    again = new_challenge(browser, unheard)
    said(again["statement"])
    row = checked(browser, again, takes.style_clip("slt", "cheerful").samples)
    assert codes(row) == {"replay_suspected"}


# ---- styles


@pytest.fixture
def heard(browser, unheard, said):
    """A voice whose consent was spoken by slt."""
    challenge = new_challenge(browser, unheard)
    said(challenge["statement"])
    row = checked(browser, challenge, takes.style_clip("slt", "cheerful").samples)
    assert row["state"] == "approved", row["reasons"]
    return unheard


def styled(client: Any, voice: Any, transcript: str = "", *, language: str = "en") -> dict[str, Any]:
    """The style that slt's neutral clip was offered as, once a worker has measured it."""
    form = {
        "name": "calm", "emotion": "calm", "language": language, "file": take(factories.wav(clip())),
        "transcript": transcript or takes.style_clip("slt", "neutral").transcript,
    }  # fmt: skip
    sent = client.post(f"/api/v1/voices/{voice.pk}/styles", form)
    assert sent.status_code == 202, sent.content
    tasks.style(sent.json()["id"])
    return dict(client.get(sent["Location"]).json())


TRANSCRIPT = takes.style_clip("slt", "neutral").transcript


@pytest.mark.provokes("style.approved", "extreme_expression")
def test_a_style_as_it_should_be_is_warned_of_at_most(browser, heard, said, monkeypatch):
    monkeypatch.setattr(limits, "EXTREME_RANGE_ST", 0.0)
    said(TRANSCRIPT)
    row = styled(browser, heard)
    assert row["state"] == "approved", row["reasons"]
    assert "extreme_expression" in {gate["code"] for gate in row["gates"]}


@pytest.mark.parametrize(
    ("transcript", "words"),
    [
        case("transcript_missing", "...", ""),
        case("transcript_mismatch", TRANSCRIPT, "of of of"),
        case("transcript_doubtful", TRANSCRIPT * 6, TRANSCRIPT * 6),
        case("transcript_needs_reviewer", "Zq. Xx.", ""),
        case("transcript_uncertain", TRANSCRIPT, "HALF"),
    ],
)
def test_transcripts_of_something_else(browser, heard, said, transcript, words, request):
    if words == "HALF":
        tokens = TRANSCRIPT.split()
        words = " ".join("elephant" if i % 2 else token for i, token in enumerate(tokens))
    said(words)
    row = styled(browser, heard, transcript)
    assert request.node.callspec.id in codes(row), row["gates"]


@pytest.mark.provokes("style.rejected")
def test_another_voice_is_no_style_of_this_one(owner, browser, said):
    said(TRANSCRIPT)
    row = styled(browser, factories.consented_voice(owner))
    assert (row["state"], codes(row)) == ("rejected", {"speaker_mismatch"})


@pytest.mark.provokes(
    "no_reference", "style.needs_review", "style.reviewed", "not_waiting_for_review", "two_person_rule"
)
def test_a_voice_that_was_never_measured_is_compared_by_a_person(owner, browser, said):
    voice = factories.consented_voice(owner)
    type(voice).objects.filter(pk=voice.pk).update(speaker_embedding=None)
    said(TRANSCRIPT)
    row = styled(browser, voice)
    assert (row["state"], codes(row)) == ("needs_review", {"no_reference"})
    path = f"/api/v1/review/styles/{row['id']}"
    assert browser.post(path, {"approve": True}, "application/json").json()["code"] == "two_person_rule"
    reviewer = browser_of(factories.member_principal(owner, "reviewer"))
    assert reviewer.post(path, {"approve": True}, "application/json").json()["state"] == "approved"
    again = reviewer.post(path, {"approve": True}, "application/json")
    assert again.json()["code"] == "not_waiting_for_review"
