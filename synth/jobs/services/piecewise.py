"""Release piece by piece, while the rest is made: what a worker writes for a streamed job.

The file grows by appending; only what a row of `SynthesisPiece` covers is ever read from it, and each row came in one
transaction with its entry, consent asked under lock. A stream that ends before its last word keeps its record: what was
sent stays known.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from audit import continuity
from audit.actors import SYSTEM
from audit.models import Entry
from audit.services import record
from audit.subjects import about
from synth.common import wakeup
from synth.jobs.models import Output, SynthesisJob, SynthesisPiece
from synth.jobs.services import releasing
from synth.jobs.services.releasing import OUTPUT_FOLDER, Finished, JobStopped
from watermark.models import Mark
from watermark.services import begin_stream_mark, extend_stream_mark, issue_mark


@dataclass
class GrowingFile:
    """The file of one streamed job as far as it was released: ``size`` bytes with ``digest``, ``pieces`` rows."""

    name: str
    path: Path
    size: int = 0
    pieces: int = 0
    end_ms: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def append(self, data: bytes) -> None:
        """Write behind what was released; what a failed release left there is written over."""
        with self.path.open("r+b") as file:
            file.seek(self.size)
            file.truncate()
            file.write(data)

    def released(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(self.size)


@dataclass(frozen=True)
class Known:
    """What the record says of the sound so far."""

    fingerprint: bytes
    reference: bytes


def begin_stream(*, job: SynthesisJob) -> GrowingFile:
    """An empty file for the job. Raises `JobStopped` ``lost`` when this claim of it does not hold."""
    name = default_storage.save(f"{OUTPUT_FOLDER}/{secrets.token_urlsafe(24)}", ContentFile(b""))
    if not releasing.held(job).update(stream_file=name):
        default_storage.delete(name)
        raise JobStopped("lost")
    return GrowingFile(name, Path(default_storage.path(name)))


def require_permitted(job: SynthesisJob) -> None:
    """Raise `JobStopped` unless the next words may be spoken, as of now."""
    row = releasing.held(job).values("cancel_requested_at").first()
    if row is None:
        raise JobStopped("lost")
    if row["cancel_requested_at"] is not None:
        raise JobStopped("cancelled")
    releasing.still_permitted(job)


def release_piece(
    *, job: SynthesisJob, mark: Mark, file: GrowingFile, data: bytes, end_ms: int, known: Known | None
) -> SynthesisPiece:
    """Release ``data`` as the next piece: consent asked under lock, its entry, its row, and what the mark's record
    knows of the sound, in one transaction.

    ``known`` None: the record stays as it was (not at the first piece). Raises `JobStopped`; Unavailable
    ``log_interrupted`` while the log cannot go on.
    """
    continuity.require()
    file.append(data)
    digest = file.digest.copy()
    digest.update(data)
    with transaction.atomic():
        releasing.require_releasable(job)
        entry = _piece_entry(job, mark, file, digest.hexdigest(), len(data), end_ms)
        facts: dict[str, Any] = {"file_sha256": digest.hexdigest(), "duration_ms": end_ms}
        if known is not None:
            facts |= {"fingerprint": known.fingerprint, "reference": known.reference}
        if file.pieces == 0:
            begin_stream_mark(mark=mark, entry=entry, **facts)
        else:
            extend_stream_mark(mark=mark, added_ms=end_ms - file.end_ms, **facts)
        piece = SynthesisPiece.objects.create(
            job=job,
            mark=mark,
            entry=entry,
            index=file.pieces,
            start_byte=file.size,
            end_byte=file.size + len(data),
            end_ms=end_ms,
            sha256=digest.hexdigest(),
        )
    file.digest, file.size, file.pieces, file.end_ms = digest, piece.end_byte, file.pieces + 1, end_ms
    wakeup.notify("job", str(job.id))
    return piece


def _piece_entry(
    job: SynthesisJob, mark: Mark, file: GrowingFile, sha256: str, added: int, end_ms: int
) -> Entry:
    return record(
        event="synthesis.piece",
        actor=SYSTEM,
        organisation_id=job.organisation_id,
        subject=about("voice", job.voice_id),
        data={
            "job_id": str(job.id),
            "output_id": str(mark.public_id),
            "index": file.pieces,
            "output_sha256": sha256,
            "bytes": file.size + added,
            "duration_ms": end_ms,
            "consent_id": str(job.consent_id),
            "consent_version": job.consent_version,
            "mark_epoch": mark.epoch_id,
        },
        idempotency_key=f"synthesis.piece:{job.id}:{file.pieces}",
    )


def complete_stream(*, job: SynthesisJob, mark: Mark, file: GrowingFile, finished: Finished) -> Output:
    """The end of a stream whose last piece has left: its completed-entry, its whole record, its output, its state.

    Asked as a release is: a revocation between the last piece and this ends the job as one that was stopped.
    """
    continuity.require()
    with transaction.atomic():
        releasing.require_releasable(job)
        entry = releasing.completed_entry(job, mark, finished, file.digest.hexdigest())
        issue_mark(
            mark=mark,
            entry=entry,
            file_sha256=file.digest.hexdigest(),
            duration_ms=finished.duration_ms,
            fingerprint=finished.fingerprint,
            reference=finished.reference,
            layers=finished.layers,
            manifest=finished.manifest,
        )
        output = releasing.write_output(
            job, mark, entry, finished, name=file.name, sha256=file.digest.hexdigest(), size_bytes=file.size
        )
    wakeup.notify("job", str(job.id))
    return output


def know_stream(*, mark: Mark, known: Known) -> None:
    """What the record says of the sound that has left, once no more will come."""
    extend_stream_mark(mark=mark, added_ms=0, fingerprint=known.fingerprint, reference=known.reference)
