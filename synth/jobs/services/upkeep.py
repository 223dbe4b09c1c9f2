"""What the clock does: jobs of lost workers are queued again, files that no row names are deleted."""

from __future__ import annotations

from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from synth.common.queue import depth, send_on_commit
from synth.errors import Unavailable
from synth.jobs.models import JobState, Output, SynthesisJob
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
        if job.attempts >= MAX_ATTEMPTS:
            fail_job(
                job=job,
                error=Unavailable(
                    "worker_lost", "The speech worker stopped several times on this job.", http_status=500
                ),
            )
            continue
        with transaction.atomic():
            if held(job).update(state=JobState.QUEUED, worker="", stage="", progress=0.0):
                send_on_commit("speech.render", job.id)
    if depth("speech"):
        return touched
    stale = SynthesisJob.objects.filter(
        state=JobState.QUEUED, created_at__lt=now - timedelta(seconds=5)
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
    found = {f"{OUTPUT_FOLDER}/{name}" for name in default_storage.listdir(OUTPUT_FOLDER)[1]}
    count = 0
    # Asked once, and after the listing: a file that was there by then has its row by now, or is young.
    for path in found - set(Output.objects.values_list("file", flat=True)):
        try:
            old = default_storage.get_modified_time(path) < oldest
        except FileNotFoundError:
            continue
        if old:
            default_storage.delete(path)
            count += 1
    return count
