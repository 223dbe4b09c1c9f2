"""Questions put to the registry: submitted, claimed, answered once, cancelled, repeated, forgotten in time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.people.principals import Principal
from audit.actors import Actor, ActorKind
from audit.services import record
from audit.subjects import about
from synth.common import uploads
from synth.common.queue import depth, send_on_commit
from synth.common.wakeup import notify
from synth.errors import AssentError, NotFound, TooMany, Unavailable
from watermark import issued_reports, selectors
from watermark.limits import BATCH_FILES, ORGANISATION_SHARE, STRANGERS_SHARE, Lane, lane_of, limits_of
from watermark.models import Mark, Naming, Verification, VerificationBatch

State = Verification.State
LOST_AFTER = timedelta(seconds=90)
KEPT_FOR = timedelta(days=30)
MAX_ATTEMPTS = 3
RETRY_AFTER_S = 10.0
_WAITING = (State.QUEUED, State.RUNNING)
_FINISHED = (State.DONE, State.FAILED, State.CANCELLED)
_LANE_LOCK = 0x61_73_76_6C  # first half of the advisory lock under which a lane is claimed
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


# ---- asking


def submit_verification(
    *,
    file: UploadedFile,
    actor: Actor,
    organisation_id: UUID | None = None,
    deep: bool = False,
    quick: bool = False,
    tell_webhooks: bool = False,
    batch: VerificationBatch | None = None,
) -> Verification:
    """Queue the question what ``file`` is.

    Raises `Unavailable` ``checks_busy`` when the queue, or the strangers' share of it, is full, `TooMany`
    ``checks_share_full`` when the organisation's own share is, PayloadTooLarge ``upload_too_large``, AssentError
    ``empty_upload``, ``account_needed`` where strangers want webhooks told, and ``audio_too_long`` where the file
    itself says that it is.
    """
    if tell_webhooks and organisation_id is None:
        raise AssentError(
            "account_needed", "Only an organisation has webhooks to tell.", extra={"param": "tell_webhooks"}
        )
    _refuse_when_full(actor, organisation_id)
    limits = limits_of(actor.kind)
    uploads.refuse_too_long(file, limit_s=limits.deep_duration_s if deep else limits.duration_s)
    upload = uploads.store_upload(file, limit_bytes=limits.upload_bytes)
    try:
        with transaction.atomic():
            row = Verification.objects.create(
                upload_name=upload.name,
                file_sha256=upload.sha256,
                size_bytes=upload.size_bytes,
                deep=deep,
                quick=quick,
                tell_webhooks=tell_webhooks,
                lane=lane_of(actor.kind, upload.size_bytes),
                batch=batch,
                # What a stranger calls a file is nobody's business; a batch is told apart by it.
                file_name=_UNFIT.sub("", file.name or "")[-120:] if batch is not None else "",
                actor_kind=actor.kind,
                actor_id=actor.id,
                organisation_id=organisation_id,
            )
            send_on_commit("checks.verify", row.id)
    except Exception:
        uploads.delete(upload.name)
        raise
    return row


def submit_batch(
    *,
    files: Sequence[UploadedFile],
    principal: Principal,
    deep: bool = False,
    quick: bool = False,
    tell_webhooks: bool = False,
) -> VerificationBatch:
    """Queue up to twenty files under one number, all of them or none.

    Raises AssentError ``file_missing`` and ``too_many_files``, and what `submit_verification` raises.
    """
    if not files:
        raise AssentError("file_missing", "Choose an audio file first.")
    if len(files) > BATCH_FILES:
        raise AssentError("too_many_files", "Too many files at once.", measured=len(files), limit=BATCH_FILES)
    actor, organisation_id = principal.actor, principal.organisation.pk
    _refuse_when_full(actor, organisation_id, more=len(files))
    stored: list[str] = []
    try:
        with transaction.atomic():
            batch = VerificationBatch.objects.create(
                organisation_id=organisation_id, actor_kind=actor.kind, actor_id=actor.id
            )
            for file in files:
                row = submit_verification(
                    file=file,
                    actor=actor,
                    organisation_id=organisation_id,
                    deep=deep,
                    quick=quick,
                    tell_webhooks=tell_webhooks,
                    batch=batch,
                )
                stored.append(row.upload_name)
    except Exception:
        for name in stored:
            uploads.delete(name)
        raise
    return batch


def _refuse_when_full(actor: Actor, organisation_id: UUID | None, more: int = 1) -> None:
    """Strangers together, and each organisation by itself, may fill a share of the queue and no more."""
    places: int = settings.ASSENT_CHECKS_QUEUE_LIMIT
    rows = Verification.objects.filter(state__in=_WAITING)
    bounds = [(rows.count(), places)]
    if actor.kind == "anonymous":
        bounds.append((rows.filter(lane=Lane.PUBLIC).count(), max(1, int(places * STRANGERS_SHARE))))
    for waiting, limit in bounds:
        if waiting + more > limit:
            raise Unavailable(
                "checks_busy",
                "Too many files are being checked just now.",
                measured=waiting,
                limit=limit,
                retry_after_s=RETRY_AFTER_S,
            )
    if organisation_id is None:
        return
    own = rows.filter(organisation_id=organisation_id).count()
    share = max(1, int(places * ORGANISATION_SHARE))
    if own + more > share:
        raise TooMany(
            "checks_share_full",
            "Too many files of your organisation are waiting to be checked.",
            measured=own,
            limit=share,
            retry_after_s=RETRY_AFTER_S,
        )


# ---- working


def begin_verification(*, verification_id: UUID) -> Verification | None:
    """Claim a waiting query; None when somebody else has it, it is done, or its lane is taken.

    Whoever ends a query wakes the next of its lane, so one that finds it taken is not forgotten.
    """
    with transaction.atomic():
        lane = (
            Verification.objects.filter(id=verification_id, state=State.QUEUED)
            .values_list("lane", flat=True)
            .first()
        )
        if lane is None:
            return None
        _lock_lane(lane)
        alive = timezone.now() - LOST_AFTER
        if Verification.objects.filter(lane=lane, state=State.RUNNING, heartbeat_at__gt=alive).exists():
            return None
        claimed = Verification.objects.filter(id=verification_id, state=State.QUEUED).update(
            state=State.RUNNING,
            heartbeat_at=timezone.now(),
            attempts=F("attempts") + 1,
            progress=0.0,
            stage="",
        )
        return Verification.objects.get(id=verification_id) if claimed else None


def _lock_lane(lane: str) -> None:
    """Until the end of the transaction, nobody else claims in this lane."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LANE_LOCK, Lane.values.index(lane)])


