"""What a caller does with a job afterwards: wait, cancel, download, take down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.people.permissions import SPEECH_READ, SPEECH_WRITE
from accounts.people.principals import Principal
from accounts.voices.labels import STOPPED
from accounts.voices.selectors import get_controlled_voice
from accounts.voices.states import VoiceStatus
from audit.services import record
from audit.subjects import about
from synth.common import wakeup
from synth.errors import AssentError, Conflict, Forbidden, NotFound
from synth.jobs import selectors
from synth.jobs.models import JobState, Output, SynthesisJob
from watermark.models import Mark
from watermark.services import take_down


def cancel_job(*, principal: Principal, job_id: UUID) -> SynthesisJob:
    """Ask a job to stop; a queued one stops at once. Cancelling a finished job is a `Conflict`."""
    principal.require(SPEECH_WRITE)
    job = selectors.job_for(principal, job_id)
    now = timezone.now()
    with transaction.atomic():
        stopped = SynthesisJob.objects.filter(id=job.id, state=JobState.QUEUED).update(
            state=JobState.CANCELLED, stage="cancelled", cancel_requested_at=now, finished_at=now
        )
        asked = stopped or SynthesisJob.objects.filter(id=job.id, state=JobState.RUNNING).update(
            cancel_requested_at=now
        )
        if not asked:
            job.refresh_from_db()
            if job.state == JobState.CANCELLED:
                return job
            raise Conflict("job_finished", "This job has finished already.", measured=job.state)
        if stopped:
            record(
                event="synthesis.cancelled",
                actor=principal.actor,
                organisation_id=job.organisation_id,
                subject=about("voice", job.voice_id),
                data={"job_id": str(job.id), "code": "cancelled"},
                idempotency_key=f"synthesis.cancelled:{job.id}",
            )
    wakeup.notify("job", str(job.id))
    job.refresh_from_db()
    return job


def open_output(*, principal: Principal, job_id: UUID) -> tuple[Output, IO[bytes]]:
    """The released file, opened for reading; the download is logged first.

    Not served once the voice's owner has revoked consent, or after a take-down.
    """
    principal.require(SPEECH_READ)
    output = selectors.output_for(principal, job_id)
    refuse_unserved([output])
    with transaction.atomic():
        record_download(principal, output)
    return output, default_storage.open(output.file, "rb")


def record_download(principal: Principal, output: Output) -> None:
    """The log's entry that a file was given out, alone or in something larger; inside a transaction."""
    record(
        event="output.downloaded",
        actor=principal.actor,
        organisation_id=principal.organisation.id,
        subject=about("voice", output.job.voice_id),
        data={"job_id": str(output.job_id), "output_id": str(output.id)},
    )


def refuse_unserved(outputs: Iterable[Output]) -> None:
    """Raise what forbids the first of these files that may not be given out any more."""
    for output in outputs:
        if (refusal := refusal_to_serve(output)) is not None:
            raise refusal


def refusal_to_serve(output: Output) -> AssentError | None:
    """Why a released file is not given out any more; None while it is. The one rule, for downloads and pages."""
    if output.deleted_at is not None:
        return NotFound("output_deleted", "This file was deleted.")
    if output.mark.state == Mark.State.TAKEN_DOWN:
        return Forbidden("output_taken_down", "This file was taken down.")
    # Also when its consent had ended before, or was renewed.
    if output.job.voice.status == VoiceStatus.REVOKED:
        return Forbidden("consent_revoked", "The voice's owner no longer permits its use.")
    return None


_NO_LONGER = {
    "output_deleted": "deleted",
    "output_taken_down": "taken_down",
    "consent_revoked": "consent_revoked",
}


def shown_state(job: SynthesisJob) -> str:
    """The state that pages show: of a released job also what became of its file and of the consent since."""
    output: Output | None = getattr(job, "output", None)
    if job.state != JobState.RELEASED or output is None:
        return job.state
    refusal = refusal_to_serve(output)
    if refusal is not None:
        return _NO_LONGER[refusal.code]
    return STOPPED.get(job.voice.status, job.state)


TAKE_DOWN_REASONS = ("owner_request", "legal_order", "misuse", "mistake")


def take_down_output(*, principal: Principal, job_id: UUID, reason: str) -> Output:
    """Stop serving a released file, for good; verification goes on naming its record and says so.

    By whoever decides over the voice. Raises AssentError ``reason_unknown``; Forbidden ``not_your_voice``;
    NotFound. Again is no error.
    """
    if reason not in TAKE_DOWN_REASONS:
        raise AssentError(
            "reason_unknown",
            "Name one of the reasons for taking a file down.",
            limit=list(TAKE_DOWN_REASONS),
            extra={"param": "reason"},
        )
    output = selectors.output_for(principal, job_id)
    get_controlled_voice(principal, output.job.voice_id)
    if output.mark.state != Mark.State.TAKEN_DOWN:
        output.mark = take_down(
            public_id=output.id,
            actor=principal.actor,
            organisation_id=output.job.organisation_id,
            reason=reason,
        )
    return output


def wait_for_job(*, job_id: UUID, timeout_s: float) -> SynthesisJob:
    """The job once it is final, or as it stands after ``timeout_s``. Holds no database connection."""
    return wakeup.wait_until(
        "job",
        str(job_id),
        read=lambda: selectors.job_row(job_id),
        done=lambda job: job.is_final,
        timeout_s=timeout_s,
    )


def job_error(job: SynthesisJob) -> AssentError:
    """The error that a failed or cancelled job shows to whoever waits for its audio."""
    if job.state == JobState.CANCELLED and not job.error:
        return Conflict("job_cancelled", "This job was cancelled.")
    unknown = {"code": "synthesis_failed", "message": "The speech could not be made."}
    return AssentError.from_dict({**unknown, **(job.error or {})}, http_status=500)
