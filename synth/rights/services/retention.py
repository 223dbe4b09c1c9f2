"""What the clock deletes: records whose time is over (`ASSENT_RETENTION`). Hashes, marks and the log stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.voices.recordings import delete_on_commit
from audit.actors import SYSTEM
from audit.services import record
from audit.subjects import about
from synth.jobs.models import FINAL_STATES, Output, SynthesisJob
from synth.law import profiles
from synth.projects.services import forget_texts
from synth.rights.models import Feedback, TakeDown
from synth.webhooks.services import sweep_deliveries
from watermark.models import Mark
from watermark.services import forget_heard, sweep_verifications


def sweep(*, now: datetime | None = None) -> dict[str, int]:
    """Delete what is older than its kind is kept; how many of each. Kinds that are kept until erased are left alone."""
    moment = now or timezone.now()
    done = {}
    for kind, days in profiles.retention_days(settings.ASSENT_RETENTION).items():
        if days == profiles.FOREVER or kind not in _SWEEPERS:
            continue
        with transaction.atomic():
            count = done[kind] = _SWEEPERS[kind](moment - timedelta(days=days))
            if count:
                record(
                    event="records.expired",
                    actor=SYSTEM,
                    data={"kind": kind, "count": count, "retention_days": days},
                )
    return done


def _outputs(before: datetime) -> int:
    rows = Output.objects.select_for_update(of=("self",)).select_related("job")
    old = list(rows.filter(deleted_at__isnull=True, released_at__lt=before)[:1000])
    for output in old:
        delete_on_commit(output.file)
        record(
            event="output.deleted",
            actor=SYSTEM,
            organisation_id=output.job.organisation_id,
            subject=about("voice", output.job.voice_id),
            data={"job_id": str(output.job_id), "output_id": str(output.pk), "reason": "retention"},
            idempotency_key=f"output.deleted:{output.pk}",
        )
    Output.objects.filter(pk__in=[output.pk for output in old]).update(file="", deleted_at=timezone.now())
    return len(old)


def _texts(before: datetime) -> int:
    """Texts with their salts: the log's commitments to them say nothing any more."""
    done = SynthesisJob.objects.filter(state__in=FINAL_STATES, finished_at__lt=before).exclude(text="")
    forget_texts(before)
    forget_heard(Mark.objects.filter(output__job__in=done))
    return done.update(
        text="", source_text="", segments=[], text_salt=b"", request_sha256="", spoken_check=None
    )


def _feedback(before: datetime) -> int:
    return Feedback.objects.filter(answered_at__lt=before).delete()[0]


def _take_downs(before: datetime) -> int:
    return TakeDown.objects.filter(decided_at__lt=before).delete()[0]


_SWEEPERS: dict[str, Callable[[datetime], int]] = {
    "outputs": _outputs,
    "texts": _texts,
    "reports": lambda before: sweep_verifications(before=before),
    "feedback": _feedback,
    "take_downs": _take_downs,
    "deliveries": lambda before: sweep_deliveries(before=before),
}
"""Files handed in for verification are not here: they go with their answer, and `uploads.sweep` takes the rest."""