def _wake_next(lane: str) -> None:
    """Call a worker for the query that has waited longest in ``lane``."""
    waiting = Verification.objects.filter(lane=lane, state=State.QUEUED).order_by("created_at").first()
    if waiting is not None:
        send_on_commit("checks.verify", waiting.id)


def beat(*, verification_id: UUID, progress: float, stage: str = "") -> bool:
    """Note that the work goes on; False when the query is no longer wanted."""
    return bool(
        Verification.objects.filter(id=verification_id, state=State.RUNNING).update(
            heartbeat_at=timezone.now(), progress=progress, stage=stage
        )
    )


def complete_verification(
    *, verification_id: UUID, report: dict[str, Any], heard: list[list[Any]] | None = None
) -> None:
    """Store the answer with its log entry, in one transaction; the upload is deleted after it.

    The entry commits to the very bytes of the report that is signed for whoever asks. ``heard``: of `Verification`.
    """
    with transaction.atomic():
        row = Verification.objects.select_for_update().get(id=verification_id)
        if row.state != State.RUNNING:
            return
        row.finished_at = timezone.now()
        row.document = issued_reports.document(row, report)
        matched = [found["record_id"] for found in report.get("records", [])]
        row.entry = record(
            event="verification.queried",
            actor=_asker(row),
            organisation_id=row.organisation_id,
            subject=about("verification", row.pk),
            data={
                "file_sha256": row.file_sha256,
                "verdict": report["verdict"],
                "matched": matched,
                "report_sha256": issued_reports.sha256_of(row.document),
            },
            idempotency_key=f"verification:{row.id}",
        )
        row.state = State.DONE
        row.report = {**report, "log_entry": row.entry.pk}
        row.heard = heard
        row.progress = 1.0
        for mark in selectors.marks_named(matched).values():
            Naming.objects.create(mark=mark, verification_id=row.pk, asked_at=row.created_at)
        _end(row)


