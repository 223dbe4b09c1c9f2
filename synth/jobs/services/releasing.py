"""What a worker writes: claim, beat, release, stop, fail.

Of two workers one wins, by conditional UPDATE. Release is one transaction: consent still live, styles and weights
still permitted (their rows locked), audit entry, mark issued, output row.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.consent.scope import covers
from accounts.consent.services import consent_is_live, styles_are_approved, weights_are_live
from accounts.voices import selectors as voice_selectors
from audit import continuity
from audit.actors import SYSTEM
from audit.models import Entry
from audit.services import record
from audit.subjects import about
from synth.common import wakeup
from synth.errors import AssentError, Forbidden
from synth.jobs import selectors
from synth.jobs.models import JobState, Output, SynthesisJob
from synth.jobs.services import ended as streamed
from watermark.models import Mark
from watermark.services import issue_mark

OUTPUT_FOLDER = "outputs"
TIMBRE_STYLES = 3
"""So many of a voice's styles show its timbre."""


def claim_job(*, job_id: UUID, worker: str) -> SynthesisJob | None:
    """Take a queued job; None when it is not there to be taken. Exactly one caller gets it.

    The styles that show the timbre are chosen now: what the voice has by now and the consent covers, whatever the job
    speaks in.
    """
    now = timezone.now()
    with transaction.atomic():
        claimed = SynthesisJob.objects.filter(id=job_id, state=JobState.QUEUED).update(
            state=JobState.RUNNING,
            worker=worker,
            heartbeat_at=now,
            started_at=now,
            attempts=F("attempts") + 1,
            stage="starting",
            progress=0.0,
        )
        if not claimed:
            return None
        job = SynthesisJob.objects.select_related("voice", "consent").get(id=job_id)
        styles = [
            style
            for style in voice_selectors.approved_styles([job.voice])[job.voice_id]
            if covers(style.emotion, job.consent.scope_in_force["emotions"])
        ]
        job.timbre.set(selectors.neutral_first(styles)[:TIMBRE_STYLES])
    return selectors.job_row(job_id)


def beat(*, job: SynthesisJob, stage: str, progress: float) -> None:
    """Say that the job is alive. Raises `JobStopped` when it is to go no further."""
    wanted = held(job).filter(cancel_requested_at__isnull=True)
    if not wanted.update(heartbeat_at=timezone.now(), stage=stage, progress=max(0.0, min(progress, 1.0))):
        raise JobStopped("cancelled" if held(job).exists() else "lost")
    still_permitted(job)
    wakeup.notify("job", str(job.id))


def still_permitted(job: SynthesisJob, *, lock: bool = False) -> None:
    """Raise `JobStopped` unless everything that the job was authorised with, or speaks by, still holds.

    With ``lock`` the rows are held, consent first, so that nothing of it can be withdrawn before the release commits.
    """
    if not consent_is_live(consent_id=job.consent_id, version=job.consent_version, lock=lock):
        raise JobStopped("consent")
    used = selectors.style_ids(job) | selectors.timbre_ids(job)
    if not styles_are_approved(style_ids=used, lock=lock):
        raise JobStopped("style")
    if job.weights_id and not weights_are_live(weights_id=job.weights_id, lock=lock):
        raise JobStopped("weights")


class JobStopped(Exception):
    """The job is to stop: ``cancelled``, ``consent`` (revoked or expired), ``style`` or ``weights`` (removed from the
    voice), or ``lost`` to another worker."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def held(job: SynthesisJob) -> Any:
    """The job's row while this claim of it holds; a reaped or repeated claim finds nothing."""
    return SynthesisJob.objects.filter(
        id=job.id, state=JobState.RUNNING, worker=job.worker, attempts=job.attempts
    )


@dataclass(frozen=True)
class Finished:
    """Everything about a finished file that the release writes down."""

    data: bytes
    format: str
    media_type: str
    duration_ms: int
    sample_rate_hz: int
    fingerprint: bytes
    reference: bytes
    layers: list[str]
    is_labelled: bool
    manifest: bytes
    mark_score: float
    mark_threshold: float
    engine_name: str
    engine_version: str
    is_preview: bool
    content_source: str
    warnings: list[str]
    follow_report: dict[str, Any]
    own_weights: bool = False
    spoken_check: dict[str, Any] | None = None
    word_times: list[list[int]] | None = None
    trim_to: dict[str, float] | None = None


# Fields of `Finished` that rows keep under the same names.
_OF_OUTPUT = ("format", "media_type", "duration_ms", "sample_rate_hz", "is_labelled", "word_times")
_OF_JOB = (
    "engine_name", "engine_version", "is_preview", "content_source", "warnings", "follow_report", "spoken_check",
    "trim_to",
)  # fmt: skip


def release_job(*, job: SynthesisJob, mark: Mark, finished: Finished) -> Output:
    """Release the file: entry, mark, output and state in one transaction, or nothing at all.

    Raises `JobStopped` when consent ended, the job was cancelled or this claim was lost; the staged file is
    removed then. Raises Unavailable ``log_interrupted`` while the log cannot go on.
    """
    continuity.require()
    digest = hashlib.sha256(finished.data).hexdigest()
    name = default_storage.save(f"{OUTPUT_FOLDER}/{secrets.token_urlsafe(24)}", ContentFile(finished.data))
    try:
        with transaction.atomic():
            require_releasable(job)
            entry = completed_entry(job, mark, finished, digest)
            issue_mark(
                mark=mark,
                entry=entry,
                file_sha256=digest,
                duration_ms=finished.duration_ms,
                fingerprint=finished.fingerprint,
                reference=finished.reference,
                layers=finished.layers,
                manifest=finished.manifest,
            )
            output = write_output(
                job, mark, entry, finished, name=name, sha256=digest, size_bytes=len(finished.data)
            )
    except (JobStopped, AssentError, IntegrityError):
        default_storage.delete(name)
        raise
    # Any other failure may have come after the commit: the file stays, and is swept if no row names it.
    wakeup.notify("job", str(job.id))
    return output


