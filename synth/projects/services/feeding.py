"""Lines on their way to the queue and back: a few at a time, each through the door that every job goes through.

The rows say what is to be done, so that it does not matter who does it: the worker that has just spoken a line, the
task that a change sent, or the clock after a crash. A line is claimed by a conditional UPDATE, and its take is the
idempotency key of its job: whoever was lost between the two is followed by the same job, not by a second.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.people.models import Organisation
from accounts.people.principals import Principal, renewed
from synth.common.queue import send, send_on_commit
from synth.errors import AssentError, Conflict
from synth.jobs import selectors as job_selectors
from synth.jobs import services as jobs
from synth.jobs.models import JobState, SynthesisJob
from synth.projects import selectors
from synth.projects.models import Line, LineState, Project
from synth.projects.services.making import FEED

AHEAD = 4
"""Lines of a project in the queue or being spoken: whoever else asks waits behind these and no more."""
ORGANISATION_AHEAD = 8
"""Of all projects of an organisation, however many it starts at once."""
QUEUE_SHARE = 0.5
"""Above this share of a full queue projects wait, so that nobody is refused because of them."""
AT_ONCE = 40
"""Lines that one call hands over at most (refused ones go by quickly); then another call goes on."""
_LATER = (429, 503)
"""Refusals of the moment: a full queue, a quota, a log that is interrupted. The line goes on waiting."""

FASTEST_FIT = 1.3
"""A line is hurried by so much at most to fit its slot: beyond a third faster, listeners notice hurry before meaning.
Nothing is slowed down: a line that ends early is followed by silence, as in any film."""
FIT_MARGIN = 1.02
"""Asked for besides: engines meet a speed to a per cent or two."""
TOLERANCE_MS = 40
"""So much beyond its slot nobody sees: a frame of film at 25 a second."""


def advance(project_id: UUID) -> int:
    """Take in what has ended, hand over what may follow; how many lines were touched. Safe to run twice and at once."""
    touched = sum(_settle(line) for line in selectors.ended_lines(project_id))
    for line in _unsubmitted(project_id):
        touched += _submit(line)
    for _ in range(AT_ONCE):
        claimed = _claim(project_id)
        if not claimed:
            return touched
        done = [_submit(line) for line in claimed]
        touched += sum(done)
        if not all(done):  # later: the clock comes back
            return touched
    send(FEED, project_id)
    return touched


def follow(job_id: UUID) -> None:
    """A job has ended: if it was a line's, its project goes on."""
    project_id = Line.objects.filter(job_id=job_id).values_list("project_id", flat=True).first()
    if project_id is not None:
        advance(project_id)


def sweep_projects() -> int:
    """What the clock does: every project in which something is to be done goes on, each in a task of its own."""
    waiting = selectors.unfinished_projects(AHEAD)
    for project_id in waiting:
        with transaction.atomic():
            send_on_commit(FEED, project_id)
    return len(waiting)


def _claim(project_id: UUID) -> list[Line]:
    """The next waiting lines for which there is room, now speaking."""
    if job_selectors.waiting_count() >= QUEUE_SHARE * settings.ASSENT_SPEECH_QUEUE_LIMIT:
        return []
    with transaction.atomic():
        # Two that feed the same project count one after the other.
        project = Project.objects.select_for_update().get(pk=project_id)
        if project.cancelled_at is not None:
            # What came back while it was cancelled.
            project.lines.filter(state=LineState.WAITING).update(state=LineState.CANCELLED)
            return []
        # So do those that feed others of its organisation, of whose share they take.
        Organisation.objects.select_for_update(no_key=True).get(pk=project.organisation_id)
        spoken = selectors.in_flight(project.organisation_id)
        room = min(AHEAD - spoken.get(project_id, 0), ORGANISATION_AHEAD - sum(spoken.values()))
        waiting = Line.objects.filter(project=project, state=LineState.WAITING).order_by("number")
        chosen = list(waiting.values_list("pk", flat=True)[: max(0, room)])
        Line.objects.filter(pk__in=chosen, state=LineState.WAITING).update(
            state=LineState.SPEAKING, job=None, error=None
        )
    return list(_rows(pk__in=chosen, state=LineState.SPEAKING, job__isnull=True))


