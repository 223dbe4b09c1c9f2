"""What an owner of a voice is refused before anything is measured, and the steps of a consent in the log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.consent.services import checks
from tests import factories
from tests.doors.conftest import (
    JSON,
    NOBODY,
    browser_of,
    code_of,
    key_of,
    new_challenge,
    record,
    refusal_on,
    room_of,
    take,
)
from tests.promises import case

pytestmark = pytest.mark.django_db


@pytest.fixture
def silent(owner):
    """A voice that nobody has consented to."""
    return factories.voices.register_voice(
        principal=owner, name="Ada", person_name="Ada Byron", language="en"
    )


def at(monkeypatch, later: timedelta) -> None:
    now = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now + later)


# ---- voices


@pytest.mark.provokes("too_many_voices", "voice.registered")
def test_voices_are_bounded(browser, monkeypatch):
    monkeypatch.setattr(room_of(factories.voices.register_voice), "MAX_VOICES_PER_ORGANISATION", 1)
    for name in "ab":
        answer = browser.post("/api/v1/voices", {"name": name, "person_name": name, "language": "en"}, JSON)
    assert code_of(answer) == "too_many_voices"


@pytest.mark.provokes("not_your_voice")
def test_only_its_owner_revokes(owner, voice):
    answer = browser_of(factories.member_principal(owner, "operator")).post(
        f"/api/v1/voices/{voice.pk}/revoke", {}, JSON
    )
    assert (answer.status_code, code_of(answer)) == (403, "not_your_voice")


@pytest.mark.provokes("voice_not_suspended", "voice_not_active", "voice.suspended", "voice.resumed")
def test_pausing_goes_one_way_at_a_time(browser, voice):
    path = f"/api/v1/voices/{voice.pk}"
    assert code_of(browser.post(f"{path}/resume")) == "voice_not_suspended"
    browser.post(f"{path}/suspend")
    assert code_of(browser.post(f"{path}/suspend")) == "voice_not_active"
    assert browser.post(f"{path}/resume").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        case("voice_not_found", "voices/nobody"),
        case("challenge_not_found", f"challenges/{NOBODY}"),
        case("submission_not_found", f"submissions/{NOBODY}"),
        case("style_not_found", f"styles/{NOBODY}"),
        case("clip_not_found", f"clips/{NOBODY}/audio"),
    ],
)
def test_what_is_not_there(browser, path, request):
    answer = browser.get(f"/api/v1/{path}")
    assert (answer.status_code, code_of(answer)) == (404, request.node.callspec.id)


@pytest.mark.provokes("consent_missing")
def test_no_consent_no_receipt(browser, silent):
    assert code_of(browser.get(f"/api/v1/voices/{silent.pk}/consent")) == "consent_missing"


@pytest.mark.provokes("recording_gone")
def test_a_recording_whose_file_is_gone(browser, voice):
    clip = voice.clips.first()
    default_storage.delete(clip.file.name)
    assert code_of(browser.get(f"/api/v1/clips/{clip.pk}/audio")) == "recording_gone"


# ---- challenges


@pytest.mark.provokes("scope_invalid")
def test_a_scope_without_a_purpose(browser, silent):
    form = {"languages": ["en"], "emotions": "*", "excluded_terms": "", "valid_days": "9"}
    assert refusal_on(browser.post(f"/voices/{silent.pk}/consent", form)) == "scope_invalid"


@pytest.mark.provokes("days_out_of_range")
def test_a_consent_for_a_hundred_years(browser, silent):
    form = {
        "purposes": ["general"],
        "languages": ["en"],
        "emotions": "*",
        "excluded_terms": "",
        "valid_days": "36500",
    }
    assert refusal_on(browser.post(f"/voices/{silent.pk}/consent", form)) == "days_out_of_range"


@pytest.mark.provokes("challenge_limit_reached", "consent.challenge_issued")
def test_challenges_are_bounded(browser, silent, monkeypatch):
    monkeypatch.setattr(room_of(factories.consent.issue_challenge), "CHALLENGES_PER_DAY", 1)
    new_challenge(browser, silent)
    answer = browser.post(f"/api/v1/voices/{silent.pk}/challenges", {}, JSON)
    assert (answer.status_code, code_of(answer)) == (429, "challenge_limit_reached")


@pytest.mark.provokes("voice_suspended", "voice_revoked")
def test_a_closed_voice_asks_for_no_consent(browser, voice):
    path = f"/api/v1/voices/{voice.pk}"
    for closing, code in (("suspend", "voice_suspended"), ("revoke", "voice_revoked")):
        browser.post(f"{path}/{closing}", {}, JSON)
        assert code_of(browser.post(f"{path}/challenges", {}, JSON)) == code


# ---- recordings


@pytest.mark.parametrize(
    "change",
    [
        case("scope_not_acknowledged", {"scope_sha256": ""}),
        case("scope_changed", {"scope_sha256": "0" * 64}),
        case("attestation_missing", {"attestations": ["adult"]}),
        case("empty_upload", {"file": take(b"")}),
    ],
)
def test_recordings_that_are_not_taken(browser, silent, change, request):
    answer = record(browser, new_challenge(browser, silent), **change)
    assert code_of(answer) == request.node.callspec.id


@pytest.mark.provokes("source_unknown")
def test_a_source_that_is_none(browser, silent):
    challenge = new_challenge(browser, silent)
    form = {
        "file": take(), "source": "tape", "scope_sha256": challenge["scope_sha256"],
        "attestations": [declared["code"] for declared in challenge["attestations"]],
    }  # fmt: skip
    assert refusal_on(browser.post(f"/challenges/{challenge['id']}", form)) == "source_unknown"


@pytest.mark.provokes("file_missing")
def test_a_form_without_a_file(browser, silent):
    challenge = new_challenge(browser, silent)
    assert refusal_on(browser.post(f"/challenges/{challenge['id']}", {})) == "file_missing"


@pytest.mark.provokes("upload_too_large")
def test_a_recording_of_an_hour(browser, silent, monkeypatch):
    monkeypatch.setattr("accounts.voices.recordings.MAX_BYTES", 100)
    assert code_of(record(browser, new_challenge(browser, silent))) == "upload_too_large"


@pytest.mark.provokes("check_in_progress", "consent.recording_submitted")
def test_one_recording_at_a_time(browser, silent):
    challenge = new_challenge(browser, silent)
    assert record(browser, challenge).status_code == 202
    assert code_of(record(browser, challenge)) == "check_in_progress"


@pytest.mark.provokes("queue_full")
def test_recordings_wait_in_a_bounded_queue(browser, silent, settings):
    settings.ASSENT_CHECKS_QUEUE_LIMIT = 0
    answer = record(browser, new_challenge(browser, silent))
    assert (answer.status_code, code_of(answer)) == (503, "queue_full")


@pytest.mark.provokes("challenge_expired")
def test_a_statement_is_for_ten_minutes(browser, silent, monkeypatch):
    challenge = new_challenge(browser, silent)
    at(monkeypatch, timedelta(minutes=11))
    assert code_of(record(browser, challenge)) == "challenge_expired"


@pytest.mark.parametrize(
    "row",
    [
        case("challenge_used", {"used_at": timezone.now()}),
        case("attempts_exhausted", {"attempts": 3}),
    ],
)
def test_a_challenge_that_is_spent(browser, silent, row, request):
    challenge = new_challenge(browser, silent)
    silent.challenges.update(**row)
    assert code_of(record(browser, challenge)) == request.node.callspec.id


@pytest.mark.provokes("challenge_void")
def test_a_challenge_whose_scope_is_not_what_its_hash_says(browser, silent):
    challenge = new_challenge(browser, silent)
    row = silent.challenges.get()
    row.pk, row.scope_sha256 = NOBODY, "0" * 64  # the database lets nobody change one: a new row
    row.save(force_insert=True)
    answer = record(browser, {**challenge, "id": NOBODY, "scope_sha256": "0" * 64})
    assert code_of(answer) == "challenge_void"


@pytest.mark.django_db(databases="__all__", transaction=True)
@pytest.mark.provokes("check_failed")
def test_a_recording_whose_check_lost_every_worker(browser, silent):
    from accounts.consent.models import Submission
    from worker import tasks

    sent = record(browser, new_challenge(browser, silent)).json()["id"]
    for _ in range(checks.MAX_CLAIMS):
        assert factories.consent.begin_check(submission_id=sent) is not None
        Submission.objects.update(heartbeat=timezone.now() - timedelta(minutes=5))
        tasks.reap()
    row = browser.get(f"/api/v1/submissions/{sent}").json()
    assert (row["state"], row["reasons"][0]["code"]) == ("rejected", "check_failed")


# ---- styles


def offer(client: Client, voice, **changes):
    given = {
        "name": "sad",
        "emotion": "sad",
        "language": "en",
        "transcript": "It had rained.",
        "file": take(),
    }
    return client.post(f"/api/v1/voices/{voice.pk}/styles", {**given, **changes})


@pytest.mark.provokes("word_invalid")
def test_a_style_has_a_word_for_a_name(browser, voice):
    assert code_of(offer(browser, voice, name="Very sad!")) == "word_invalid"


@pytest.mark.provokes("scope_violation")
def test_a_style_that_the_owner_did_not_permit(owner, browser):
    voice = factories.consented_voice(owner, emotions=["calm"])
    assert code_of(offer(browser, voice)) == "scope_violation"


@pytest.mark.provokes("style_exists", "style.submitted")
def test_two_styles_of_one_name(browser, voice):
    assert offer(browser, voice).status_code == 202
    assert code_of(offer(browser, voice)) == "style_exists"


@pytest.mark.provokes("too_many_styles")
def test_styles_are_bounded(browser, voice, monkeypatch):
    monkeypatch.setattr(room_of(factories.consent.add_style), "MAX_STYLES_PER_VOICE", 1)
    assert code_of(offer(browser, voice)) == "too_many_styles"


# ---- receipts


@pytest.mark.provokes("receipt_malformed")
def test_what_is_no_receipt(db):
    huge = {"receipt": {"x": "y" * 300_000}, "signature": "x"}
    assert code_of(Client().post("/api/v1/receipts/verify", huge, JSON)) == "receipt_malformed"


@pytest.mark.provokes("receipt_key_missing")
def test_a_service_without_its_receipt_key(db, settings, tmp_path):
    settings.ASSENT_KEYS_DIR = tmp_path
    answer = Client().get("/api/v1/receipts/key")
    assert (answer.status_code, code_of(answer)) == (503, "receipt_key_missing")


# ---- the doors of OpenAI's SDK


CONSENT = {"name": "Ada Byron", "language": "en", "scope_sha256": "", "attestations": []}


@pytest.mark.provokes("challenge_required")
def test_the_first_call_for_a_consent_brings_its_statement(browser):
    answer = browser.post("/v1/audio/voice_consents", {**CONSENT, "recording": take()})
    assert (answer.status_code, code_of(answer)) == (403, "challenge_required")
    assert "Ada Byron" in answer.json()["error"]["statement"]


@pytest.mark.provokes("language_not_offered")
def test_a_consent_in_a_language_without_a_statement(browser):
    answer = browser.post("/v1/audio/voice_consents", {**CONSENT, "language": "xx", "recording": take()})
    assert code_of(answer) == "language_not_offered"


@pytest.mark.provokes("still_checking")
def test_a_consent_that_is_not_decided_in_time(browser, monkeypatch):
    path = "/v1/audio/voice_consents"
    shown = browser.post(path, {**CONSENT, "recording": take()}).json()["error"]
    monkeypatch.setattr("accounts.consent.openai.ANSWER_WITHIN_S", 0.0)
    given = {
        **CONSENT, "recording": take(), "scope_sha256": shown["scope_sha256"],
        "attestations": [declared["code"] for declared in shown["attestations"]],
    }  # fmt: skip
    answer = browser.post(path, given)
    assert (answer.status_code, code_of(answer)) == (503, "still_checking")


@pytest.mark.provokes("consent_not_found", "name_is_fixed")
def test_a_consent_is_not_renamed(browser, voice):
    assert code_of(browser.post(f"/v1/audio/voice_consents/{NOBODY}", {}, JSON)) == "consent_not_found"
    consent = voice.consents.get().pk
    assert code_of(browser.post(f"/v1/audio/voice_consents/{consent}", {}, JSON)) == "name_is_fixed"


@pytest.mark.parametrize(
    "change",
    [case("type_not_offered", {"type": "cartoon"}), case("transcript_required", {"transcript": " "})],
)
def test_voices_that_are_not_made_here(browser, voice, change, request):
    given = {
        "name": "N", "consent": str(voice.consents.get().pk), "audio_sample": take(), "transcript": "It had rained.",
        **change,
    }  # fmt: skip
    assert code_of(browser.post("/v1/audio/voices", given)) == request.node.callspec.id


# ---- its end


@pytest.mark.provokes("consent.revoked", "voice.deleted")
def test_revoked_and_erased(browser, voice):
    assert browser.post(f"/api/v1/voices/{voice.pk}/revoke", {}, JSON).status_code == 200
    assert browser.delete(f"/api/v1/voices/{voice.pk}").status_code == 200


@pytest.mark.django_db(databases="__all__", transaction=True)
@pytest.mark.provokes("consent.expired", "consent.expiry_noticed")
def test_a_consent_runs_out_and_its_owner_is_told_before(voice, monkeypatch):
    from worker import tasks

    until = voice.consents.get().valid_until - timezone.now()
    at(monkeypatch, until - timedelta(days=5))
    tasks.expire_consents()
    at(monkeypatch, timedelta(days=6))
    tasks.expire_consents()
    voice.refresh_from_db()
    assert voice.status == "expired"


@pytest.mark.provokes("scope_missing")
def test_a_key_without_the_right_hands_in_no_recording(owner, browser, silent):
    """The challenge's id and everything that was to be acknowledged are not enough."""
    challenge = new_challenge(browser, silent)
    answer = record(key_of(owner, "voices:read", "voices:write"), challenge)
    assert (answer.status_code, code_of(answer)) == (403, "scope_missing")
    assert not silent.challenges.get().submissions.exists()
