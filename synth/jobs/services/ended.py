"""The early end of a streamed job: what has left stays on record, and the file goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from audit.models import Entry
from synth.jobs.models import FINAL_STATES, SynthesisJob, SynthesisPiece
from watermark.models import Mark
from watermark.services import end_stream_mark


def end_stream(job: SynthesisJob, *, reason: str, entry: Entry) -> None:
    """Inside the transaction that ends a streamed job early, with its ``entry``: what has left stays on record.

    ``reason``: ``owner``, ``caller`` or ``failure``. The file goes, for nothing of it is served any more.
    """
    last = _last_piece(job)
    if last is not None:
        end_stream_mark(mark=last.mark, entry=entry, ended_by=reason)
    name = SynthesisJob.objects.values_list("stream_file", flat=True).get(id=job.id)
    if name:
        SynthesisJob.objects.filter(id=job.id).update(stream_file="")
        transaction.on_commit(lambda: default_storage.delete(name), robust=True)


def sent_facts(job: SynthesisJob) -> dict[str, Any]:
    """What the entry of a stream's early end says of what had left by then; nothing where nothing had."""
    last = _last_piece(job) if job.is_streamed else None
    if last is None:
        return {}
    return {
        "output_id": str(last.mark.public_id),
        "output_sha256": last.sha256,
        "count": last.index + 1,
        "bytes": last.end_byte,
        "duration_ms": last.end_ms,
    }


def _last_piece(job: SynthesisJob) -> SynthesisPiece | None:
    return job.pieces.select_related("mark").order_by("-index").first()


OWNERS_CODES = ("consent_revoked", "consent_expired", "style_removed", "weights_removed")


def ended_by(code: str) -> str:
    """Who ended a job before its last word, by its error's code: ``owner``, ``failure``, or ``caller`` without one."""
    if not code:
        return "caller"
    return "owner" if code.endswith(OWNERS_CODES) else "failure"


ITS_WORKER_TAKES = timedelta(seconds=30)
"""So long the worker of a job that was ended from outside has to write into the record what has left."""


def close_ended_streams(job: SynthesisJob | None = None) -> None:
    """End the records of streams whose job was ended from outside: their first entry stays theirs.

    Its worker closes that of ``job``, as soon as the record holds all that has left; the clock those without a worker.
    """
    marks = Mark.objects.filter(state=Mark.State.STREAMING)
    if job is not None:
        marks = marks.filter(pieces__job=job, pieces__job__state__in=FINAL_STATES)
    else:
        long_ago = timezone.now() - ITS_WORKER_TAKES
        marks = marks.filter(pieces__job__state__in=FINAL_STATES, pieces__job__finished_at__lt=long_ago)
    for mark in marks.select_related("entry").distinct():
        with transaction.atomic():
            piece = mark.pieces.select_related("job").order_by("-index").first()
            if piece is None or mark.entry is None:
                continue
            code = (piece.job.error or {}).get("code", "")
            end_stream(piece.job, reason=ended_by(code), entry=mark.entry)
