"""Reads of the registry. What is public about a mark is decided here, once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from accounts.people.principals import Principal
from accounts.voices.states import VoiceStatus
from audit.models import Entry
from synth.common.ids import parse_id
from synth.errors import NotFound
from watermark.models import Mark, MarkEpoch, Naming, Verification, VerificationBatch
from watermark.reading.registry import Record

RELATED_RECORDS = 40


def issued() -> QuerySet[Mark]:
    """Marks of sound that was released, a stream that is still being made included; a reserved one never was."""
    return Mark.objects.filter(state__in=[Mark.State.STREAMING, Mark.State.ISSUED, Mark.State.TAKEN_DOWN])


def issued_marks(numbers: Sequence[int]) -> dict[int, Mark]:
    """Marks by record number; a reserved one was never released and counts as unknown."""
    rows = issued().select_related("consent__voice", "entry").filter(record_number__in=numbers)
    return {row.record_number: row for row in rows}


def issued_numbers(epoch: str) -> list[int]:
    """Record numbers issued under one epoch, for matching where their code cannot be decoded."""
    rows = issued().filter(epoch_id=epoch)
    return list(rows.values_list("record_number", flat=True))


def released_as(file_sha256: str) -> Record | None:
    """The record whose released file has these very bytes; None where there is none."""
    mark = issued().filter(file_sha256=file_sha256).order_by("record_number").first()
    return None if mark is None else _record(mark)


class IssuedRecords:
    """The registry as `watermark.reading` asks it (its `Registry`)."""

    def epochs(self) -> list[str]:
        return readable_epochs()

    def numbers(self, epoch: str) -> list[int]:
        return issued_numbers(epoch)

    def related(self, number: int) -> list[int]:
        """The newest records of the same voice: what somebody who wants it to say something else has at hand."""
        voice = Mark.objects.filter(pk=number).values("consent__voice")[:1]
        rows = issued().filter(consent__voice__in=voice).exclude(pk=number).order_by("-record_number")
        return list(rows.values_list("record_number", flat=True)[:RELATED_RECORDS])

    def records(self, numbers: Sequence[int]) -> dict[int, Record]:
        rows = issued().filter(record_number__in=numbers).defer("manifest")
        return {mark.record_number: _record(mark) for mark in rows}


def _record(mark: Mark) -> Record:
    """Of an issued mark; the database asks for all of it, for the reference since it is kept."""
    return Record(
        mark.record_number,
        bytes(mark.fingerprint or b""),
        (mark.duration_ms or 0) / 1000,
        None if mark.reference is None else bytes(mark.reference),
        is_cut_stream=bool(mark.ended_by) or mark.state == Mark.State.STREAMING,
    )


def readable_epochs() -> list[str]:
    """Names of the epochs that a file may be marked in, newest first: one that marked nothing needs no search."""
    marked = Mark.objects.filter(epoch_id=OuterRef("pk"))
    rows = MarkEpoch.objects.filter(Exists(marked)).order_by("-opened_at")
    return list(rows.values_list("name", flat=True))


def consent_state(mark: Mark) -> str:
    """``live``, ``revoked``, ``expired`` or ``superseded``: the consent it was made under, as of now.

    A withdrawal reaches back: it also ends what had been renewed or had run out before.
    """
    if mark.consent.voice.status == VoiceStatus.REVOKED:
        return "revoked"
    return mark.consent.state_at(timezone.now())


def public_facts(mark: Mark) -> dict[str, Any]:
    """What anybody may learn of a record: never the words, the voice's name or who asked for it."""
    return {
        "record_id": str(mark.public_id),
        "issued_at": mark.issued_at.isoformat() if mark.issued_at else None,
        "organisation": mark.organisation_name,
        "engine": mark.engine_name,
        "engine_version": mark.engine_version,
        "is_preview": mark.is_preview,
        "duration_s": round((mark.duration_ms or 0) / 1000, 2),
        "consent": consent_state(mark),
        "taken_down": mark.state == Mark.State.TAKEN_DOWN,
        "stream": mark.ended_by or ("running" if mark.state == Mark.State.STREAMING else ""),
        "log_entry": mark.entry_id,
    }


def are_of(organisation_id: UUID, public_ids: Collection[UUID]) -> bool:
    """Whether there are such records and all of them are of one organisation."""
    rows = issued().filter(organisation_id=organisation_id, public_id__in=public_ids)
    return bool(public_ids) and rows.count() == len(set(public_ids))


def waiting_uploads() -> set[str]:
    """Storage names of files that are still to be checked, however long they have waited."""
    waiting = [Verification.State.QUEUED, Verification.State.RUNNING]
    rows = Verification.objects.filter(state__in=waiting).exclude(upload_name="")
    return set(rows.values_list("upload_name", flat=True))


def marks_named(public_ids: Iterable[str]) -> dict[str, Mark]:
    """Released marks among these texts, by public id; whatever is no id of ours is left out."""
    wanted = {parsed for text in public_ids if (parsed := parse_id(text)) is not None}
    rows = issued().select_related("consent__voice", "entry").filter(public_id__in=wanted)
    return {str(row.public_id): row for row in rows}


def times_named(marks: Collection[int]) -> dict[int, int]:
    """How often a verdict named each of these records, by record number; those that none named are left out."""
    rows = Naming.objects.filter(mark_id__in=marks).values_list("mark_id").annotate(Count("pk"))
    return dict(rows)


def manifest(record_id: UUID) -> bytes | None:
    """The Content Credentials of a released file; None where it has none or was never released."""
    row = issued().filter(public_id=record_id, manifest__isnull=False).first()
    return bytes(row.manifest) if row is not None and row.manifest is not None else None


def require_manifest(record_id: UUID) -> bytes:
    """The same; NotFound ``manifest_not_found`` where there is none."""
    found = manifest(record_id)
    if found is None:
        raise NotFound(
            "manifest_not_found", "No file was released here under this id, or it has no Content Credentials."
        )
    return found


def batch(batch_id: UUID, *, principal: Principal) -> VerificationBatch:
    """A batch of the caller's organisation, its queries with it. NotFound ``batch_not_found``."""
    row = (
        VerificationBatch.objects.prefetch_related(
            Prefetch("queries", queryset=Verification.objects.order_by("id"))
        )
        .filter(id=batch_id, organisation_id=principal.organisation.pk)
        .first()
    )
    if row is None:
        raise NotFound("batch_not_found", "There is no such batch.")
    return row


def batches(*, principal: Principal, limit: int = 50) -> list[VerificationBatch]:
    """The newest batches of the caller's organisation."""
    rows = VerificationBatch.objects.prefetch_related("queries").filter(
        organisation_id=principal.organisation.pk
    )
    return list(rows.order_by("-created_at")[:limit])


def verification(verification_id: UUID) -> Verification:
    """A query by its unguessable id: whoever holds the id may read the answer."""
    row = Verification.objects.filter(id=verification_id).first()
    if row is None:
        raise NotFound("verification_not_found", "There is no such verification.")
    return row


def issued_entry(public_id: UUID) -> Entry:
    """The log entry of a released record. NotFound ``record_not_found``."""
    mark = Mark.objects.select_related("entry").filter(public_id=public_id, entry__isnull=False).first()
    if mark is None or mark.entry is None:
        raise NotFound("record_not_found", "There is no such record.")
    return mark.entry
