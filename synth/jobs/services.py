"""Writes of jobs: submit, claim, beat, release, fail, cancel, reap.

States move only forward and only by conditional UPDATE, so that of two processes one wins:

    queued -> running -> released | failed | cancelled
       ^---------'  (reaped: its worker was lost)

Release is one transaction: consent still live (row locked), audit entry, mark issued, output row.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import CheckState, Style, VoiceStatus
from accounts.permissions import SPEECH_READ, SPEECH_WRITE
from accounts.principals import Principal
from accounts.selectors import get_controlled_voice, get_voice
from accounts.services import authorise, consent_is_live
from audit.actors import SYSTEM
from audit.services import commitment, new_salt, record
from synth.common import wakeup
from synth.common.queue import depth, send_on_commit
from synth.errors import AssentError, Conflict, Forbidden, NotFound, Unavailable
from synth.jobs import selectors
from synth.jobs.formats import require_format
from synth.jobs.models import FINAL_STATES, JobState, Output, SynthesisJob
from watermark.models import Mark
from watermark.services import issue_mark, take_down

TEXT_LIMIT = 4096
SPEED_RANGE = (0.25, 4.0)
LOST_AFTER = timedelta(seconds=30)
MAX_ATTEMPTS = 3
OUTPUT_FOLDER = "outputs"


# ---- submit


def submit_job(
    *,
    principal: Principal,
    voice: str,
    text: str,
    style: str = "",
    language: str = "",
    purpose: str = "general",
    format: str = "mp3",
    speed: float = 1.0,
    seed: int | None = None,
    parameters: dict[str, Any] | None = None,
    idempotency_key: str = "",
) -> SynthesisJob:
    """Authorise, log and queue a request to speak.

    The same ``idempotency_key`` with the same request returns the first job. Raises AssentError:
    ``text_empty``, ``text_too_long``, ``speed_out_of_range``, ``format_not_offered``, ``queue_full``,
    ``idempotency_mismatch``, and whatever `accounts.services.authorise` refuses (that is logged).
    """
    principal.require(SPEECH_WRITE)
    require_format(format)
    text = _checked_text(text)
    if not SPEED_RANGE[0] <= speed <= SPEED_RANGE[1]:
        raise AssentError(
            "speed_out_of_range",
            f"Speed lies between {SPEED_RANGE[0]} and {SPEED_RANGE[1]}.",
            measured=speed,
            limit=list(SPEED_RANGE),
            extra={"param": "speed"},
        )
    fingerprint = request_sha256(
        voice=voice, text=text, style=style, language=language, purpose=purpose, format=format, speed=speed,
        seed=seed, parameters=parameters or {},
    )  # fmt: skip
    if idempotency_key:
        earlier = _by_idempotency_key(principal, idempotency_key, fingerprint)
        if earlier is not None:
            return earlier
    waiting = selectors.waiting_count()
    if waiting >= settings.ASSENT_SPEECH_QUEUE_LIMIT:
        raise Unavailable(
            "queue_full",
            "Too many jobs are waiting; please try again shortly.",
            measured=waiting,
            limit=settings.ASSENT_SPEECH_QUEUE_LIMIT,
            retry_after_s=15,
        )
    try:
        with transaction.atomic():
            return _authorised_job(
                principal=principal, voice=voice, text=text, style=style, language=language,
                purpose=purpose, format=format, speed=speed, seed=seed, parameters=parameters or {},
                idempotency_key=idempotency_key, fingerprint=fingerprint,
            )  # fmt: skip
    except AssentError as refusal:
        _log_refusal(principal, refusal)
        raise
    except IntegrityError:
        # Two requests with one idempotency key at once: the other was first.
        earlier = _by_idempotency_key(principal, idempotency_key, fingerprint)
        if earlier is None:
            raise
        return earlier


def _authorised_job(
    *, principal: Principal, voice: str, text: str, style: str, language: str, purpose: str, format: str,
    speed: float, seed: int | None, parameters: dict[str, Any], idempotency_key: str, fingerprint: str,
) -> SynthesisJob:  # fmt: skip
    language = language or get_voice(principal, voice).language
    allowed = authorise(
        principal=principal,
        voice=voice,
        style_name=style or None,
        text=text,
        purpose=purpose,
        language=language,
    )
    clip = allowed.style.clip if allowed.style else allowed.consent.submission.clip
    if clip is None:
        raise Forbidden("clip_erased", "The recordings of this voice were erased.")
    salt = new_salt()
    job = SynthesisJob(
        organisation=principal.organisation,
        requested_by=principal.user,
        api_key=principal.api_key,
        voice=allowed.voice,
        style=allowed.style,
        clip=clip,
        consent=allowed.consent,
        consent_version=allowed.consent_version,
        idempotency_key=idempotency_key,
        request_sha256=fingerprint,
        text=text,
        text_salt=salt,
        language=language,
        purpose=purpose,
        format=format,
        speed=speed,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        parameters=parameters,
    )
    job.authorised_entry = record(
        event="synthesis.authorised",
        actor=principal.actor,
        organisation_id=principal.organisation.id,
        subject=f"voice:{job.voice_id}",
        data={
            "job_id": str(job.id),
            "voice_id": str(job.voice_id),
            "style_id": str(job.style_id) if job.style_id else None,
            "consent_id": str(job.consent_id),
            "consent_version": job.consent_version,
            "text_commitment": commitment(text, salt=salt),
            "text_characters": len(text),
            "language": job.language,
            "purpose": purpose,
            "format": format,
        },
        idempotency_key=f"synthesis.authorised:{job.id}",
    )
    job.save(force_insert=True)
    send_on_commit("speech.render", job.id)
    return job


def _checked_text(text: str) -> str:
    text = text.strip()
    if not text or not any(character.isalnum() for character in text):
        raise AssentError("text_empty", "There is nothing to say in this text.", extra={"param": "input"})
    if len(text) > TEXT_LIMIT:
        raise AssentError(
            "text_too_long",
            f"A request takes at most {TEXT_LIMIT} characters.",
            measured=len(text),
            limit=TEXT_LIMIT,
            extra={"param": "input"},
        )
    if "\x00" in text:
        raise AssentError("text_invalid", "The text holds a NUL character.", extra={"param": "input"})
    return text


def request_sha256(**facts: Any) -> str:
    """Digest by which a repeated request is recognised."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _by_idempotency_key(principal: Principal, key: str, fingerprint: str) -> SynthesisJob | None:
    job = SynthesisJob.objects.filter(organisation=principal.organisation, idempotency_key=key).first()
    if job is not None and job.request_sha256 != fingerprint:
        raise AssentError(
            "idempotency_mismatch",
            "This idempotency key was used for another request.",
            http_status=422,
            extra={"param": "Idempotency-Key"},
        )
    return job


