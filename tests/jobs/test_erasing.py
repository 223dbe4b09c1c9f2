"""An erased voice takes its files and texts along, and is still recognised where a copy turns up."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage

from accounts.consent import services as consent
from accounts.consent.models import Challenge, Submission
from accounts.voices.models import Voice
from audit.models import Entry
from synth.errors import AssentError
from synth.jobs import services
from synth.jobs.models import Output, SynthesisJob
from tests import factories
from tests.jobs.test_services import claimed, finished, owner, reserved, voice  # noqa: F401 - fixtures
from watermark.selectors import consent_state

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_files_and_texts_go_and_marks_stay(owner, voice):  # noqa: F811
    job = claimed(owner, voice)
    heard = {"checked": True, "faults": [{"kind": "swallowed", "words": "this morning"}]}
    output = services.release_job(job=job, mark=reserved(job), finished=finished(spoken_check=heard))
    waiting = claimed(owner, voice)
    other = factories.consented_voice(owner)
    factories.approved_style(owner, other, name="sad")
    kept_job = claimed(owner, other)
    kept = services.release_job(job=kept_job, mark=reserved(kept_job), finished=finished())
    assert default_storage.exists(output.file)

    consent.erase_voice(principal=owner, voice_id=voice.pk)

    assert not default_storage.exists(output.file) and default_storage.exists(kept.file)
    for row in SynthesisJob.objects.filter(voice=voice):
        assert (row.text, row.source_text, row.segments, row.request_sha256) == ("", "", [], "")
        assert (bytes(row.text_salt), row.follow_report, row.spoken_check) == (b"", None, None)
    assert SynthesisJob.objects.get(pk=kept_job.pk).text
    erased = Output.objects.get(pk=output.pk)
    assert erased.file == "" and erased.deleted_at and len(erased.sha256) == 64
    assert bytes(erased.mark.fingerprint) and erased.mark.state == "issued"
    assert consent_state(erased.mark) == "revoked"
    events = Entry.objects.filter(subject=f"voice:{voice.pk}").order_by("id")
    assert [entry.event for entry in events][-2:] == ["output.deleted", "voice.deleted"]
    assert events.last().content["data"]["outputs_affected"] == 1
    with pytest.raises(AssentError) as refused:
        services.open_output(principal=owner, job_id=job.id)
    assert refused.value.code == "output_deleted"
    with pytest.raises(services.JobStopped) as stopped:
        services.beat(job=waiting, stage="speaking", progress=0.5)
    assert stopped.value.reason == "lost", "the revocation cancelled it"


def test_nothing_that_names_the_person_is_left_in_the_rows(owner, voice):  # noqa: F811
    person = voice.person_name
    job = claimed(owner, voice)
    services.release_job(job=job, mark=reserved(job), finished=finished())
    assert Challenge.objects.filter(voice=voice, statement__contains=person).exists()
    consent.erase_voice(principal=owner, voice_id=voice.pk)
    found = Voice.objects.get(pk=voice.pk)
    assert person not in f"{found.name} {found.person_name} {found.slug}"
    for challenge in Challenge.objects.filter(voice=voice):
        assert (challenge.statement, challenge.spec, challenge.needs_reviewer) == ("", {}, ())
    for submission in Submission.objects.filter(challenge__voice=voice):
        assert (submission.gates, submission.reasons, submission.decision_note) == ([], [], "")


def test_if_a_file_cannot_be_accounted_for_nothing_is_erased(owner, voice, monkeypatch):  # noqa: F811
    job = claimed(owner, voice)
    output = services.release_job(job=job, mark=reserved(job), finished=finished())

    def broken(**kwargs):
        raise RuntimeError("the log is down")

    monkeypatch.setattr("synth.jobs.services.erasing.record", broken)
    with pytest.raises(RuntimeError):
        consent.erase_voice(principal=owner, voice_id=voice.pk)
    found = Voice.objects.get(pk=voice.pk)
    assert found.erased_at is None and found.person_name and found.status == "active"
    assert default_storage.exists(output.file)
    assert SynthesisJob.objects.get(pk=job.pk).text
