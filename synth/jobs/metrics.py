"""What a monitoring system is told of speech, checks and the processes that make them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone

from synth.common.metrics import Sample
from synth.jobs.models import JobState, SynthesisJob
from synth.local import pulse
from watermark.models import Verification

_OPEN = (JobState.QUEUED, JobState.RUNNING)


def figures() -> Iterator[Sample]:
    """Jobs by stage, checks by lane, how long the oldest waits, and who has been silent for how long."""
    now = timezone.now()
    jobs = SynthesisJob.objects.filter(state__in=_OPEN)
    for row in jobs.values("state", "stage").annotate(count=Count("id")).order_by():
        labels = {"state": row["state"], "stage": row["stage"] or "none"}
        yield Sample("assent_jobs", "Jobs that wait or run, by stage.", row["count"], labels)
    checks = Verification.objects.filter(state__in=("queued", "running"))
    for check in checks.values("state", "lane").annotate(count=Count("id")).order_by():
        labels = {"state": check["state"], "lane": check["lane"]}
        yield Sample(
            "assent_checks", "Files that wait to be checked or are, by lane.", check["count"], labels
        )
    for kind, rows in (("speech", jobs), ("checks", checks)):
        oldest = rows.filter(state="queued").aggregate(oldest=Min("created_at"))["oldest"]
        waited_s = (now - oldest).total_seconds() if oldest else 0.0
        yield Sample(
            "assent_oldest_waiting_seconds", "Age of the oldest request that waits.", waited_s, {"kind": kind}
        )
    for name, age_s in pulse.ages_s(Path(settings.ASSENT_DATA_DIR)).items():
        yield Sample(
            "assent_process_silent_seconds", "Time since a process was last well.", age_s, {"process": name}
        )