def _log_refusal(principal: Principal, refusal: AssentError) -> None:
    """Refusals by rule are logged; typing errors are not events."""
    if refusal.http_status not in (403, 404):
        return
    with transaction.atomic():
        record(
            event="synthesis.refused",
            actor=principal.actor,
            organisation_id=principal.organisation.id,
            data={"code": refusal.code},
        )


# ---- what the worker does


def claim_job(*, job_id: UUID, worker: str) -> SynthesisJob | None:
    """Take a queued job; None when it is not there to be taken. Exactly one caller gets it."""
    now = timezone.now()
    claimed = SynthesisJob.objects.filter(id=job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING,
        worker=worker,
        heartbeat_at=now,
        started_at=now,
        attempts=F("attempts") + 1,
        stage="starting",
        progress=0.0,
    )
    return selectors.job_row(job_id) if claimed else None


def beat(*, job: SynthesisJob, stage: str, progress: float) -> None:
    """Say that the job is alive. Raises `JobStopped` when it is to go no further."""
    alive = _mine(job).update(heartbeat_at=timezone.now(), stage=stage, progress=max(0.0, min(progress, 1.0)))
    if not alive:
        raise JobStopped("lost")
    if SynthesisJob.objects.filter(id=job.id, cancel_requested_at__isnull=False).exists():
        raise JobStopped("cancelled")
    if not consent_is_live(consent_id=job.consent_id, version=job.consent_version):
        raise JobStopped("consent")
    if _style_was_removed(job):
        raise JobStopped("style")
    wakeup.notify("job", str(job.id))


