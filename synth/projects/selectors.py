"""Reads of projects. The access rule is here, once: one's own organisation, else not found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.people.permissions import SPEECH_READ
from accounts.people.principals import Principal
from synth.errors import NotFound
from synth.jobs.models import FINAL_STATES, Output
from synth.projects.models import Line, LineState, Project, Track

COUNTS = {
    "lines": Count("lines"),
    **{state.value: Count("lines", filter=Q(lines__state=state)) for state in LineState},
    "too_long": Count("lines", filter=Q(lines__too_long_by_ms__isnull=False)),
    "overlapping": Count("lines", filter=Q(lines__overlaps=True)),
}
"""What is told of a project's lines in all."""


def projects_for(principal: Principal) -> QuerySet[Project]:
    """Projects of the caller's organisation with their counts (`counts_of`), newest first."""
    principal.require(SPEECH_READ)
    counts = {f"count_{name}": count for name, count in COUNTS.items()}
    return (
        Project.objects.filter(organisation=principal.organisation)
        .select_related("voice", "created_by")
        .annotate(**counts)
        .order_by("-id")
    )


def project_for(principal: Principal, project_id: UUID) -> Project:
    """One of them. NotFound ``project_not_found``."""
    found = projects_for(principal).filter(pk=project_id).first()
    if found is None:
        raise NotFound("project_not_found", "There is no such project.")
    return found


def counts_of(project: Project) -> dict[str, int]:
    """Lines in all and by state, of a project that came with its counts."""
    return {name: int(getattr(project, f"count_{name}")) for name in COUNTS}


def state_of(project: Project) -> str:
    """``speaking`` while something is to come; then ``cancelled``, ``incomplete`` where lines failed, or ``done``."""
    counts = counts_of(project)
    if counts["waiting"] or counts["speaking"]:
        return "speaking"
    if counts["cancelled"]:
        return "cancelled"
    return "incomplete" if counts["failed"] else "done"


def lines_for(principal: Principal, project_id: UUID) -> QuerySet[Line]:
    """The lines of a project, in order, with everything that an answer shows of them."""
    return lines_of(project_for(principal, project_id))


def lines_of(project: Project) -> QuerySet[Line]:
    """The lines of a project, without an access check."""
    return (
        Line.objects.filter(project=project)
        .select_related("project__voice", "voice", "job__voice", "job__style", "job__output__mark")
        .defer(*(f"job__output__mark__{name}" for name in ("fingerprint", "reference", "manifest")))
        .order_by("number")
    )


def line_for(principal: Principal, project_id: UUID, number: int) -> Line:
    """NotFound ``line_not_found``."""
    found = lines_for(principal, project_id).filter(number=number).first()
    if found is None:
        raise NotFound("line_not_found", "There is no such line in this project.")
    return found


def output_of(line: Line) -> Output | None:
    """The released file of a line that is done."""
    if line.state != LineState.DONE or line.job is None:
        return None
    return getattr(line.job, "output", None)


def ended_lines(project_id: UUID) -> QuerySet[Line]:
    """Lines whose job has ended, and whose row does not know it yet."""
    return Line.objects.filter(
        project_id=project_id, state=LineState.SPEAKING, job__state__in=FINAL_STATES
    ).select_related("project", "job__output")


def in_flight(organisation_id: UUID) -> dict[UUID, int]:
    """By project, the lines of an organisation that are in the queue or being spoken."""
    rows = Line.objects.filter(project__organisation_id=organisation_id, state=LineState.SPEAKING)
    return dict(rows.values_list("project_id").annotate(count=Count("pk")).order_by())


def unfinished_projects(ahead: int) -> list[UUID]:
    """Projects with a line that may be handed over (fewer than ``ahead`` are), or whose job has ended or was never
    made; the oldest first."""
    to_take_in = Q(state=LineState.SPEAKING) & (Q(job__isnull=True) | Q(job__state__in=FINAL_STATES))
    rows = (
        Line.objects.filter(state__in=[LineState.WAITING, LineState.SPEAKING])
        .values("project_id")
        .annotate(
            waiting=Count("pk", filter=Q(state=LineState.WAITING)),
            speaking=Count("pk", filter=Q(state=LineState.SPEAKING)),
            to_take_in=Count("pk", filter=to_take_in),
        )
        .filter(Q(to_take_in__gt=0) | Q(waiting__gt=0, speaking__lt=ahead))
    )
    return list(rows.order_by("project_id").values_list("project_id", flat=True))


@dataclass(frozen=True)
class Placed:
    """A line on the timeline: its released file from ``start_ms``, its words from ``heard_from_ms``."""

    line: Line
    output: Output
    start_ms: int
    heard_from_ms: int
    heard_to_ms: int


GAP_MS = 400
"""Between a line without a time of its own and the line before it: the pause after a sentence."""


def placed(lines: list[Line]) -> list[Placed]:
    """The lines that are done, in order, each where its words begin at its time.

    A line without a time follows the one before it. The file of a short line begins with room tone: that lies before
    its time, as far as the timeline has room.
    """
    found: list[Placed] = []
    free_ms = -GAP_MS
    for line in lines:
        output = output_of(line)
        if output is None or line.job is None:
            continue
        lead_ms, length_ms = heard(output)
        at_ms = free_ms + GAP_MS if line.begin_ms is None else line.begin_ms
        start_ms = max(0, at_ms - lead_ms)
        free_ms = start_ms + lead_ms + length_ms
        found.append(Placed(line, output, start_ms, start_ms + lead_ms, free_ms))
    return found


def heard(output: Output) -> tuple[int, int]:
    """Where in a released file its words begin, and for how long they are heard, in milliseconds."""
    trim: dict[str, Any] | None = output.job.trim_to
    if not trim:
        return 0, output.duration_ms
    return round(1000 * trim["start_s"]), round(1000 * (trim["end_s"] - trim["start_s"]))


def track_for(principal: Principal, project_id: UUID, format: str) -> Track:
    """The newest track of a format. NotFound ``track_not_found``."""
    project = project_for(principal, project_id)
    found = Track.objects.filter(project=project, format=format).order_by("-id").first()
    if found is None:
        raise NotFound("track_not_found", "No track of this format was asked for.")
    return found


def is_current(track: Track) -> bool:
    """Whether a track is made of the lines' latest takes, and of all of them."""
    parts = set(track.parts.values_list("number", "output_id"))
    done = Line.objects.filter(project=track.project_id, state=LineState.DONE)
    return parts == set(done.values_list("number", "job__output__id"))
