"""OpenAI's door beyond speech: names that stand for voices, models, unknown fields, paths that are not there."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import Entry
from synth.jobs import streaming
from synth.jobs.models import SynthesisJob, VoiceName
from synth.jobs.services import naming
from tests import factories
from tests.doors.conftest import JSON, browser_of, code_of, key_of, refusal_on

pytestmark = pytest.mark.django_db
TEXT = "The parcel arrived this morning."


@pytest.fixture
def program(owner):
    return key_of(owner, "speech:write", "speech:read", "voices:read")


@pytest.fixture
def no_wait(monkeypatch):
    monkeypatch.setattr(streaming, "SOUND_WITHIN_S", 0.0)


def name(client, called, voice):
    return client.put(f"/api/v1/voice-names/{called}", {"voice": voice}, JSON)


def speak(client, **more):
    return client.post("/v1/audio/speech", {"model": "tts-1", "input": TEXT, **more}, JSON)


@pytest.mark.provokes("settings.changed", "voice_not_found", "synthesis.refused", "voice_name_not_found")
def test_a_name_of_another_service_stands_for_a_voice(browser, program, narrator, no_wait):
    answer = speak(program, voice="alloy")
    assert (answer.status_code, code_of(answer)) == (404, "voice_not_found")
    error = answer.json()["error"]
    assert error["message"] == "There is no such voice. There are: narrator." and error["limit"] == [
        "narrator"
    ]
    assert Entry.objects.get(event="synthesis.refused").content["data"] == {"code": "voice_not_found"}

    row = name(browser, "alloy", "narrator")
    assert row.status_code == 200 and row.json()["voice_slug"] == "narrator"
    assert Entry.objects.get(event="settings.changed").content["data"] == {
        "setting": "voice_name.alloy", "voice_id": str(narrator.pk), "previous_value": "",
        "value": str(narrator.pk),
    }  # fmt: skip
    assert [row["name"] for row in program.get("/api/v1/voice-names").json()["data"]] == ["alloy"]
    # At every door, with instructions too.
    assert code_of(speak(program, voice="alloy", instructions="sadly")) == "still_speaking"
    assert program.post("/api/v1/jobs", {"voice": "alloy", "text": TEXT}, JSON).status_code == 201
    assert program.get("/set_refer_audio?refer_audio_path=alloy.wav").status_code == 200
    assert {job.voice_id for job in SynthesisJob.objects.all()} == {narrator.pk}
    assert "sad" in {job.style.name for job in SynthesisJob.objects.all()}

    assert browser.delete("/api/v1/voice-names/alloy").status_code == 204
    assert code_of(browser.delete("/api/v1/voice-names/alloy")) == "voice_name_not_found"
    assert code_of(speak(program, voice="alloy")) == "voice_not_found"
    assert Entry.objects.filter(event="settings.changed").count() == 2


def test_a_voice_s_own_name_goes_first_and_names_are_the_organisation_s(owner, browser, narrator, no_wait):
    name(browser, "alloy", "narrator")
    stranger = factories.owner_principal()
    theirs = key_of(stranger, "speech:write", "speech:read", "voices:read")
    assert code_of(speak(theirs, voice="alloy")) == "voice_not_found"
    assert code_of(name(browser_of(stranger), "alloy", str(narrator.pk))) == "voice_not_found"
    alloy = factories.consented_voice(owner, name="alloy")
    factories.approved_style(owner, alloy)
    assert browser.post("/api/v1/jobs", {"voice": "alloy", "text": TEXT}, JSON).status_code == 201
    assert SynthesisJob.objects.get().voice == alloy


@pytest.mark.provokes(
    "voice_name_invalid", "voice_name_taken", "too_many_voice_names", "person_required", "scope_missing"
)
def test_who_gives_which_names(owner, browser, program, narrator, monkeypatch):
    assert code_of(name(browser, "al.loy", "narrator")) == "voice_name_invalid"
    assert code_of(name(browser, "narrator", "narrator")) == "voice_name_taken"
    assert code_of(name(program, "alloy", "narrator")) == "person_required"
    operator = browser_of(factories.member_principal(owner, "operator"))
    assert code_of(name(operator, "alloy", "narrator")) == "scope_missing"
    monkeypatch.setattr(naming, "MAX_NAMES", 1)
    assert name(browser, "alloy", "narrator").status_code == 200
    assert name(browser, "alloy", "narrator").status_code == 200, "the same name again"
    assert code_of(name(browser, "nova", "narrator")) == "too_many_voice_names"
    assert Client().get("/api/v1/voice-names").status_code == 401


def test_names_have_a_page(owner, browser, narrator):
    page = "/studio/voice-names"
    assert "No further names" in browser.get(page).content.decode()
    form = {"name": " alloy ", "voice": str(narrator.pk)}
    assert browser.post(page, form)["location"] == page
    shown = browser.get(page, headers={"accept-language": "zh-hans"}).content.decode()
    assert 'data-name="alloy"' in shown and "供程序使用的名称" in shown
    assert refusal_on(browser.post(page, {**form, "name": "a b"})) == "voice_name_invalid"
    operator = browser_of(factories.member_principal(owner, "operator"))
    assert 'name="do"' not in operator.get(page).content.decode()
    assert refusal_on(operator.post(page, form)) == "scope_missing"
    assert browser.post(page, {"name": "alloy", "do": "remove"}).status_code == 302
    assert not VoiceName.objects.exists() and page in browser.get("/studio").content.decode()


@pytest.mark.provokes("model_not_found")
def test_models_one_by_one(program):
    listed = program.get("/v1/models").json()["data"]
    for model in listed:
        assert program.get(f"/v1/models/{model['id']}").json() == model
    answer = program.get("/v1/models/whisper-1")
    assert (answer.status_code, code_of(answer)) == (404, "model_not_found")
    assert Client().get("/v1/models/tts-1").status_code == 401


@pytest.mark.provokes("format_not_offered")
def test_what_cannot_be_encoded_is_not_queued(program, narrator):
    aac = speak(program, voice="narrator", response_format="aac")
    assert (aac.status_code, code_of(aac)) == (400, "format_not_offered")
    assert not SynthesisJob.objects.exists()


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_fields_that_nobody_knows_are_named(program, narrator, worker):
    answer = speak(program, voice="narrator", response_format="flac", user="ada", volume=3)
    assert answer.status_code == 200 and answer["X-Ignored"] == "user, volume"


@pytest.mark.parametrize(
    ("path", "kind", "at"),
    [
        ("/v1", "application/json", lambda said: said["error"]["code"]),
        ("/v1/nowhere", "application/json", lambda said: said["error"]["code"]),
        ("/v1/audio/speech/", "application/json", lambda said: said["error"]["code"]),
        ("/v1/text-to-speech", "application/json", lambda said: said["detail"]["status"]),
        ("/v1/voices/x/settings", "application/json", lambda said: said["detail"]["status"]),
        ("/api", "application/problem+json", lambda said: said["code"]),
        ("/api/v1/nowhere", "application/problem+json", lambda said: said["code"]),
        ("/api/v2/jobs", "application/problem+json", lambda said: said["code"]),
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_unknown_paths_of_programs_answer_in_their_envelope(path, kind, at, method):
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)
    assert (answer.status_code, answer["content-type"]) == (404, kind)
    assert at(answer.json()) == "not_found"
