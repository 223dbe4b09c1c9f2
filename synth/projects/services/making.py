"""A script becomes a project: its lines checked as jobs are, then fed to the queue."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.consent.scope import DEFAULT_PURPOSE, PURPOSES
from accounts.people.permissions import SPEECH_READ, SPEECH_WRITE
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from audit.services import record
from audit.subjects import about
from synth.common.ids import new_id
from synth.common.queue import send_on_commit
from synth.errors import AssentError, Conflict
from synth.jobs import services as jobs
from synth.projects import script as scripts
from synth.projects.models import Line, Project
from synth.projects.script import Script, ScriptLine

LINE_FORMATS = ("wav", "flac", "mp3", "opus")
"""Raw samples have no place for a label, so that nobody would know the lines of a ZIP apart."""
FEED = "upkeep.feed_project"
MAX_NAME = 120
_SLUG = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_project(
    *,
    principal: Principal,
    name: str,
    script: bytes | None = None,
    script_name: str = "",
    script_format: str = "",
    lines: Sequence[Mapping[str, Any]] | None = None,
    slug: str = "",
    voice: str = "",
    style: str = "",
    language: str = "",
    purpose: str = DEFAULT_PURPOSE,
    speed: float = 1.0,
    format: str = "wav",
) -> Project:
    """The project of a script (``script`` as bytes, or its ``lines`` as rows), whose lines are spoken from now on.

    Nothing is permitted by this: each line is asked for by itself. Raises AssentError ``script_missing``,
    ``purpose_unknown``,
    ``project_name_invalid``, ``line_without_voice``, those of `script.read`, and of a line those of `jobs.order`, with
    the ``line`` in ``extra``; NotFound ``voice_not_found``; Conflict ``project_exists``.
    """
    principal.require(SPEECH_WRITE)
    principal.require(SPEECH_READ)  # whoever makes a project follows it
    if purpose not in PURPOSES:
        raise AssentError(
            "purpose_unknown", "This is no purpose.", measured=purpose[:40], limit=list(PURPOSES),
            extra={"param": "purpose"},
        )  # fmt: skip
    if (script is None) == (lines is None):
        raise AssentError("script_missing", "Send a script, or its lines.", extra={"param": "script"})
    called = _called(name, slug)
    read = (
        scripts.read_rows(lines)
        if lines is not None
        else scripts.read(script or b"", format=script_format, name=script_name)
    )
    refuse_format(format)
    spoken_by = voice_selectors.get_voice(principal, voice) if voice else None
    project = Project(
        organisation=principal.organisation,
        name=called,
        slug=slug or _free_slug(principal, called),
        created_by=principal.user,
        voice=spoken_by,
        style=style,
        language=language,
        purpose=purpose,
        speed=as_number(speed),
        format=format,
        warnings=read.warnings,
    )
    rows = _rows(principal, project, read)
    try:
        with transaction.atomic():
            return _saved(principal, project, rows)
    except IntegrityError as error:
        if "projects_project_slug" not in str(error):
            raise
        raise Conflict(
            "project_exists", "There is a project of this short name.", extra={"param": "slug"}
        ) from None


def _called(name: str, slug: str) -> str:
    """The name without stray blanks. Raises AssentError ``project_name_invalid``, of either name."""
    called = " ".join(name.split())
    if not 0 < len(called) <= MAX_NAME or (slug and not _SLUG.fullmatch(slug)):
        raise AssentError(
            "project_name_invalid",
            f"A project has a name of 1 to {MAX_NAME} characters; its short name has letters, digits, . _ -",
            measured=len(called),
            limit=MAX_NAME,
            extra={"param": "name"},
        )
    return called


def refuse_format(format: str) -> None:
    """AssentError ``format_not_offered`` for what the lines of a project are not made in."""
    if format not in LINE_FORMATS:
        raise AssentError(
            "format_not_offered", f"Lines are made as {', '.join(LINE_FORMATS)}.", measured=format[:16],
            limit=list(LINE_FORMATS), extra={"param": "format"},
        )  # fmt: skip


def _saved(principal: Principal, project: Project, rows: list[Line]) -> Project:
    project.save(force_insert=True)
    Line.objects.bulk_create(rows)
    record(
        event="project.created",
        actor=principal.actor,
        organisation_id=principal.organisation.id,
        subject=about("project", project.pk),
        data={"project_id": str(project.pk), "count": len(rows), "purpose": project.purpose},
    )
    send_on_commit(FEED, project.pk)
    return project


def _rows(principal: Principal, project: Project, read: Script) -> list[Line]:
    voices: dict[str, Voice] = {}
    rows = []
    for number, line in enumerate(read.lines, start=1):
        with told_of(number):
            if line.voice and line.voice not in voices:
                voices[line.voice] = voice_selectors.get_voice(principal, line.voice)
            row = Line(project=project, number=number, asked_by=principal.user, api_key=principal.api_key)
            fill(row, line, voices.get(line.voice))
            rows.append(row)
    mark_overlaps(rows)
    return rows


def fill(row: Line, line: ScriptLine, voice: Voice | None) -> None:
    """Write a line's words and manner into its row. Raises what `jobs.order` refuses of them."""
    if voice is None and row.project.voice_id is None:
        raise AssentError(
            "line_without_voice",
            "Name a voice for the line, or one for the project.",
            extra={"param": "voice"},
        )
    speed = row.project.speed if line.speed is None else line.speed
    checked = jobs.order(voice="", text=line.text, format=row.project.format, speed=as_number(speed))
    row.text, row.voice, row.style, row.speed = checked.text, voice, line.style, line.speed
    row.begin_ms, row.end_ms = line.begin_ms, line.end_ms


def mark_overlaps(rows: Sequence[Line]) -> list[Line]:
    """Flag the lines that begin before an earlier one's slot has ended; those whose flag changed."""
    changed = []
    taken_ms = 0
    timed = [row for row in rows if row.begin_ms is not None]
    flags = dict.fromkeys((row.pk for row in rows), False)
    for row in sorted(timed, key=lambda row: (row.begin_ms or 0, row.number)):
        flags[row.pk] = (row.begin_ms or 0) < taken_ms
        taken_ms = max(taken_ms, row.end_ms or row.begin_ms or 0)
    for row in rows:
        if row.overlaps != flags[row.pk]:
            row.overlaps = flags[row.pk]
            changed.append(row)
    return changed


def as_number(speed: float) -> float:
    """A speed as JSON can tell of it: what is no number is out of every range."""
    return speed if math.isfinite(speed) else 0.0


@contextmanager
def told_of(number: int) -> Iterator[None]:
    """A refusal inside says which line it is about."""
    try:
        yield
    except AssentError as error:
        error.message = f"Line {number}: {error.message}"
        error.extra = {"param": "lines", **error.extra, "line": number}
        raise


def _free_slug(principal: Principal, name: str) -> str:
    """A short name that says what it is of, and is free."""
    stem = slugify(name)[:50].strip("-") or "project"
    taken = Project.objects.filter(organisation=principal.organisation, slug=stem).exists()
    return f"{stem}-{new_id().hex[-8:]}" if taken or stem == "project" else stem