def fail_verification(*, verification_id: UUID, error: AssentError, state: str = State.FAILED) -> bool:
    """The file cannot be answered about (unreadable, too long, cancelled, ...): the query is logged all the same.

    False when the query had ended before.
    """
    with transaction.atomic():
        row = Verification.objects.select_for_update().get(id=verification_id)
        if row.state not in _WAITING:
            return False
        row.entry = record(
            event="verification.queried",
            actor=_asker(row),
            organisation_id=row.organisation_id,
            subject=about("verification", row.pk),
            data={"file_sha256": row.file_sha256, "verdict": None, "code": error.code},
            idempotency_key=f"verification:{row.id}",
        )
        row.state = state
        row.error = error.as_row()
        row.finished_at = timezone.now()
        _end(row)
        return True


def cancel_verification(*, verification_id: UUID) -> None:
    """Stop a query: its file is deleted, and a worker that has it stops at its next step. One that has ended stays
    as it is. Whoever holds the unguessable id may do so. Raises `NotFound` ``verification_not_found``.
    """
    if not Verification.objects.filter(id=verification_id).exists():
        raise NotFound("verification_not_found", "There is no such verification.")
    fail_verification(
        verification_id=verification_id,
        error=AssentError("verification_cancelled", "The check was cancelled."),
        state=State.CANCELLED,
    )


def cancel_batch(*, batch: VerificationBatch) -> int:
    """Cancel whatever of a batch has not ended; returns how many."""
    waiting = list(batch.queries.filter(state__in=_WAITING).values_list("id", flat=True))
    error = AssentError("verification_cancelled", "The check was cancelled.")
    return sum(fail_verification(verification_id=one, error=error, state=State.CANCELLED) for one in waiting)


def _end(row: Verification) -> None:
    """Save a query that has ended; its upload goes, whoever waits hears of it, and the next of its lane begins."""
    name, row.upload_name = row.upload_name, ""
    row.stage = ""
    row.save()
    transaction.on_commit(lambda: uploads.delete(name))
    transaction.on_commit(lambda: notify("verification", str(row.id)))
    _wake_next(row.lane)


def _asker(row: Verification) -> Actor:
    return Actor(kind=cast(ActorKind, row.actor_kind), id=row.actor_id)


# ---- upkeep


def sweep_verifications(*, before: datetime | None = None) -> int:
    """Delete answers finished before a time (thirty days ago); the log keeps that the question was asked. How many."""
    old = before or timezone.now() - KEPT_FOR
    count = Verification.objects.filter(state__in=_FINISHED, finished_at__lt=old).delete()[0]
    VerificationBatch.objects.filter(created_at__lt=old, queries__isnull=True).delete()
    return count


def forget_heard(marks: QuerySet[Mark]) -> int:
    """Delete what was heard in files that differ from these records: their words go with the records' texts."""
    named = Naming.objects.filter(mark__in=marks).values("verification_id")
    return Verification.objects.filter(pk__in=named, heard__isnull=False).update(heard=None)


def reap_verifications() -> int:
    """Queue lost queries again, fail those that were lost too often; returns how many were touched."""
    now = timezone.now()
    touched = 0
    lost = Verification.objects.filter(state=State.RUNNING, heartbeat_at__lt=now - LOST_AFTER).values_list(
        "id", "attempts"
    )
    for verification_id, attempts in lost:
        touched += 1
        if attempts >= MAX_ATTEMPTS:
            fail_verification(
                verification_id=verification_id,
                error=Unavailable(
                    "verification_lost", "The check was interrupted too often; please try again."
                ),
            )
            continue
        with transaction.atomic():
            Verification.objects.filter(id=verification_id, state=State.RUNNING).update(state=State.QUEUED)
            send_on_commit("checks.verify", verification_id)
    # Messages that the broker lost: rows wait in a lane where nothing runs, and the queue holds fewer messages than
    # rows, so wake a worker again. Other tasks in the same queue only put it off.
    stale = Verification.objects.filter(state=State.QUEUED, created_at__lt=now - timedelta(seconds=10))
    if stale.count() <= depth("checks"):
        return touched
    busy = Verification.objects.filter(state=State.RUNNING).values_list("lane", flat=True)
    for lane in set(stale.exclude(lane__in=set(busy)).values_list("lane", flat=True)):
        touched += 1
        with transaction.atomic():
            _wake_next(lane)
    return touched
