"""OpenAI's own SDK, unmodified, against our voice and consent routes."""

from __future__ import annotations

import openai
import pytest

from accounts.consent import services as consent_services
from accounts.consent.models import Consent, Submission
from accounts.consent.services.styles import GATES_THAT_MUST_PASS as STYLE_GATES
from accounts.people import services as people_services
from accounts.people.permissions import SCOPES
from accounts.voices.models import Style, Voice
from tests import factories
from tests.accounts.conftest import gate, report

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
def sdk(live_server, owner):
    _, key = people_services.create_key(principal=owner, name="sdk", scopes=list(SCOPES))
    client = openai.OpenAI(base_url=f"{live_server.url}/v1", api_key=key)
    yield client
    client.close()


@pytest.fixture
def worker(monkeypatch):
    """Stands in for the checks worker: whoever waits finds that the gates passed, or failed as told."""
    failing: list[dict] = []

    def wait(channel, subject, *, timeout_s):
        if channel == "submission":
            claimed = consent_services.begin_check(submission_id=subject)
            voice = claimed.challenge.voice
            known = [gate("speaker", "pass")] if voice.speaker_embedding else []
            consent_services.apply_consent_gates(submission_id=subject, result=report(*known, *failing))
        else:
            consent_services.begin_style_check(style_id=subject)
            consent_services.apply_style_gates(style_id=subject, result=factories.passing_report(STYLE_GATES))
        return True

    monkeypatch.setattr("synth.common.wakeup.wait", wait)
    return failing


def consent(sdk, name="Ada Byron", **declared):
    """The call that asks for a statement, or with what was declared the call that answers it."""
    recording = ("take.wav", factories.wav(), "audio/wav")
    return sdk.audio.voice_consents.create(
        language="en-US", name=name, recording=recording, extra_body=declared
    )


def declared(asked):
    codes = [declaration["code"] for declaration in asked["attestations"]]
    return {"scope_sha256": asked["scope_sha256"], "attestations": ",".join(codes)}


def asked_of(sdk, name="Ada Byron"):
    with pytest.raises(openai.PermissionDeniedError) as refusal:
        consent(sdk, name)
    assert refusal.value.code == "challenge_required"
    return refusal.value.body


def test_consent_voice_style_and_goodbye(sdk, owner, worker):
    asked = asked_of(sdk)
    assert "Ada Byron" in asked["statement"] and asked["terms"]
    given = consent(sdk, **declared(asked))
    assert (given.object, given.name, given.language) == ("audio.voice_consent", "Ada Byron", "en")
    assert sdk.audio.voice_consents.retrieve(given.id).id == given.id
    assert [row.id for row in sdk.audio.voice_consents.list()] == [given.id]

    sample = ("clip.wav", factories.wav(), "audio/wav")
    voice = sdk.audio.voices.create(
        name="Ada", consent=given.id, audio_sample=sample, extra_body={"transcript": "It had rained."}
    )
    assert (voice.object, voice.type) == ("audio.voice", "audio_sample")
    assert Style.objects.get(voice_id=voice.id).state == "approved"
    listed = sdk.get("/audio/voices", cast_to=dict)
    assert [(row["id"], row["styles"]) for row in listed["voices"]] == [(voice.id, ["neutral"])]
    assert listed["data"] == listed["voices"]

    assert sdk.audio.voice_consents.delete(given.id).deleted
    assert Consent.objects.get().closed_as == "revoked"
    assert sdk.get("/audio/voices", cast_to=dict)["data"] == []
    assert sdk.audio.voices.delete(voice.id).deleted
    assert Voice.objects.get().erased_at


def test_a_refused_recording_is_one_request_with_its_code(sdk, worker):
    asked = asked_of(sdk)
    worker.append(gate("challenge_words", "fail", "wrong_words"))
    with pytest.raises(openai.PermissionDeniedError) as refusal:
        consent(sdk, **declared(asked))
    assert refusal.value.code == "wrong_words"
    assert refusal.value.body["measured"] == 0.5
    assert refusal.value.request_id
    assert Submission.objects.count() == 1
    worker.clear()
    assert consent(sdk, **declared(asked)).id  # the second attempt at the same challenge
    assert Voice.objects.count() == 1


@pytest.mark.provokes("needs_review")
def test_what_a_reviewer_must_hear_is_no_consent_yet(sdk, worker):
    asked = asked_of(sdk)
    worker.append(gate("statement", "review", "language_needs_reviewer"))
    with pytest.raises(openai.PermissionDeniedError) as refusal:
        consent(sdk, **declared(asked))
    assert refusal.value.code == "needs_review"
    assert not Consent.objects.exists()


def test_another_name_is_another_voice(sdk, worker):
    asked_of(sdk, "Ada Byron")
    assert "Grace Hopper" in asked_of(sdk, "Grace Hopper")["statement"]


def test_nothing_is_recorded_that_nobody_declared(sdk, worker):
    asked = asked_of(sdk)
    with pytest.raises(openai.BadRequestError) as refusal:
        consent(sdk)
    assert refusal.value.code == "scope_not_acknowledged"
    with pytest.raises(openai.BadRequestError) as refusal:
        consent(sdk, scope_sha256=asked["scope_sha256"], attestations="scope_read")
    assert refusal.value.code == "attestation_missing"
    with pytest.raises(openai.PermissionDeniedError) as refusal:
        consent(sdk, scope_sha256="0" * 64, attestations="scope_read,adult")
    assert refusal.value.code == "scope_changed"
    assert not Submission.objects.exists()


def test_a_voice_needs_a_person_and_a_transcript(sdk, worker):
    given = consent(sdk, **declared(asked_of(sdk)))
    with pytest.raises(openai.BadRequestError) as refusal:
        sdk.audio.voices.create(name="x", consent=given.id, audio_sample=("a.wav", b"x"))
    assert (refusal.value.code, refusal.value.param) == ("transcript_required", "transcript")
    with pytest.raises(openai.BadRequestError) as refusal:
        sdk.post(
            "/audio/voices",
            cast_to=dict,
            body={"name": "x", "consent": given.id, "type": "prompt", "prompt": "a deep voice"},
        )
    assert refusal.value.code == "type_not_offered"
    with pytest.raises(openai.NotFoundError):
        sdk.audio.voice_consents.retrieve("consent_of_somebody_else")
    with pytest.raises(openai.PermissionDeniedError):
        sdk.audio.voice_consents.update(given.id, name="Somebody Else")


def test_a_wrong_key_is_an_authentication_error(live_server):
    with (
        openai.OpenAI(base_url=f"{live_server.url}/v1", api_key="sk-wrong") as sdk,
        pytest.raises(openai.AuthenticationError) as refusal,
    ):
        sdk.audio.voice_consents.list()
    assert refusal.value.code == "invalid_api_key"
