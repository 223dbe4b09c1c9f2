"""Jobs below the doors: authorised and logged before anything computes, claimed once, released whole or not at all."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.consent import services as consent
from accounts.people.permissions import Role
from audit import continuity
from audit.models import Entry
from audit.services import record
from synth.errors import AssentError, Conflict, Forbidden, NotFound, Unavailable
from synth.jobs import selectors, services
from synth.jobs.models import JobState, Output, SynthesisJob
from synth.jobs.services import Finished, JobStopped, upkeep
from tests import factories
from watermark.models import Mark
from watermark.services import reserve_mark

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
TEXT = "The parcel arrived this morning."


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def voice(owner):
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice, name="neutral")
    factories.approved_style(owner, voice, name="sad")
    return voice


def submit(owner, voice, **more):
    return services.submit_job(
        principal=owner, **{"voice": str(voice.id), "text": TEXT, "style": "sad"} | more
    )


def claimed(owner, voice, worker="w1"):
    job = services.claim_job(job_id=submit(owner, voice).id, worker=worker)
    assert job is not None
    return job


def finished(data=b"audio", **more):
    facts = {
        "data": data, "format": "mp3", "media_type": "audio/mpeg", "duration_ms": 4000, "sample_rate_hz": 22050,
        "fingerprint": b"print", "reference": b"reference", "layers": ["keyed"], "is_labelled": True,
        "manifest": b"manifest", "mark_score": 9.0,
        "mark_threshold": 6.0, "engine_name": "preview", "engine_version": "1", "is_preview": True,
        "content_source": "test", "warnings": [], "follow_report": {},
    }  # fmt: skip
    return Finished(**{**facts, **more})


def reserved(job) -> Mark:
    return reserve_mark(
        organisation=job.organisation, consent=job.consent, engine_name="preview", engine_version="1",
        is_preview=True, layers=["keyed"],
    )  # fmt: skip


def test_submission_is_logged_in_the_same_transaction(owner, voice):
    job = submit(owner, voice)
    content = job.authorised_entry.content
    assert content["event"] == "synthesis.authorised"
    assert content["data"]["job_id"] == str(job.id)
    assert TEXT not in str(content)
    assert job.state == JobState.QUEUED


def test_a_job_without_its_entry_cannot_exist(owner, voice):
    job = submit(owner, voice)
    job.pk = None
    job.authorised_entry_id = 10**9
    with pytest.raises(IntegrityError), transaction.atomic():
        job.save(force_insert=True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "  "}, "text_empty"),
        ({"text": "?!…"}, "text_empty"),
        ({"text": "a" * 4097}, "text_too_long"),
        ({"stream": True, "format": "flac"}, "format_not_streamed"),
        ({"text": "a\x00b"}, "text_invalid"),
        ({"speed": 9.0}, "speed_out_of_range"),
        ({"format": "aac"}, "format_not_offered"),
        ({"style": "jolly"}, "style_not_found"),
        ({"voice": "nobody"}, "voice_not_found"),
        ({"purpose": "political"}, "scope_violation"),
    ],
)
def test_refusals_have_codes_and_leave_no_job(owner, voice, change, code):
    facts = {"voice": str(voice.id), "text": TEXT, "style": "sad", **change}
    with pytest.raises(AssentError) as refused:
        services.submit_job(principal=owner, **facts)
    assert refused.value.code == code
    assert not SynthesisJob.objects.exists()


def test_refusals_by_rule_are_logged(owner, voice):
    consent.revoke(principal=owner, voice_id=voice.id, reason="enough")
    with pytest.raises(Forbidden) as refused:
        submit(owner, voice)
    assert refused.value.code == "consent_revoked"
    assert Entry.objects.filter(event="synthesis.refused").count() == 1


def test_an_auditor_may_not_speak(owner, voice):
    auditor = factories.member_principal(owner, Role.AUDITOR)
    for text in ("The parcel arrived.", ""):  # nor learn what is wrong with a request
        with pytest.raises(Forbidden):
            submit(auditor, voice, text=text)


def test_another_organisation_sees_nothing(owner, voice):
    job = submit(owner, voice)
    stranger = factories.owner_principal()
    with pytest.raises(NotFound):
        selectors.job_for(stranger, job.id)
    with pytest.raises(NotFound):
        services.cancel_job(principal=stranger, job_id=job.id)
    with pytest.raises(NotFound):
        services.open_output(principal=stranger, job_id=job.id)
    with pytest.raises(NotFound):
        submit(stranger, voice)


def test_idempotency_key_returns_the_first_job(owner, voice):
    first = submit(owner, voice, idempotency_key="k1")
    assert submit(owner, voice, idempotency_key="k1").id == first.id
    with pytest.raises(AssentError) as mismatch:
        services.submit_job(
            principal=owner, voice=str(voice.id), text="Other words.", style="sad", idempotency_key="k1"
        )
    assert mismatch.value.code == "idempotency_mismatch"
    assert SynthesisJob.objects.count() == 1


def test_a_full_queue_refuses(owner, voice, settings):
    settings.ASSENT_SPEECH_QUEUE_LIMIT = 1
    submit(owner, voice)
    with pytest.raises(Unavailable) as full:
        submit(owner, voice)
    assert full.value.code == "queue_full"
    assert full.value.retry_after_s


def test_of_many_workers_one_gets_the_job(owner, voice):
    job = submit(owner, voice)
    winners: list[str] = []

    def work(name: str) -> None:
        if services.claim_job(job_id=job.id, worker=name):
            winners.append(name)
        connection.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1


def test_release_writes_entry_mark_output_and_state_together(owner, voice):
    job = claimed(owner, voice)
    output = services.release_job(job=job, mark=reserved(job), finished=finished(b"the bytes"))
    job.refresh_from_db()
    output.mark.refresh_from_db()
    assert job.state == JobState.RELEASED
    assert output.mark.state == Mark.State.ISSUED
    assert output.entry.content["data"]["output_sha256"] == hashlib.sha256(b"the bytes").hexdigest()
    got, file = services.open_output(principal=owner, job_id=job.id)
    with file:
        assert file.read() == b"the bytes"
    assert got.id == output.id
    assert Entry.objects.filter(event="output.downloaded").count() == 1


def test_revocation_before_release_releases_nothing(owner, voice):
    job = claimed(owner, voice)
    mark = reserved(job)
    consent.revoke(principal=owner, voice_id=voice.id, reason="")
    with pytest.raises(JobStopped) as stopped:
        services.release_job(job=job, mark=mark, finished=finished())
    services.stop_job(job=job, reason=stopped.value.reason)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert job.error["code"] == "cancelled_consent_revoked"
    assert not Output.objects.exists()
    assert default_storage.listdir(services.OUTPUT_FOLDER)[1] == []


def test_a_job_cancelled_just_before_its_release_releases_nothing(owner, voice):
    job = claimed(owner, voice)
    mark = reserved(job)
    services.cancel_job(principal=owner, job_id=job.id)
    with pytest.raises(JobStopped) as stopped:
        services.release_job(job=job, mark=mark, finished=finished())
    assert stopped.value.reason == "cancelled"
    assert not Output.objects.exists()


@pytest.mark.parametrize("end", ["suspended", "expired"])
def test_a_consent_that_ends_otherwise_before_release_releases_nothing(owner, voice, monkeypatch, end):
    """Nobody touches the job then: the release asks for itself."""
    job = claimed(owner, voice)
    mark = reserved(job)
    if end == "suspended":
        consent.suspend(principal=owner, voice_id=voice.id)
    else:
        later = job.consent.valid_until + timedelta(seconds=1)
        monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    with pytest.raises(JobStopped) as stopped:
        services.release_job(job=job, mark=mark, finished=finished())
    assert stopped.value.reason == "consent"
    assert not Output.objects.exists()


def test_after_revocation_a_released_file_is_not_served(owner, voice):
    job = claimed(owner, voice)
    services.release_job(job=job, mark=reserved(job), finished=finished())
    consent.revoke(principal=owner, voice_id=voice.id, reason="")
    with pytest.raises(Forbidden) as refused:
        services.open_output(principal=owner, job_id=job.id)
    assert refused.value.code == "consent_revoked"


def test_a_lost_claim_cannot_release(owner, voice):
    job = claimed(owner, voice)
    SynthesisJob.objects.filter(id=job.id).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    services.reap_jobs()
    again = services.claim_job(job_id=job.id, worker="w2")
    assert again is not None and again.attempts == 2
    with pytest.raises(JobStopped):
        services.release_job(job=job, mark=reserved(job), finished=finished())
    services.release_job(job=again, mark=reserved(job), finished=finished())
    assert Output.objects.count() == 1


def test_a_job_lost_too_often_fails(owner, voice):
    job = submit(owner, voice)
    for _ in range(services.MAX_ATTEMPTS):
        assert services.claim_job(job_id=job.id, worker="w") is not None
        SynthesisJob.objects.filter(id=job.id).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        services.reap_jobs()
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.error["code"] == "worker_lost"


def test_a_swallowed_message_is_sent_again_though_others_wait(owner, voice, monkeypatch):
    """Two rows wait and one message: a broker that broke in between has lost the other."""
    jobs = [submit(owner, voice) for _ in range(2)]
    SynthesisJob.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    SynthesisJob.objects.filter(id=jobs[0].id).update(created_at=timezone.now() - timedelta(minutes=2))
    sent = []
    monkeypatch.setattr(upkeep, "send_on_commit", lambda task, job_id: sent.append(job_id))
    monkeypatch.setattr(upkeep, "depth", lambda queue: 1)
    services.reap_jobs()
    assert sent == [jobs[0].id]
    monkeypatch.setattr(upkeep, "depth", lambda queue: 2)
    services.reap_jobs()
    assert sent == [jobs[0].id], "a busy queue is not filled with doubles"


def test_cancelling(owner, voice):
    queued = submit(owner, voice)
    assert services.cancel_job(principal=owner, job_id=queued.id).state == JobState.CANCELLED
    assert services.claim_job(job_id=queued.id, worker="w") is None
    running = claimed(owner, voice)
    services.cancel_job(principal=owner, job_id=running.id)
    with pytest.raises(JobStopped) as stopped:
        services.beat(job=running, stage="speaking", progress=0.5)
    services.stop_job(job=running, reason=stopped.value.reason)
    running.refresh_from_db()
    assert running.state == JobState.CANCELLED
    with pytest.raises(JobStopped):
        services.release_job(job=running, mark=reserved(running), finished=finished())
    done = claimed(owner, voice)
    services.release_job(job=done, mark=reserved(done), finished=finished())
    with pytest.raises(Conflict):
        services.cancel_job(principal=owner, job_id=done.id)


def test_taking_a_file_down(owner, voice):
    job = claimed(owner, voice)
    services.release_job(job=job, mark=reserved(job), finished=finished())
    with pytest.raises(AssentError) as unknown:
        services.take_down_output(principal=owner, job_id=job.id, reason="bored")
    assert unknown.value.code == "reason_unknown"
    operator = factories.member_principal(owner, Role.OPERATOR)
    with pytest.raises(Forbidden):
        services.take_down_output(principal=operator, job_id=job.id, reason="mistake")
    for _ in range(2):
        services.take_down_output(principal=owner, job_id=job.id, reason="owner_request")
    assert Entry.objects.filter(event="output.taken_down").count() == 1
    with pytest.raises(Forbidden) as refused:
        services.open_output(principal=owner, job_id=job.id)
    assert refused.value.code == "output_taken_down"


# ---- the database's own word


def test_the_database_refuses_an_output_whose_entry_speaks_of_other_bytes(owner, voice):
    job = claimed(owner, voice)
    mark = reserved(job)
    with pytest.raises(IntegrityError, match="does not speak of this output"), transaction.atomic():
        entry = record(
            event="synthesis.completed",
            actor=owner.actor,
            data={"output_sha256": "0" * 64, "output_id": str(mark.public_id)},
        )
        Mark.objects.filter(pk=mark.pk).update(
            state="issued",
            entry=entry,
            issued_at=timezone.now(),
            fingerprint=b"x",
            reference=b"x",
            manifest=b"x",
            duration_ms=1,
            file_sha256="1" * 64,
        )
        Output.objects.create(
            id=mark.public_id, job=job, mark=mark, entry=entry, format="mp3", media_type="audio/mpeg", file="x",
            sha256="1" * 64, size_bytes=1, duration_ms=1, sample_rate_hz=16000, is_labelled=True,
        )  # fmt: skip


def test_the_database_refuses_an_output_without_entry_or_mark(owner, voice):
    job = claimed(owner, voice)
    mark = reserved(job)
    with pytest.raises(IntegrityError), transaction.atomic():
        Output.objects.create(
            id=mark.public_id, job=job, mark=mark, entry_id=None, format="mp3", media_type="audio/mpeg", file="x",
            sha256="1" * 64, size_bytes=1, duration_ms=1, sample_rate_hz=16000, is_labelled=True,
        )  # fmt: skip


def test_the_database_refuses_backward_states_and_changed_outputs(owner, voice):
    job = claimed(owner, voice)
    output = services.release_job(job=job, mark=reserved(job), finished=finished())
    for state in ("queued", "running", "failed"):
        with pytest.raises(IntegrityError), transaction.atomic():
            SynthesisJob.objects.filter(id=job.id).update(state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Output.objects.filter(id=output.id).update(sha256="2" * 64)
    with pytest.raises(IntegrityError), transaction.atomic():
        Mark.objects.filter(pk=output.mark_id).update(file_sha256="2" * 64)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM jobs_output WHERE id = %s", [output.id])


def test_a_job_cannot_be_called_released_without_an_output(owner, voice):
    job = claimed(owner, voice)
    with pytest.raises(IntegrityError), transaction.atomic():
        SynthesisJob.objects.filter(id=job.id).update(state="released")


def test_revoking_and_releasing_cannot_cross(owner, voice):
    """While a release holds the consent row, a revocation waits; the file it releases was permitted then."""
    job = claimed(owner, voice)
    mark = reserved(job)
    done = threading.Event()

    def revoke() -> None:
        consent.revoke(principal=owner, voice_id=voice.id, reason="")
        done.set()
        connection.close()

    with transaction.atomic():
        assert consent.consent_is_live(consent_id=job.consent_id, version=job.consent_version, lock=True)
        thread = threading.Thread(target=revoke)
        thread.start()
        assert not done.wait(0.5)
    thread.join(timeout=10)
    assert done.is_set()
    with pytest.raises(JobStopped):
        services.release_job(job=job, mark=mark, finished=finished())


def test_staged_files_without_a_row_are_swept(owner, voice):
    import os

    from django.core.files.base import ContentFile

    job = claimed(owner, voice)
    output = services.release_job(job=job, mark=reserved(job), finished=finished())
    orphan = default_storage.save(f"{services.OUTPUT_FOLDER}/orphan", ContentFile(b"x"))
    then = (timezone.now() - timedelta(hours=2)).timestamp()
    for name in (orphan, output.file):
        os.utime(default_storage.path(name), (then, then))
    assert services.sweep_staged_files() == 1
    assert default_storage.exists(output.file)
    assert not default_storage.exists(orphan)


def test_nothing_is_released_that_cannot_be_logged(owner, voice, monkeypatch):
    job = claimed(owner, voice)
    mark = reserved(job)
    monkeypatch.setattr(continuity, "interruption", lambda using="default": "the copy is ahead")
    with pytest.raises(Unavailable) as error:
        services.release_job(job=job, mark=mark, finished=finished())
    assert error.value.code == "log_interrupted"
    assert not Output.objects.exists()
    assert not list(default_storage.listdir("")[1])
