"""What is done with a project that runs: a line edited or spoken again, the rest cancelled, what failed tried again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.people.permissions import SPEECH_WRITE
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from audit.services import record
from audit.subjects import about
from synth.common.queue import send_on_commit
from synth.errors import Conflict
from synth.jobs.models import SynthesisJob
from synth.projects import selectors
from synth.projects.models import Line, LineState, Project
from synth.projects.script import ScriptLine, refuse_slot
from synth.projects.services.feeding import stop
from synth.projects.services.making import FEED, fill, mark_overlaps, told_of

_AGAIN: dict[str, Any] = {
    "state": LineState.WAITING,
    "job": None,
    "fit_speed": None,
    "spoken_ms": None,
    "too_long_by_ms": None,
    "error": None,
}
"""A line that is to be spoken anew knows nothing of its takes before."""
EDITABLE = ("text", "voice", "style", "speed", "begin_ms", "end_ms")


def edit_line(*, principal: Principal, project_id: UUID, number: int, changes: Mapping[str, Any]) -> Line:
    """Change some of `EDITABLE` of a line and speak it anew; a null is as the project says. Others are left alone.

    Raises what `create_project` refuses of a line; NotFound ``line_not_found``; Conflict ``project_cancelled``.
    """
    principal.require(SPEECH_WRITE)
    line = selectors.line_for(principal, project_id, number)
    written = ScriptLine(
        text=changes.get("text", line.text),
        voice=changes.get("voice", str(line.voice_id or "")) or "",
        style=changes.get("style", line.style) or "",
        **{name: changes.get(name, getattr(line, name)) for name in ("speed", "begin_ms", "end_ms")},
    )
    with told_of(number):
        refuse_slot(written.begin_ms, written.end_ms, line=number)
        voice = voice_selectors.get_voice(principal, written.voice) if written.voice else None
        fill(line, written, voice)
    kept = {name: getattr(line, name) for name in (*EDITABLE, "voice")}
    return _again(principal, line, code="edited", **kept)


def redo_line(*, principal: Principal, project_id: UUID, number: int) -> Line:
    """Speak a line anew as it stands. The file of the take before stays on record; it is no longer the line's."""
    principal.require(SPEECH_WRITE)
    return _again(principal, selectors.line_for(principal, project_id, number), code="redone")


def _again(principal: Principal, line: Line, *, code: str, **changed: Any) -> Line:
    project = line.project
    _refuse_cancelled(project)
    with transaction.atomic():
        # Every edit of a project waits for the one before it: overlaps are a matter of all its lines.
        Project.objects.select_for_update().get(pk=project.pk)
        before = Line.objects.select_for_update().get(pk=line.pk).job
        Line.objects.filter(pk=line.pk).update(
            **_AGAIN, **changed, take=F("take") + 1, asked_by=principal.user, api_key=principal.api_key
        )
        Line.objects.bulk_update(mark_overlaps(list(project.lines.all())), ["overlaps"])
        _record(principal, project, code, line=str(line.number))
        send_on_commit(FEED, project.pk)
    if before is not None:
        stop(principal, before)
    return selectors.line_for(principal, project.pk, line.number)


def cancel_project(*, principal: Principal, project_id: UUID) -> Project:
    """Stop everything that waits or is being spoken; what is done stays. Again is no error."""
    principal.require(SPEECH_WRITE)
    project = selectors.project_for(principal, project_id)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        Project.objects.filter(pk=project.pk, cancelled_at__isnull=True).update(cancelled_at=timezone.now())
        unspoken: QuerySet[Line] = project.lines.filter(
            state__in=[LineState.WAITING, LineState.SPEAKING], job__isnull=True
        )
        stopped = unspoken.update(state=LineState.CANCELLED)
        running = list(
            SynthesisJob.objects.filter(project_line__in=project.lines.filter(state=LineState.SPEAKING))
        )
        if stopped or running:
            _record(principal, project, "cancelled", count=stopped + len(running))
        send_on_commit(FEED, project.pk)
    for job in running:
        stop(principal, job)  # the feeder takes in how it ended
    return selectors.project_for(principal, project.pk)


def retry_project(*, principal: Principal, project_id: UUID) -> Project:
    """Speak what failed or was cancelled, now as asked for by the caller; what is done stays."""
    principal.require(SPEECH_WRITE)
    project = selectors.project_for(principal, project_id)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        Project.objects.filter(pk=project.pk).update(cancelled_at=None)
        again = project.lines.filter(state__in=[LineState.FAILED, LineState.CANCELLED]).update(
            **_AGAIN, take=F("take") + 1, asked_by=principal.user, api_key=principal.api_key
        )
        if again:
            _record(principal, project, "retried", count=again)
        send_on_commit(FEED, project.pk)
    return selectors.project_for(principal, project.pk)


def _refuse_cancelled(project: Project) -> None:
    if project.cancelled_at is not None:
        raise Conflict("project_cancelled", "This project was cancelled. Retry it first.")


def _record(principal: Principal, project: Project, code: str, **facts: Any) -> None:
    record(
        event="project.changed",
        actor=principal.actor,
        organisation_id=project.organisation_id,
        subject=about("project", project.pk),
        data={"project_id": str(project.pk), "code": code, **facts},
    )
