"""What the clock does: jobs of lost workers are queued again, files that no row names are deleted."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from synth.common import uploads
from synth.common.queue import depth, send_on_commit
from synth.errors import Unavailable
from synth.jobs.models import JobState, Output, SynthesisJob
from synth.jobs.services.ended import close_ended_streams
from synth.jobs.services.releasing import OUTPUT_FOLDER, fail_job, held

LOST_AFTER = timedelta(seconds=30)
MAX_ATTEMPTS = 3


def reap_jobs() -> int:
    """Queue again what a lost worker held, fail what was lost too often, wake workers for what waits."""
    now = timezone.now()
    touched = 0
    lost = SynthesisJob.objects.filter(state=JobState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    for job in lost:
        touched += 1
        # Of a stream that some heard the beginning of nothing can be made again.
        if job.attempts >= MAX_ATTEMPTS or job.pieces.exists():
            fail_job(
                job=job,
                error=Unavailable("worker_lost", "The speech worker stopped on this job.", http_status=500),
            )
            continue
        with transaction.atomic():
            if held(job).update(state=JobState.QUEUED, worker="", stage="", progress=0.0):
                send_on_commit("speech.render", job.id)
    close_ended_streams()
    # Each waiting row has a message of its own; where there are fewer, a broker or a worker has lost some. Which
    # ones cannot be told, so the oldest are sent again: a row that is claimed already ignores a second message.
    stale = SynthesisJob.objects.filter(state=JobState.QUEUED, created_at__lt=now - timedelta(seconds=5))
    lacking = max(0, stale.count() - depth("speech"))
    for job_id in stale.order_by("created_at").values_list("id", flat=True)[:lacking]:
        touched += 1
        with transaction.atomic():
            send_on_commit("speech.render", job_id)
    return touched


def sweep_staged_files() -> int:
    """Delete files that no output names: what a crash between writing and release left behind."""
    return uploads.sweep_folder(
        OUTPUT_FOLDER,
        older_than=timedelta(hours=1),
        named=lambda: [
            *Output.objects.values_list("file", flat=True),
            *SynthesisJob.objects.exclude(stream_file="").values_list("stream_file", flat=True),
        ],
    )
