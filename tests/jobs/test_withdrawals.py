"""What is taken back while a job runs, or after its file was released, is not spoken and not served."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.consent import services as consent
from accounts.consent.services.decisions import GATES_THAT_MUST_PASS
from accounts.people import services as people
from accounts.people.permissions import Role
from accounts.people.principals import principal_of, renewed
from audit.models import Entry
from synth.errors import AssentError, Forbidden
from synth.jobs import selectors, services
from synth.jobs.models import JobState, Output, SynthesisJob
from synth.jobs.services import JobStopped
from tests import factories
from tests.accounts.conftest import browser
from tests.jobs.test_services import claimed, finished, owner, reserved, submit, voice  # noqa: F401 - fixtures
from watermark.selectors import consent_state

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def renew(owner, voice, **scope):  # noqa: F811
    challenge = consent.issue_challenge(principal=owner, voice_id=voice.id, **scope)
    take = SimpleUploadedFile("take.wav", factories.wav())
    submission = consent.submit_recording(
        principal=owner,
        challenge_id=challenge.id,
        upload=take,
        source="microphone",
        **factories.acknowledged(challenge),
    )
    consent.begin_check(submission_id=submission.id)
    report = factories.passing_report(GATES_THAT_MUST_PASS | {"speaker"})
    return consent.apply_consent_gates(submission_id=submission.id, result=report)


def test_files_of_a_renewed_consent_are_not_served_once_the_voice_is_revoked(owner, voice):  # noqa: F811
    job = claimed(owner, voice)
    output = services.release_job(job=job, mark=reserved(job), finished=finished())
    assert renew(owner, voice).state == "approved"
    services.open_output(principal=owner, job_id=job.id)[1].close()
    consent.revoke(principal=owner, voice_id=voice.id)
    downloads = Entry.objects.filter(event="output.downloaded").count()
    with pytest.raises(Forbidden) as refused:
        services.open_output(principal=owner, job_id=job.id)
    assert refused.value.code == "consent_revoked"
    assert Entry.objects.filter(event="output.downloaded").count() == downloads
    output.mark.consent.voice.refresh_from_db()
    assert consent_state(output.mark) == "revoked"


def test_a_style_removed_while_it_is_spoken_is_not_released(owner, voice):  # noqa: F811
    job = claimed(owner, voice)
    consent.remove_style(principal=owner, style_id=job.style_id)
    with pytest.raises(JobStopped):
        services.beat(job=job, stage="speaking", progress=0.5)
    with pytest.raises(JobStopped) as stopped:
        services.release_job(job=job, mark=reserved(job), finished=finished())
    services.stop_job(job=job, reason=stopped.value.reason)
    job.refresh_from_db()
    assert (job.state, job.error["code"]) == (JobState.FAILED, "style_removed")
    assert not Output.objects.exists()


def test_a_style_removed_while_its_timbre_is_used_is_not_released(owner, voice):  # noqa: F811
    job = claimed(owner, voice)  # in "sad"; the engine is given the neutral clip too
    neutral = voice.styles.get(name="neutral")
    assert neutral.pk not in selectors.style_ids(job)
    consent.remove_style(principal=owner, style_id=neutral.pk)
    with pytest.raises(JobStopped, match="style"):
        services.beat(job=job, stage="speaking", progress=0.5)
    with pytest.raises(JobStopped, match="style"):
        services.release_job(job=job, mark=reserved(job), finished=finished())
    assert not Output.objects.exists()


def test_timbre_is_taken_from_the_styles_that_are_there_when_the_job_is_claimed(owner, voice):  # noqa: F811
    lost = claimed(owner, voice)
    assert {style.name for style in lost.timbre.all()} == {"neutral", "sad"}
    consent.remove_style(principal=owner, style_id=voice.styles.get(name="neutral").pk)
    SynthesisJob.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    services.reap_jobs()
    job = services.claim_job(job_id=lost.id, worker="w2")
    entry = services.release_job(job=job, mark=reserved(job), finished=finished()).entry
    assert entry.content["data"]["timbre_style_ids"] == [str(job.style_id)]


def test_a_style_that_a_narrower_consent_leaves_out_lends_no_timbre(owner, voice):  # noqa: F811
    assert renew(owner, voice, emotions=["sad"]).state == "approved"
    assert [style.name for style in claimed(owner, voice).timbre.all()] == ["sad"]


@pytest.mark.parametrize("ending", ["key", "role", "membership", "account"])
def test_a_caller_who_waited_has_only_the_rights_that_are_left(owner, ending):  # noqa: F811
    member = factories.member_principal(owner, Role.OPERATOR)
    key, _secret = people.create_key(principal=member, name="k", scopes=["speech:write", "speech:read"])
    membership = member.user.memberships.get(organisation=owner.organisation)
    waiting = principal_of(membership, api_key=key)
    assert renewed(waiting).scopes == waiting.scopes
    if ending == "key":
        people.revoke_key(principal=owner, key_id=key.pk)
    elif ending == "role":
        people.change_role(principal=owner, membership_id=membership.pk, role=Role.AUDITOR)
        assert renewed(waiting).scopes == {"speech:read"}
        return
    elif ending == "membership":
        people.remove_member(principal=owner, membership_id=membership.pk)
    else:
        type(member.user).objects.filter(pk=member.user.pk).update(is_active=False)
    with pytest.raises(AssentError):
        renewed(waiting)


@pytest.mark.provokes("cancelled_consent_revoked", "synthesis.cancelled")
def test_a_revocation_ends_queued_and_running_jobs_in_its_own_transaction(owner, voice):  # noqa: F811
    running = claimed(owner, voice)
    waiting = [submit(owner, voice, purpose="general", speed=1 + number / 10) for number in range(3)]
    answer = browser(owner.user).post(f"/api/v1/voices/{voice.id}/revoke", {}, "application/json")
    assert answer.status_code == 200
    for job in (running, *waiting):
        told = browser(owner.user).get(f"/api/v1/jobs/{job.id}").json()
        assert (told["state"], told["error"]["code"]) == ("cancelled", "cancelled_consent_revoked")
    with pytest.raises(JobStopped):
        services.beat(job=running, stage="speaking", progress=0.5)
    with pytest.raises(JobStopped):
        services.release_job(job=running, mark=reserved(running), finished=finished())
    assert not Output.objects.exists()