def _unsubmitted(project_id: UUID) -> list[Line]:
    """Lines that somebody claimed and did not come to submit, or is about to: either way it is the same job."""
    return list(_rows(project_id=project_id, state=LineState.SPEAKING, job__isnull=True))


def _rows(**which: Any) -> Any:
    return (
        Line.objects.filter(**which)
        .select_related("project__organisation", "asked_by", "api_key")
        .order_by("number")
    )


def take_of(line: Line) -> Any:
    """The row of a line while this take of it holds: an edit, a redo or a cancellation ends it."""
    return Line.objects.filter(pk=line.pk, take=line.take, state=LineState.SPEAKING)


def asker_of(line: Line) -> Principal:
    """Who asked for the line, with the rights of this moment. Raises AssentError where there are none any more."""
    asked = Principal(
        user=line.asked_by,
        organisation=line.project.organisation,
        role="",
        api_key=line.api_key,
        scopes=frozenset(),
    )
    return renewed(asked)


def _submit(line: Line) -> bool:
    """Ask for a claimed line as its asker; False when that has to be tried again later."""
    project = line.project
    try:
        principal = asker_of(line)
        job = jobs.submit_job(
            principal=principal,
            idempotency_key=f"line:{line.pk}:{line.take}",
            text=line.text,
            voice=str(line.voice_id or project.voice_id),
            style=line.style or project.style,
            language=project.language,
            purpose=project.purpose,
            speed=line.fit_speed or _speed(line),
            format=project.format,
            project=project.slug,
        )
    except AssentError as refusal:
        if refusal.http_status in _LATER:
            take_of(line).filter(job__isnull=True).update(state=LineState.WAITING)
            return False
        take_of(line).filter(job__isnull=True).update(state=LineState.FAILED, error=refusal.as_row())
        return True
    if not take_of(line).filter(job__isnull=True).update(job=job):
        _drop(principal, line, job)
    return True


def _drop(principal: Principal, line: Line, job: SynthesisJob) -> None:
    """Stop a job whose line was edited or cancelled while it was asked for. Where the take still stands, another has
    kept the job or comes back for it."""
    still = Line.objects.filter(pk=line.pk, take=line.take, state__in=[LineState.WAITING, LineState.SPEAKING])
    if not still.exists():
        stop(principal, job)


def stop(principal: Principal, job: SynthesisJob) -> None:
    """Cancel a job of a line, if there is still something to cancel."""
    with suppress(Conflict):
        jobs.cancel_job(principal=principal, job_id=job.pk)


def _speed(line: Line) -> float:
    return line.project.speed if line.speed is None else line.speed


def _settle(line: Line) -> bool:
    """Write down how a line's job ended; of one too long for its slot, ask again once at the speed that fits."""
    job = line.job
    if job is None:
        return False
    mine = take_of(line).filter(job=job)
    if job.state != JobState.RELEASED:
        # What was stopped without a reason was stopped by its caller.
        state = LineState.FAILED if job.error else LineState.CANCELLED
        return bool(mine.update(state=state, error=job.error))
    _lead_ms, spoken_ms = selectors.heard(job.output)
    over_ms = 0 if line.slot_ms is None else spoken_ms - line.slot_ms
    is_too_long = over_ms > TOLERANCE_MS
    if is_too_long and line.fit_speed is None and line.slot_ms:
        factor = FIT_MARGIN * spoken_ms / line.slot_ms
        speed = _speed(line) * factor
        if factor <= FASTEST_FIT and speed <= jobs.SPEED_RANGE[1]:
            # It waits like any other, ahead of those behind it.
            return bool(
                mine.update(state=LineState.WAITING, take=F("take") + 1, fit_speed=round(speed, 3), job=None)
            )
    return bool(
        mine.update(
            state=LineState.DONE,
            spoken_ms=spoken_ms,
            too_long_by_ms=over_ms if is_too_long else None,
            error=None,
        )
    )
