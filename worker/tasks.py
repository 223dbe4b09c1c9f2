"""The tasks, one screen: take an id, claim its row, call the room that does it.

A task that finds its row in another state has nothing to do and ends quietly; the rows are the truth.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import close_old_connections
from django.utils.translation import gettext as _

from accounts.consent import services as consent_services
from accounts.people import mail
from audit import cosigning, watch
from synth.common import logs, uploads
from synth.jobs import services as jobs
from synth.projects import services as projects
from synth.rights import services as rights
from synth.webhooks import services as webhooks
from watermark import services as watermark
from watermark.selectors import waiting_uploads
from worker.app import app

logger = logging.getLogger(__name__)
WORKER = f"{socket.gethostname()}:{os.getpid()}"


def task(name: str) -> Callable[[Callable[..., Any]], Any]:
    """A task of this name, with fresh database connections around it (threads keep none)."""

    def register(function: Callable[..., Any]) -> Any:
        @app.task(name=name, ignore_result=True)
        @wraps(function)
        def run(*args: Any) -> None:
            close_old_connections()
            ids = {"row": str(args[0])} if args else {}
            try:
                with logs.about(task=name, **ids):
                    function(*args)
            finally:
                close_old_connections()

        return run

    return register


@task("speech.render")
def render(job_id: str) -> None:
    from worker import rendering, streaming

    job = jobs.claim_job(job_id=UUID(job_id), worker=WORKER)
    if job is not None:
        rendering.render(job, streaming.make if job.is_streamed else rendering.make_whole)
        projects.follow(job.id)


@task("speech.forget_weights")
def forget_weights(voice_id: str) -> None:
    from worker import own_weights

    own_weights.forget(UUID(voice_id))


@task("checks.consent")
def consent(submission_id: str) -> None:
    from worker import recordings

    submission = consent_services.begin_check(submission_id=UUID(submission_id))
    if submission is not None:
        recordings.check_submission(submission)


@task("checks.style")
def style(style_id: str) -> None:
    from worker import recordings

    row = consent_services.begin_style_check(style_id=UUID(style_id))
    if row is not None:
        recordings.check_style_clip(row)


@task("checks.verify")
def verify(verification_id: str) -> None:
    from worker import verification

    query = watermark.begin_verification(verification_id=UUID(verification_id))
    if query is not None:
        verification.answer(query)


@task("checks.webhooks")
def send_webhooks() -> None:
    webhooks.deliver_due()


@task("checks.track")
def track(track_id: str) -> None:
    from worker import tracks

    row = projects.begin_track(track_id=UUID(track_id))
    if row is not None:
        tracks.make(row)
        projects.wake_next_track()


@task("upkeep.feed_project")
def feed_project(project_id: str) -> None:
    projects.advance(UUID(project_id))


@task("upkeep.feed_projects")
def feed_projects() -> None:
    projects.sweep_projects()
    projects.reap_tracks()


@task("upkeep.reap")
def reap() -> None:
    jobs.reap_jobs()
    watermark.reap_verifications()
    consent_services.requeue_lost()
    webhooks.wake()


@task("upkeep.sweep_uploads")
def sweep_uploads() -> None:
    uploads.sweep(keep=waiting_uploads())
    jobs.sweep_staged_files()
    projects.sweep_tracks()
    consent_services.sweep_recordings()
    mail.sweep()
    sweep_weights()
    rights.sweep()


def sweep_weights() -> None:
    """Weights of voices that no row permits, whose deletion was missed."""
    from worker import own_weights

    own_weights.sweep()


@task("upkeep.expire_consents")
def expire_consents() -> None:
    consent_services.expire_consents()
    consent_services.send_renewal_notices()


@task("upkeep.backup")
def backup() -> None:
    from worker import backups

    backups.take_scheduled()


@task("upkeep.cosign")
def cosign() -> None:
    cosigning.ask_all()


@task("upkeep.verify_log")
def verify_log() -> None:
    """Every night the whole tree is computed anew; administrators are told of a difference."""
    result = watch.check_all()
    if result.is_clean:
        logger.info("the log of %d entries is whole", result.size)
        return
    logger.critical("the log is not as it must be: %s", "; ".join(result.sentences))
    mail.tell_administrators(
        _("The log is not as it must be"),
        _("The nightly check of the log found: %(what)s") % {"what": "\n".join(result.sentences)},
    )
