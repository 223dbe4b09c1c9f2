"""What ends with a revoked consent: every job in the voice, in the transaction that revokes."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.voices.models import Voice
from audit.actors import Actor
from audit.services import record
from audit.subjects import about
from synth.common import wakeup
from synth.errors import Forbidden
from synth.jobs.models import JobState, SynthesisJob
from synth.jobs.services.ended import sent_facts


def cancel_jobs_of(*, voice: Voice, actor: Actor) -> int:
    """Cancel the queued and running jobs of `voice`; returns how many. A worker that runs one finds its claim gone.

    Of a stream its worker, or the clock, closes the record: it has to take in what has left (`ended`).
    The caller holds the consent's row. A release takes that row before its job's, so neither waits for the other here.
    """
    error = Forbidden("cancelled_consent_revoked", "The voice's owner no longer permits its use.")
    waiting = SynthesisJob.objects.select_for_update(of=("self",)).filter(
        voice=voice, state__in=[JobState.QUEUED, JobState.RUNNING]
    )
    jobs = list(waiting.order_by("pk"))
    SynthesisJob.objects.filter(pk__in=[job.pk for job in jobs]).update(
        state=JobState.CANCELLED, stage="cancelled", finished_at=timezone.now(), error=error.as_row()
    )
    for job in jobs:
        record(
            event="synthesis.cancelled",
            actor=actor,
            organisation_id=job.organisation_id,
            subject=about("voice", voice.pk),
            data={"job_id": str(job.pk), "code": error.code, **sent_facts(job)},
            idempotency_key=f"synthesis.cancelled:{job.pk}",
        )
        transaction.on_commit(partial(wakeup.notify, "job", str(job.pk)))
    return len(jobs)


def on_voice_revoked(sender: Any, voice: Voice, actor: Actor, **kwargs: Any) -> int:
    """Receiver of `accounts.voices.signals.voice_revoked`."""
    return cancel_jobs_of(voice=voice, actor=actor)