def require_releasable(job: SynthesisJob) -> None:
    """Inside the transaction of a release, under lock: this claim holds, nobody cancelled, all is still permitted.

    Raises `JobStopped`.
    """
    # The consent's row before the job's, as a revocation takes them: the other way round each would wait for the other.
    still_permitted(job, lock=True)
    row = held(job).select_for_update().first()
    if row is None:
        raise JobStopped("lost")
    if row.cancel_requested_at is not None:
        raise JobStopped("cancelled")


def write_output(
    job: SynthesisJob,
    mark: Mark,
    entry: Entry,
    finished: Finished,
    *,
    name: str,
    sha256: str,
    size_bytes: int,
) -> Output:
    """The output's row and the job's released state, inside the transaction of its completed-entry."""
    output = Output.objects.create(
        id=mark.public_id,
        job=job,
        mark=mark,
        entry=entry,
        file=name,
        sha256=sha256,
        size_bytes=size_bytes,
        **{field: getattr(finished, field) for field in _OF_OUTPUT},
    )
    held(job).update(
        state=JobState.RELEASED,
        stage="released",
        progress=1.0,
        finished_at=timezone.now(),
        weights=job.weights if finished.own_weights else None,
        **{field: getattr(finished, field) for field in _OF_JOB},
    )
    return output


def completed_entry(job: SynthesisJob, mark: Mark, finished: Finished, output_sha256: str) -> Entry:
    """The log's entry of a release: what was spoken by what, under which consent, and the hash of the bytes."""
    return record(
        event="synthesis.completed",
        actor=SYSTEM,
        organisation_id=job.organisation_id,
        subject=about("voice", job.voice_id),
        data={
            "job_id": str(job.id),
            "output_id": str(mark.public_id),
            "output_sha256": output_sha256,
            "voice_id": str(job.voice_id),
            "style_id": str(job.style_id) if job.style_id else None,
            "style_ids": sorted(map(str, selectors.style_ids(job))),
            "timbre_style_ids": sorted(map(str, selectors.timbre_ids(job))),
            "weights_id": str(job.weights_id) if finished.own_weights else None,
            "consent_id": str(job.consent_id),
            "consent_version": job.consent_version,
            "engine": finished.engine_name,
            "engine_version": finished.engine_version,
            "is_preview": finished.is_preview,
            "format": finished.format,
            "duration_ms": finished.duration_ms,
            "mark_epoch": mark.epoch_id,
            "mark_layers": finished.layers,
            "mark_score_milli": round(finished.mark_score * 1000),
            "mark_threshold_milli": round(finished.mark_threshold * 1000),
            "label": finished.is_labelled,
            "manifest_sha256": hashlib.sha256(finished.manifest).hexdigest(),
        },
        idempotency_key=f"synthesis.completed:{job.id}",
    )


def stop_job(*, job: SynthesisJob, reason: str) -> None:
    """End a running job that was told to stop (`JobStopped.reason`)."""
    if reason == "lost":
        streamed.close_ended_streams(job)
        return
    if reason == "consent":
        _end(job, JobState.FAILED, _consent_ended(job), event="synthesis.failed")
    elif reason == "style":
        removed = Forbidden("style_removed", "A style was removed from the voice before the speech was done.")
        _end(job, JobState.FAILED, removed, event="synthesis.failed")
    elif reason == "weights":
        removed = Forbidden(
            "weights_removed", "The voice's own weights were removed or replaced before the speech was done."
        )
        _end(job, JobState.FAILED, removed, event="synthesis.failed")
    else:
        _end(job, JobState.CANCELLED, None, event="synthesis.cancelled")


def fail_job(*, job: SynthesisJob, error: AssentError) -> None:
    """End a running job with an error that its caller can read."""
    _end(job, JobState.FAILED, error, event="synthesis.failed")


def _consent_ended(job: SynthesisJob) -> AssentError:
    state = type(job.consent).objects.get(id=job.consent_id).state_at(timezone.now())
    code = "consent_expired" if state == "expired" else "consent_revoked"
    return Forbidden(code, "The voice's owner no longer permits its use.")


def _end(job: SynthesisJob, state: JobState, error: AssentError | None, *, event: str) -> None:
    with transaction.atomic():
        ended = held(job).update(
            state=state,
            stage=state.value,
            finished_at=timezone.now(),
            error=error.as_row() if error else None,
        )
        if not ended:
            # By somebody else, such as the owner who revokes; by now the record holds what has left.
            streamed.close_ended_streams(job)
            return
        entry = record(
            event=event,
            actor=SYSTEM,
            organisation_id=job.organisation_id,
            subject=about("voice", job.voice_id),
            data={
                "job_id": str(job.id),
                "code": error.code if error else "cancelled",
                **streamed.sent_facts(job),
            },
            idempotency_key=f"{event}:{job.id}",
        )
        if job.is_streamed:
            streamed.end_stream(job, reason=streamed.ended_by(error.code if error else ""), entry=entry)
    wakeup.notify("job", str(job.id))