class JobStopped(Exception):
    """The job is to stop: ``cancelled``, ``consent`` (revoked or expired), ``style`` (removed from the voice), or
    ``lost`` to another worker."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _mine(job: SynthesisJob) -> Any:
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
    layers: list[str]
    is_labelled: bool
    mark_score: float
    mark_threshold: float
    engine_name: str
    engine_version: str
    is_preview: bool
    content_source: str
    warnings: list[str]
    follow_report: dict[str, Any]


def release_job(*, job: SynthesisJob, mark: Mark, finished: Finished) -> Output:
    """Release the file: entry, mark, output and state in one transaction, or nothing at all.

    Raises `JobStopped` when consent ended, the job was cancelled or this claim was lost; the staged file is
    removed then.
    """
    digest = hashlib.sha256(finished.data).hexdigest()
    name = default_storage.save(f"{OUTPUT_FOLDER}/{secrets.token_urlsafe(24)}", ContentFile(finished.data))
    try:
        with transaction.atomic():
            row = _mine(job).select_for_update().first()
            if row is None:
                raise JobStopped("lost")
            if row.cancel_requested_at is not None:
                raise JobStopped("cancelled")
            if not consent_is_live(consent_id=job.consent_id, version=job.consent_version, lock=True):
                raise JobStopped("consent")
            if _style_was_removed(job):
                raise JobStopped("style")
            entry = record(
                event="synthesis.completed",
                actor=SYSTEM,
                organisation_id=job.organisation_id,
                subject=f"voice:{job.voice_id}",
                data={
                    "job_id": str(job.id),
                    "output_id": str(mark.public_id),
                    "output_sha256": digest,
                    "voice_id": str(job.voice_id),
                    "style_id": str(job.style_id) if job.style_id else None,
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
                },
                idempotency_key=f"synthesis.completed:{job.id}",
            )
            issue_mark(
                mark=mark,
                entry=entry,
                file_sha256=digest,
                duration_ms=finished.duration_ms,
                fingerprint=finished.fingerprint,
                layers=finished.layers,
            )
            output = Output.objects.create(
                id=mark.public_id,
                job=job,
                mark=mark,
                entry=entry,
                format=finished.format,
                media_type=finished.media_type,
                file=name,
                sha256=digest,
                size_bytes=len(finished.data),
                duration_ms=finished.duration_ms,
                sample_rate_hz=finished.sample_rate_hz,
                is_labelled=finished.is_labelled,
            )
            _mine(job).update(
                state=JobState.RELEASED,
                stage="released",
                progress=1.0,
                finished_at=timezone.now(),
                engine_name=finished.engine_name,
                engine_version=finished.engine_version,
                is_preview=finished.is_preview,
                content_source=finished.content_source,
                warnings=finished.warnings,
                follow_report=finished.follow_report,
            )
    except (JobStopped, AssentError, IntegrityError):
        default_storage.delete(name)
        raise
    # Any other failure may have come after the commit: the file stays, and is swept if no row names it.
    wakeup.notify("job", str(job.id))
    return output


def stop_job(*, job: SynthesisJob, reason: str) -> None:
    """End a running job that was told to stop (`JobStopped.reason`)."""
    if reason == "lost":
        return
    if reason == "consent":
        _end(job, JobState.FAILED, _consent_ended(job), event="synthesis.failed")
    elif reason == "style":
        removed = Forbidden(
            "style_removed", "The style was removed from the voice before the speech was done."
        )
        _end(job, JobState.FAILED, removed, event="synthesis.failed")
    else:
        _end(job, JobState.CANCELLED, None, event="synthesis.cancelled")


def fail_job(*, job: SynthesisJob, error: AssentError) -> None:
    """End a running job with an error that its caller can read."""
    _end(job, JobState.FAILED, error, event="synthesis.failed")


def _style_was_removed(job: SynthesisJob) -> bool:
    if job.style_id is None:
        return False
    return not Style.objects.filter(id=job.style_id, state=CheckState.APPROVED).exists()


def _consent_ended(job: SynthesisJob) -> AssentError:
    state = type(job.consent).objects.get(id=job.consent_id).state_at(timezone.now())
    code = "consent_expired" if state == "expired" else "consent_revoked"
    return Forbidden(code, "The voice's owner no longer permits its use.")


def _end(job: SynthesisJob, state: JobState, error: AssentError | None, *, event: str) -> None:
    with transaction.atomic():
        ended = _mine(job).update(
            state=state,
            stage=state.value,
            finished_at=timezone.now(),
            error={**error.as_dict(), "http_status": error.http_status} if error else None,
        )
        if not ended:
            return
        record(
            event=event,
            actor=SYSTEM,
            organisation_id=job.organisation_id,
            subject=f"voice:{job.voice_id}",
            data={"job_id": str(job.id), "code": error.code if error else "cancelled"},
            idempotency_key=f"{event}:{job.id}",
        )
    wakeup.notify("job", str(job.id))


# ---- what the caller does afterwards


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
                subject=f"voice:{job.voice_id}",
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
    if output.deleted_at is not None:
        raise NotFound("output_deleted", "This file was deleted.")
    if output.mark.state == Mark.State.TAKEN_DOWN:
        raise Forbidden("output_taken_down", "This file was taken down.")
    if (
        output.job.voice.status == VoiceStatus.REVOKED
    ):  # also when its consent had ended before, or was renewed
        raise Forbidden("consent_revoked", "The voice's owner no longer permits its use.")
    with transaction.atomic():
        record(
            event="output.downloaded",
            actor=principal.actor,
            organisation_id=principal.organisation.id,
            subject=f"voice:{output.job.voice_id}",
            data={"job_id": str(output.job_id), "output_id": str(output.id)},
        )
    return output, default_storage.open(output.file, "rb")


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
    if job.state == JobState.CANCELLED:
        return Conflict("job_cancelled", "This job was cancelled.")
    facts = dict(job.error or {})
    return AssentError(
        facts.pop("code", "synthesis_failed"),
        facts.pop("message", "The speech could not be made."),
        measured=facts.pop("measured", None),
        limit=facts.pop("limit", None),
        http_status=facts.pop("http_status", 500),
        extra=facts,
    )


# ---- upkeep


def reap_jobs() -> int:
    """Queue again what a lost worker held, fail what was lost too often, wake workers for what waits."""
    now = timezone.now()
    touched = 0
    lost = SynthesisJob.objects.filter(state=JobState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    for job in lost:
        touched += 1
        if job.attempts >= MAX_ATTEMPTS:
            fail_job(
                job=job,
                error=Unavailable(
                    "worker_lost", "The speech worker stopped several times on this job.", http_status=500
                ),
            )
            continue
        with transaction.atomic():
            if _mine(job).update(state=JobState.QUEUED, worker="", stage="", progress=0.0):
                send_on_commit("speech.render", job.id)
    if depth("speech"):
        return touched
    stale = SynthesisJob.objects.filter(
        Q(state=JobState.QUEUED) & Q(created_at__lt=now - timedelta(seconds=5))
    ).values_list("id", flat=True)
    for job_id in stale:
        touched += 1
        with transaction.atomic():
            send_on_commit("speech.render", job_id)
    return touched


def sweep_staged_files() -> int:
    """Delete files that no output names: what a crash between writing and release left behind."""
    if not default_storage.exists(OUTPUT_FOLDER):
        return 0
    oldest = timezone.now() - timedelta(hours=1)
    count = 0
    for name in default_storage.listdir(OUTPUT_FOLDER)[1]:
        path = f"{OUTPUT_FOLDER}/{name}"
        try:
            old = default_storage.get_modified_time(path) < oldest
        except FileNotFoundError:
            continue
        if old and not Output.objects.filter(file=path).exists():
            default_storage.delete(path)
            count += 1
    return count


__all__ = ["FINAL_STATES", "Finished", "JobStopped", "cancel_job", "claim_job", "submit_job"]
