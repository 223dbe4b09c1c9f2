"""Writes of jobs; callers import from here, the modules below are one per subject.

States move only forward and only by conditional UPDATE, so that of two processes one wins:

    queued -> running -> released | failed | cancelled
       ^---------'  (reaped: its worker was lost)
"""

from synth.jobs.services.releasing import (
    OUTPUT_FOLDER,
    Finished,
    JobStopped,
    beat,
    claim_job,
    fail_job,
    release_job,
    stop_job,
)
from synth.jobs.services.serving import (
    TAKE_DOWN_REASONS,
    cancel_job,
    job_error,
    open_output,
    take_down_output,
    wait_for_job,
)
from synth.jobs.services.submitting import SPEED_RANGE, TEXT_LIMIT, request_sha256, submit_job
from synth.jobs.services.upkeep import MAX_ATTEMPTS, reap_jobs, sweep_staged_files

__all__ = [
    "MAX_ATTEMPTS",
    "OUTPUT_FOLDER",
    "SPEED_RANGE",
    "TAKE_DOWN_REASONS",
    "TEXT_LIMIT",
    "Finished",
    "JobStopped",
    "beat",
    "cancel_job",
    "claim_job",
    "fail_job",
    "job_error",
    "open_output",
    "reap_jobs",
    "release_job",
    "request_sha256",
    "stop_job",
    "submit_job",
    "sweep_staged_files",
    "take_down_output",
    "wait_for_job",
]
