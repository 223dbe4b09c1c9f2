"""Requests to speak that are refused, jobs that end without a file, and files that are not given out any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.utils import timezone

from audit.models import Entry
from synth.jobs import services
from synth.jobs.models import SynthesisJob
from tests import factories
from tests.doors.conftest import JSON, NOBODY, browser_of, code_of, key_of, refusal_on
from tests.jobs.test_services import finished, reserved
from tests.promises import case
from worker import tasks

pytestmark = pytest.mark.django_db
# A task has database connections of its own, which see what is committed.
TASKS = pytest.mark.django_db(databases="__all__", transaction=True)
TEXT = "The parcel arrived this morning."


def ask(client, voice, headers=None, **changes):
    body = {"voice": str(voice.pk), "text": TEXT} | changes.pop("body", changes)
    return client.post("/api/v1/jobs", body, JSON, headers=headers or {})


def released(browser, voice, format="mp3") -> str:
    """The id of a job whose file was released; what it holds nobody looks at here."""
    job_id = ask(browser, voice, format=format).json()["id"]
    job = services.claim_job(job_id=job_id, worker="w")
    services.release_job(job=job, mark=reserved(job), finished=finished())
    return job_id


def error_of(browser, job_id) -> str:
    return browser.get(f"/api/v1/jobs/{job_id}").json()["error"]["code"]


LONG_PAUSES = "<speak>" + "<break time='10s'/>a" * 40 + "</speak>"


@pytest.mark.parametrize(
    "change",
    [
        case("text_empty", {"text": "?!"}),
        case("text_too_long", {"text": "a" * 100_001}),
        case("format_not_streamed", {"stream": True, "format": "flac"}),
        case("speed_out_of_range", {"speed": 9.0}),
        case("format_not_offered", {"format": "aac"}),
        case("style_not_found", {"style": "jolly"}),
        case("voice_not_found", {"voice": "nobody"}),
        case("scope_violation", {"purpose": "political"}),
        case("styles_invalid", {"style": "neutral", "styles": [{"name": "neutral"}]}),
        case("parameter_unknown", {"parameters": {"loudness": 1}}),
        case("parameter_out_of_range", {"parameters": {"top_k": 0}}),
        case("markup_invalid", {"input_type": "ssml", "text": "<speak>open"}),
        case(
            "too_many_segments", {"input_type": "ssml", "text": "<speak>" + "<p>a b</p>" * 300 + "</speak>"}
        ),
        case("pauses_too_long", {"input_type": "ssml", "text": LONG_PAUSES}),
        case("dictionary_not_found", {"dictionary_version": 7}),
    ],
)
def test_what_is_not_spoken(browser, voice, change, request):
    answer = ask(browser, voice, body=change)
    assert code_of(answer) == request.node.callspec.id, answer.content
    assert not SynthesisJob.objects.exists()


@pytest.mark.provokes("synthesis.refused", "synthesis.authorised")
def test_a_refusal_by_rule_is_logged_and_a_slip_of_the_pen_is_not(browser, voice):
    ask(browser, voice, text="?!")
    assert code_of(ask(browser, voice, text="今天的包裹已经到了。")) == "language_mismatch"
    assert not Entry.objects.filter(event="synthesis.refused").exists()
    ask(browser, voice, purpose="political")
    assert Entry.objects.get(event="synthesis.refused").content["data"] == {"code": "scope_violation"}
    assert ask(browser, voice).status_code == 201


@pytest.mark.parametrize(
    "change", [case("input_type_unknown", {"input_type": "latex"}), case("text_invalid", {"text": "a\x00b"})]
)
def test_what_the_studio_s_form_would_not_send(browser, voice, change, request):
    form = {"voice": str(voice.pk), "text": TEXT, "input_type": "plain", "format": "wav"}
    assert refusal_on(browser.post("/studio", form | change)) == request.node.callspec.id


@pytest.mark.provokes("idempotency_key_invalid", "idempotency_mismatch")
def test_idempotency_keys(browser, voice):
    assert code_of(ask(browser, voice, {"Idempotency-Key": "k" * 129})) == "idempotency_key_invalid"
    assert ask(browser, voice, {"Idempotency-Key": "k"}).status_code == 201
    again = ask(browser, voice, {"Idempotency-Key": "k"}, text="Other words.")
    assert (again.status_code, code_of(again)) == (422, "idempotency_mismatch")


@pytest.mark.provokes("queue_full")
def test_jobs_wait_in_a_bounded_queue(browser, voice, settings):
    settings.ASSENT_SPEECH_QUEUE_LIMIT = 0
    assert code_of(ask(browser, voice)) == "queue_full"


# ---- whose consent is not there


@pytest.mark.provokes("consent_missing")
def test_a_voice_without_consent(owner, browser):
    voice = factories.voices.register_voice(principal=owner, name="A", person_name="A", language="en")
    assert code_of(ask(browser, voice)) == "consent_missing"


@pytest.mark.provokes("voice_suspended", "consent_revoked")
def test_a_closed_voice_does_not_speak(browser, voice):
    for closing, code in (("suspend", "voice_suspended"), ("revoke", "consent_revoked")):
        browser.post(f"/api/v1/voices/{voice.pk}/{closing}", {}, JSON)
        assert code_of(ask(browser, voice)) == code


@pytest.mark.provokes("consent_expired")
def test_a_consent_that_has_run_out(owner, browser, monkeypatch):
    voice = factories.consented_voice(owner, valid_days=1)
    later = voice.consents.get().valid_until
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert code_of(ask(browser, voice)) == "consent_expired"


@TASKS
@pytest.mark.provokes("clip_erased")
def test_a_recording_that_is_gone_speaks_no_more(browser, voice):
    job_id = ask(browser, voice).json()["id"]
    default_storage.delete(voice.styles.get().clip.file.name)
    tasks.render(job_id)
    assert error_of(browser, job_id) == "clip_erased"


# ---- jobs and their files


@pytest.mark.provokes("job_not_found", "output_not_found")
def test_jobs_and_files_that_are_not_there(browser, voice):
    assert code_of(browser.get(f"/api/v1/jobs/{NOBODY}")) == "job_not_found"
    waiting = ask(browser, voice).json()["id"]
    assert code_of(browser.get(f"/api/v1/jobs/{waiting}/audio")) == "output_not_found"


@pytest.mark.provokes("job_finished")
def test_a_finished_job_is_not_cancelled(browser, voice):
    answer = browser.post(f"/api/v1/jobs/{released(browser, voice)}/cancel")
    assert (answer.status_code, code_of(answer)) == (409, "job_finished")


@pytest.mark.provokes("reason_unknown")
def test_a_file_is_taken_down_for_a_reason(browser, voice):
    page = browser.post(f"/jobs/{released(browser, voice)}/take-down", {"reason": "bored"})
    assert refusal_on(page) == "reason_unknown"


@pytest.mark.provokes("output_taken_down", "output.taken_down", "output.downloaded")
def test_a_file_that_was_taken_down(browser, voice):
    path = f"/api/v1/jobs/{released(browser, voice)}"
    assert browser.get(f"{path}/audio").status_code == 200
    browser.post(f"{path}/take-down", {"reason": "mistake"}, JSON)
    assert code_of(browser.get(f"{path}/audio")) == "output_taken_down"


@pytest.mark.provokes("output_deleted", "output.deleted", "voice.deleted")
def test_a_file_whose_voice_was_erased(browser, voice):
    path = f"/api/v1/jobs/{released(browser, voice)}"
    browser.delete(f"/api/v1/voices/{voice.pk}")
    assert code_of(browser.get(f"{path}/audio")) == "output_deleted"


@pytest.mark.provokes("proof_not_ready")
def test_a_proof_that_the_sequencer_has_not_reached(browser, voice):
    assert refusal_on(browser.get(f"/jobs/{released(browser, voice)}/proof")) == "proof_not_ready"


@TASKS
@pytest.mark.provokes("worker_lost", "synthesis.failed")
def test_a_job_that_loses_every_worker(browser, voice):
    job_id = ask(browser, voice).json()["id"]
    for _ in range(services.MAX_ATTEMPTS):
        assert services.claim_job(job_id=job_id, worker="w") is not None
        SynthesisJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        tasks.reap()
    assert error_of(browser, job_id) == "worker_lost"
    assert Entry.objects.get(event="synthesis.failed").content["data"] == {
        "job_id": job_id,
        "code": "worker_lost",
    }


@pytest.mark.provokes("synthesis.cancelled")
def test_a_waiting_job_is_cancelled_at_once(browser, voice):
    job_id = ask(browser, voice).json()["id"]
    assert browser.post(f"/api/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    assert Entry.objects.get(event="synthesis.cancelled").content["data"]["job_id"] == job_id


@pytest.mark.provokes("engine_unknown")
def test_no_worker_has_told_which_engine_it_has(browser):
    cache.clear()
    answer = browser.get("/api/v1/engine")
    assert (answer.status_code, code_of(answer)) == (503, "engine_unknown")


@TASKS
@pytest.mark.provokes("label_bad_container", "label_too_large")
def test_files_that_take_no_label(browser, voice, monkeypatch):
    from tests.worker.test_unreadable import Says, talk
    from worker import rendering, resident

    monkeypatch.setattr(resident, "engine", lambda: Says(talk()))
    monkeypatch.setattr(resident, "public_mark", lambda: None)
    monkeypatch.setattr(rendering, "embed", lambda samples, *args, **more: samples)
    encode = rendering.encode
    monkeypatch.setattr(rendering, "encode", lambda *args, **more: b"no container at all")
    job_id = ask(browser, voice, format="flac").json()["id"]
    tasks.render(job_id)
    assert error_of(browser, job_id) == "label_bad_container"
    monkeypatch.setattr(rendering, "encode", encode)
    monkeypatch.setattr(rendering.aigc, "MAX_JSON_BYTES", 10)
    job_id = ask(browser, voice, format="opus").json()["id"]
    tasks.render(job_id)
    assert error_of(browser, job_id) == "label_too_large"


# ---- pronunciations


def words(client, *rows, **more):
    return client.put("/api/v1/dictionary", {"words": list(rows), **more}, JSON)


@pytest.mark.provokes("dictionary_changed", "dictionary.changed")
def test_two_people_change_the_pronunciations(browser):
    tv = {"language": "en", "word": "TV", "alias": "television"}
    assert words(browser, tv).status_code == 200
    answer = words(browser, if_version=0)
    assert (answer.status_code, code_of(answer)) == (409, "dictionary_changed")


@pytest.mark.provokes("dictionary_invalid")
def test_a_reading_of_no_phones(browser):
    assert code_of(words(browser, {"language": "en", "word": "TV", "reading": "QQ"})) == "dictionary_invalid"


@pytest.mark.provokes("dictionary_too_long")
def test_pronunciations_are_bounded(browser, monkeypatch):
    from tests.doors.conftest import room_of

    monkeypatch.setattr(room_of(services.save_dictionary), "MAX_WORDS", 0)
    form = {"language": "en", "word": "TV", "kind": "alias", "value": "television"}
    assert refusal_on(browser.post("/studio/pronunciations", form)) == "dictionary_too_long"


# ---- the doors of OpenAI's SDK


def speak(client, voice, **more):
    """As a file: of a FLAC the head is written last."""
    asked = {"model": "assent", "voice": str(voice.pk), "input": TEXT, "response_format": "flac", **more}
    return client.post("/v1/audio/speech", asked, JSON)


@pytest.mark.provokes("still_speaking")
def test_speech_that_is_not_ready_in_time(browser, voice, monkeypatch):
    from synth.jobs import streaming

    monkeypatch.setattr(streaming, "SOUND_WITHIN_S", 0.0)
    for format in ("flac", "mp3"):
        answer = speak(browser, voice, response_format=format)
        assert (answer.status_code, code_of(answer)) == (503, "still_speaking")


@pytest.mark.provokes("job_cancelled", "synthesis.cancelled")
def test_speech_that_somebody_cancelled_meanwhile(browser, voice, monkeypatch):
    from synth.jobs import openai

    wait = openai.services.wait_for_job

    def cancel(*, job_id, timeout_s):
        browser.post(f"/api/v1/jobs/{job_id}/cancel")
        return wait(job_id=job_id, timeout_s=timeout_s)

    monkeypatch.setattr(openai.services, "wait_for_job", cancel)
    answer = speak(browser, voice)
    assert (answer.status_code, code_of(answer)) == (409, "job_cancelled")


@pytest.mark.provokes("authentication_required")
def test_a_key_that_ended_while_its_speech_was_made_brings_no_file(owner, voice, monkeypatch):
    """The file is asked for with the rights of the moment it is ready, not of the moment it was ordered."""
    from synth.jobs import openai

    program = key_of(owner, "speech:write", "speech:read", "voices:read")
    wait = openai.services.wait_for_job

    def release(*, job_id, timeout_s):
        job = services.claim_job(job_id=job_id, worker="w")
        services.release_job(job=job, mark=reserved(job), finished=finished())
        owner.user.api_keys.update(**ended)
        return wait(job_id=job_id, timeout_s=timeout_s)

    monkeypatch.setattr(openai.services, "wait_for_job", release)
    ended: dict = {}
    assert speak(program, voice).status_code == 200
    ended = {
        "expires_at": timezone.now() - timedelta(seconds=1),
        "created_at": timezone.now() - timedelta(days=2),
    }
    answer = speak(program, voice)
    assert (answer.status_code, code_of(answer)) == (401, "authentication_required")


@pytest.mark.provokes("no_organisation")
def test_a_membership_that_ended_while_its_speech_was_made_brings_no_file(owner, voice, monkeypatch):
    from synth.jobs import openai

    member = factories.member_principal(owner, "operator")
    wait = openai.services.wait_for_job

    def release(*, job_id, timeout_s):
        job = services.claim_job(job_id=job_id, worker="w")
        services.release_job(job=job, mark=reserved(job), finished=finished())
        member.user.memberships.all().delete()
        return wait(job_id=job_id, timeout_s=timeout_s)

    monkeypatch.setattr(openai.services, "wait_for_job", release)
    answer = speak(browser_of(member), voice)
    assert (answer.status_code, code_of(answer)) == (403, "no_organisation")
