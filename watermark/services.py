"""Writes of the registry: epochs, marks, verification queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Consent, Organisation
from audit.actors import SYSTEM, Actor, ActorKind
from audit.models import Entry
from audit.services import record
from synth.common import uploads
from synth.common.queue import depth, send_on_commit
from synth.common.wakeup import notify
from synth.errors import AssentError, NotFound, Unavailable
from watermark.models import Mark, MarkEpoch, Verification

UPLOAD_LIMIT_BYTES = 64 * 1024 * 1024
LOST_AFTER = timedelta(seconds=90)
KEPT_FOR = timedelta(days=30)
MAX_ATTEMPTS = 3


# ---- epochs and marks


def current_epoch() -> MarkEpoch:
    """The open epoch; a new one is opened when there is none or the open one has marked enough audio."""
    limit_ms = settings.ASSENT_MARK_EPOCH_MINUTES * 60_000
    epoch = MarkEpoch.objects.filter(closed_at__isnull=True).first()
    if epoch is not None and epoch.marked_ms < limit_ms:
        return epoch
    return rotate_epoch(expected=epoch)


def rotate_epoch(*, expected: MarkEpoch | None, actor: Actor = SYSTEM) -> MarkEpoch:
    """Close ``expected`` and open the next epoch; if somebody else did so first, theirs is returned."""
    try:
        with transaction.atomic():
            now = timezone.now()
            if expected is not None:
                MarkEpoch.objects.filter(name=expected.name, closed_at__isnull=True).update(closed_at=now)
            name = f"{now:%Y%m%d}-{MarkEpoch.objects.count() + 1:04d}"
            epoch = MarkEpoch.objects.create(name=name)
            record(event="key.rotated", actor=actor, data={"kind": "mark-epoch", "epoch": name})
            return epoch
    except IntegrityError:
        return MarkEpoch.objects.get(closed_at__isnull=True)


def reserve_mark(
    *,
    organisation: Organisation,
    consent: Consent,
    engine_name: str,
    engine_version: str,
    is_preview: bool,
    layers: list[str],
) -> Mark:
    """A fresh record number. It names no file until `issue_mark`; an unused one is simply never known."""
    return Mark.objects.create(
        epoch=current_epoch(),
        organisation=organisation,
        organisation_name=organisation.name,
        consent=consent,
        engine_name=engine_name,
        engine_version=engine_version,
        is_preview=is_preview,
        layers=layers,
    )


def issue_mark(
    *, mark: Mark, entry: Entry, file_sha256: str, duration_ms: int, fingerprint: bytes, layers: list[str]
) -> Mark:
    """Complete a reserved mark inside the release transaction."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a mark is issued only in the transaction that releases its file")
    updated = Mark.objects.filter(record_number=mark.record_number, state=Mark.State.RESERVED).update(
        state=Mark.State.ISSUED,
        issued_at=timezone.now(),
        entry=entry,
        file_sha256=file_sha256,
        duration_ms=duration_ms,
        fingerprint=fingerprint,
        layers=layers,
    )
    if updated != 1:
        raise AssentError("mark_not_reserved", "This record number was issued before.", http_status=409)
    MarkEpoch.objects.filter(name=mark.epoch_id).update(marked_ms=F("marked_ms") + duration_ms)
    mark.refresh_from_db()
    return mark


def take_down(*, public_id: UUID, actor: Actor, organisation_id: UUID, reason: str) -> Mark:
    """Mark a record as taken down: verification goes on naming it and says so. ``reason`` is a code."""
    with transaction.atomic():
        mark = (
            Mark.objects.select_for_update()
            .filter(public_id=public_id, organisation_id=organisation_id, state=Mark.State.ISSUED)
            .first()
        )
        if mark is None:
            raise NotFound("output_not_found", "There is no such released file.")
        mark.state = Mark.State.TAKEN_DOWN
        mark.taken_down_at = timezone.now()
        mark.save(update_fields=["state", "taken_down_at"])
        record(
            event="output.taken_down",
            actor=actor,
            organisation_id=organisation_id,
            subject=f"output:{public_id}",
            data={"output_id": str(public_id), "code": reason},
        )
    return mark


# ---- verification


