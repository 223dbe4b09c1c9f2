"""Rules that hold voices and people safe, each by the one way in which it could be got round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests import factories
from tests.doors.conftest import JSON, browser_of, code_of, new_challenge, record

pytestmark = pytest.mark.django_db
CONSENT_GATES = factories.CONSENT_GATES

REQUIRED = [
    "length", "clipping", "snr", "speech", "own_mark", "replay", "single_speaker", "statement", "person",
    "organisation", "purposes", "date", "challenge_words", "protected_voice",
]  # fmt: skip


def handed_in(client: Any, voice: Any, challenge: dict[str, Any] | None = None) -> Any:
    """The id of a recording that a worker has claimed."""
    sent = record(client, challenge or new_challenge(client, voice))
    assert factories.consent.begin_check(submission_id=sent.json()["id"]) is not None
    return sent.json()["id"]


def decided(client: Any, submission: Any, without: str = "", **changed: Any) -> dict[str, Any]:
    """The submission after a report in which every gate passes, but for one that was left out or `changed`."""
    report = factories.passing_report(CONSENT_GATES | {"speaker"})
    report["gates"] = [gate for gate in report["gates"] if gate["name"] != without]
    for gate in report["gates"]:
        gate |= changed.get(gate["name"], {})
    factories.consent.apply_consent_gates(submission_id=submission, result=report)
    return dict(client.get(f"/api/v1/submissions/{submission}").json())


@pytest.fixture
def silent(owner: Any) -> Any:
    return factories.voices.register_voice(
        principal=owner, name="Ada", person_name="Ada Byron", language="en"
    )


def test_the_required_gates_are_these():
    assert sorted(CONSENT_GATES) == sorted(REQUIRED)


@pytest.mark.parametrize("gate", REQUIRED)
def test_no_consent_without_each_required_gate(browser, silent, gate):
    assert decided(browser, handed_in(browser, silent), without=gate)["state"] == "needs_review"


def test_a_passing_report_founds_one(browser, silent):
    assert decided(browser, handed_in(browser, silent))["state"] == "approved"


DOUBT = {"statement": {"outcome": "review", "code": "unexplained_speech"}}


@pytest.mark.provokes("two_person_rule", "consent.challenge_issued")
@pytest.mark.parametrize("role", ["requester", "speaker", "owner"])
def test_nobody_decides_on_what_they_had_a_hand_in(owner, browser, silent, role):
    requester = browser_of(factories.member_principal(owner, "owner"))
    speaker = browser_of(factories.member_principal(owner, "owner"))
    submission = handed_in(speaker, silent, new_challenge(requester, silent))
    assert decided(browser, submission, **DOUBT)["state"] == "needs_review"
    client = {"requester": requester, "speaker": speaker, "owner": browser}[role]
    answer = client.post(f"/api/v1/review/submissions/{submission}", {"approve": True}, JSON)
    assert (answer.status_code, code_of(answer)) == (403, "two_person_rule")
    third = browser_of(factories.member_principal(owner, "reviewer"))
    assert third.post(f"/api/v1/review/submissions/{submission}", {"approve": True}, JSON).status_code == 200


def test_what_was_measured_of_a_refused_recording_is_not_kept(owner, browser, silent):
    submission = handed_in(browser, silent)
    decided(browser, submission, **DOUBT)
    clip = silent.clips.get()
    assert clip.speaker_embedding and clip.file
    reviewer = browser_of(factories.member_principal(owner, "reviewer"))
    reviewer.post(f"/api/v1/review/submissions/{submission}", {"approve": False, "note": "No."}, JSON)
    clip.refresh_from_db()
    assert (clip.file.name, clip.fingerprint, clip.speaker_embedding, clip.measurements) == (
        "",
        None,
        None,
        {},
    )


def test_each_receipt_names_the_one_before_it(browser, silent):
    hashes, named = [], []
    for _ in range(3):
        decided(browser, handed_in(browser, silent))
        receipt = browser.get(f"/api/v1/voices/{silent.pk}/consent").json()["receipt"]
        named.append(receipt["previous_receipt_hash"])
        hashes.append(silent.consents.order_by("version").last().receipt_sha256)
    assert named == [None, hashes[0], hashes[1]]


def test_weights_do_not_speak_where_the_consent_does_not_say_so(owner, voice):
    """Should a row outlive the consent that permitted it."""
    consent = voice.consents.get()
    voice.weights.create(
        consent=consent, consent_version=consent.version, s1_sha256="1" * 64, s2_sha256="2" * 64
    )
    may = factories.consent.authorise(principal=owner, voice=voice, text="Hello.", language="en")
    assert may.weights is None


@pytest.mark.parametrize(
    ("cosine", "outcome"), [(0.75, "pass"), (0.79, "pass"), (0.81, "review"), (0.85, "review")]
)
def test_how_like_a_protected_voice_may_be(cosine, outcome):
    from accounts.gates import speaker

    other, heard = np.zeros(256, np.float32), np.zeros(256, np.float32)
    other[0], heard[0], heard[1] = 1.0, cosine, np.sqrt(1 - cosine**2)
    gate = speaker.protected_gate(speaker.SpeakerEmbedding(heard[None], heard), [("somebody", other)])
    assert gate.outcome == outcome


@pytest.mark.parametrize("tempo", [0.96, 0.98, 1.02, 1.04])
def test_a_replay_at_another_tempo_is_known_again(tempo):
    """Played quicker or slower with its pitch kept: the same bits, closer together or further apart."""
    from accounts.gates import replay

    bits = np.random.default_rng(5).integers(1, 2**32, 400, dtype=np.uint32)
    bits = bits[np.arange(4_000) // 10]  # neighbouring frames are alike, as they are in speech
    at = (np.arange(int(len(bits) * tempo)) / tempo).round().astype(int)
    heard = bits[np.minimum(at, len(bits) - 1)]
    assert replay.bit_error_rate(bits, heard) < 0.2
    assert replay.bit_error_rate(bits[::-1].copy(), heard) > 0.4


@pytest.mark.parametrize(
    ("ours_s", "of_s", "matches"),
    [(5.1, 10.0, True), (4.9, 10.0, False), (0.76, 1.0, True), (0.74, 1.0, False)],
)
def test_half_of_what_carries_the_mark_must_be_the_record_s(ours_s, of_s, matches):
    from watermark.reading.findings import Interval, RecordFinding

    spans = (Interval(0.0, ours_s, "ours", 7), Interval(ours_s, of_s, "altered", 7))
    assert RecordFinding(7, True, of_s, True, spans).content_matches is matches
    assert not RecordFinding(7, False, of_s, True, spans).content_matches
