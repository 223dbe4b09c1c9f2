"""Writes of the registry: epochs, and marks reserved, issued and taken down."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.consent.models import Consent
from accounts.people.models import Organisation
from audit.actors import SYSTEM, Actor
from audit.models import Entry
from audit.services import record
from audit.subjects import about
from synth.errors import NotFound
from watermark.models import Mark, MarkEpoch


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
    *,
    mark: Mark,
    entry: Entry,
    file_sha256: str,
    duration_ms: int,
    fingerprint: bytes,
    reference: bytes,
    layers: list[str],
    manifest: bytes,
) -> Mark:
    """Complete a reserved mark inside the release transaction.

    ``fingerprint`` finds the sound again, ``reference`` (`watermark.comparison.reference`) compares it word by word.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a mark is issued only in the transaction that releases its file")
    streamed_ms = mark.duration_ms or 0 if mark.state == Mark.State.STREAMING else 0
    unissued = [Mark.State.RESERVED, Mark.State.STREAMING]
    updated = Mark.objects.filter(record_number=mark.record_number, state__in=unissued).update(
        state=Mark.State.ISSUED,
        issued_at=mark.issued_at or timezone.now(),
        entry=entry,
        file_sha256=file_sha256,
        duration_ms=duration_ms,
        fingerprint=fingerprint,
        reference=reference,
        layers=layers,
        manifest=manifest,
    )
    if updated != 1:
        raise RuntimeError(f"record number {mark.record_number} was issued before")
    MarkEpoch.objects.filter(name=mark.epoch_id).update(marked_ms=F("marked_ms") + duration_ms - streamed_ms)
    mark.refresh_from_db()
    return mark


def begin_stream_mark(
    *, mark: Mark, entry: Entry, file_sha256: str, duration_ms: int, fingerprint: bytes, reference: bytes
) -> None:
    """The first piece leaves: from now on the record is known, by what it says of the sound so far."""
    updated = Mark.objects.filter(record_number=mark.record_number, state=Mark.State.RESERVED).update(
        state=Mark.State.STREAMING,
        issued_at=timezone.now(),
        entry=entry,
        file_sha256=file_sha256,
        duration_ms=duration_ms,
        fingerprint=fingerprint,
        reference=reference,
    )
    if updated != 1:
        raise RuntimeError(f"record number {mark.record_number} was issued before")
    MarkEpoch.objects.filter(name=mark.epoch_id).update(marked_ms=F("marked_ms") + duration_ms)
    mark.refresh_from_db()


def extend_stream_mark(*, mark: Mark, added_ms: int, **facts: Any) -> None:
    """A further piece leaves; ``facts`` are the fields of `begin_stream_mark` that changed with it."""
    updated = Mark.objects.filter(record_number=mark.record_number, state=Mark.State.STREAMING).update(
        **facts
    )
    if not updated and added_ms:
        raise RuntimeError(f"record number {mark.record_number} streams no more")
    MarkEpoch.objects.filter(name=mark.epoch_id).update(marked_ms=F("marked_ms") + added_ms)
    mark.refresh_from_db()


def end_stream_mark(*, mark: Mark, entry: Entry, ended_by: str) -> None:
    """A stream ended before its last word: its record is of what has left, and says so."""
    Mark.objects.filter(record_number=mark.record_number, state=Mark.State.STREAMING).update(
        state=Mark.State.ISSUED, entry=entry, ended_by=ended_by
    )


def take_down(*, public_id: UUID, actor: Actor, organisation_id: UUID, reason: str) -> Mark:
    """Mark a record as taken down, also while it streams: verification goes on naming it and says so. ``reason`` is a
    code. NotFound ``output_not_found``."""
    with transaction.atomic():
        mark = (
            Mark.objects.select_for_update()
            .filter(public_id=public_id, organisation_id=organisation_id)
            .filter(state__in=[Mark.State.STREAMING, Mark.State.ISSUED])
            .first()
        )
        if mark is None:
            raise NotFound("output_not_found", "There is no such released file.")
        if mark.state == Mark.State.STREAMING:
            mark.ended_by = "failure"  # no further piece gets past the state
        mark.state = Mark.State.TAKEN_DOWN
        mark.taken_down_at = timezone.now()
        mark.save(update_fields=["state", "taken_down_at", "ended_by"])
        record(
            event="output.taken_down",
            actor=actor,
            organisation_id=organisation_id,
            subject=about("output", public_id),
            data={"output_id": str(public_id), "code": reason},
        )
    return mark