def submit_verification(
    *, file: UploadedFile, actor: Actor, organisation_id: UUID | None = None, deep: bool = False
) -> Verification:
    """Queue the question what ``file`` is. Raises `Unavailable` ``checks_busy`` when the queue is full."""
    waiting = Verification.objects.filter(
        state__in=[Verification.State.QUEUED, Verification.State.RUNNING]
    ).count()
    if waiting >= settings.ASSENT_CHECKS_QUEUE_LIMIT:
        raise Unavailable(
            "checks_busy",
            "Too many files are being checked just now.",
            measured=waiting,
            limit=settings.ASSENT_CHECKS_QUEUE_LIMIT,
            retry_after_s=10,
        )
    upload = uploads.store_upload(file, limit_bytes=UPLOAD_LIMIT_BYTES)
    try:
        with transaction.atomic():
            row = Verification.objects.create(
                upload_name=upload.name,
                file_sha256=upload.sha256,
                size_bytes=upload.size_bytes,
                deep=deep,
                actor_kind=actor.kind,
                actor_id=actor.id,
                organisation_id=organisation_id,
            )
            send_on_commit("checks.verify", row.id)
    except Exception:
        uploads.delete(upload.name)
        raise
    return row


def begin_verification(*, verification_id: UUID) -> Verification | None:
    """Claim a waiting query; None when somebody else has it or it is done."""
    claimed = Verification.objects.filter(id=verification_id, state=Verification.State.QUEUED).update(
        state=Verification.State.RUNNING, heartbeat_at=timezone.now(), attempts=F("attempts") + 1
    )
    return Verification.objects.get(id=verification_id) if claimed else None


def beat(*, verification_id: UUID, progress: float) -> None:
    Verification.objects.filter(id=verification_id, state=Verification.State.RUNNING).update(
        heartbeat_at=timezone.now(), progress=progress
    )


def complete_verification(*, verification_id: UUID, report: dict[str, Any]) -> None:
    """Store the answer with its log entry, in one transaction; the upload is deleted after it."""
    with transaction.atomic():
        row = Verification.objects.select_for_update().get(id=verification_id)
        if row.state != Verification.State.RUNNING:
            return
        row.entry = record(
            event="verification.queried",
            actor=_asker(row),
            organisation_id=row.organisation_id,
            subject=f"verification:{row.id}",
            data={
                "file_sha256": row.file_sha256,
                "verdict": report["verdict"],
                "matched": [r["record_id"] for r in report.get("records", [])],
            },
            idempotency_key=f"verification:{row.id}",
        )
        row.state = Verification.State.DONE
        row.report = {**report, "log_entry": row.entry.pk}
        row.progress = 1.0
        row.finished_at = timezone.now()
        name, row.upload_name = row.upload_name, ""
        row.save()
        transaction.on_commit(lambda: uploads.delete(name))
        transaction.on_commit(lambda: notify("verification", str(row.id)))


def fail_verification(*, verification_id: UUID, error: AssentError) -> None:
    """The file cannot be answered about (unreadable, too long, ...): the query is logged all the same."""
    with transaction.atomic():
        row = Verification.objects.select_for_update().get(id=verification_id)
        if row.state not in (Verification.State.RUNNING, Verification.State.QUEUED):
            return
        row.entry = record(
            event="verification.queried",
            actor=_asker(row),
            organisation_id=row.organisation_id,
            subject=f"verification:{row.id}",
            data={"file_sha256": row.file_sha256, "verdict": None, "code": error.code},
            idempotency_key=f"verification:{row.id}",
        )
        row.state = Verification.State.FAILED
        row.error = {**error.as_dict(), "http_status": error.http_status}
        row.finished_at = timezone.now()
        name, row.upload_name = row.upload_name, ""
        row.save()
        transaction.on_commit(lambda: uploads.delete(name))
        transaction.on_commit(lambda: notify("verification", str(row.id)))


def sweep_verifications() -> int:
    """Delete answers older than thirty days; the log keeps that the question was asked. Returns how many."""
    old = timezone.now() - KEPT_FOR
    finished = [Verification.State.DONE, Verification.State.FAILED]
    return Verification.objects.filter(state__in=finished, finished_at__lt=old).delete()[0]


def _asker(row: Verification) -> Actor:
    return Actor(kind=cast(ActorKind, row.actor_kind), id=row.actor_id)


def reap_verifications() -> int:
    """Queue lost queries again, fail those that were lost too often; returns how many were touched."""
    now = timezone.now()
    touched = 0
    lost = Verification.objects.filter(
        state=Verification.State.RUNNING, heartbeat_at__lt=now - LOST_AFTER
    ).values_list("id", "attempts")
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
            Verification.objects.filter(id=verification_id, state=Verification.State.RUNNING).update(
                state=Verification.State.QUEUED
            )
            send_on_commit("checks.verify", verification_id)
    # Messages that the broker lost: rows wait although its queue is empty, so wake a worker again.
    if depth("checks"):
        return touched
    stale = Verification.objects.filter(
        state=Verification.State.QUEUED, created_at__lt=now - timedelta(seconds=10)
    ).values_list("id", flat=True)
    for verification_id in stale:
        touched += 1
        with transaction.atomic():
            send_on_commit("checks.verify", verification_id)
    return touched
