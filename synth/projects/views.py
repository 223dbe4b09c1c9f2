"""Pages of dubbing: the projects, a script handed in, one project with its lines, one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework import serializers

from accounts.consent import selectors as consent_selectors
from accounts.consent.scope import PURPOSES
from accounts.people.permissions import SPEECH_WRITE
from accounts.people.principals import Principal, principal_for
from accounts.voices import selectors as voice_selectors
from accounts.voices.languages import LANGUAGES
from synth.common.api import parsed
from synth.errors import AssentError
from synth.jobs.wording import format_label
from synth.portal.refusals import page, show
from synth.projects import selectors, services
from synth.projects.answers import archive_answer, track_sound
from synth.projects.api import script_of
from synth.projects.models import TRACK_FORMATS, Line, Project, Track, TrackState
from synth.projects.script import FORMATS, MAX_LINES, MAX_SCRIPT_BYTES
from synth.projects.serializers import LineChange, ProjectRequest
from synth.projects.services.making import LINE_FORMATS
from synth.projects.wording import FORMAT_LABELS, warning_rows

PAGE_SIZE = 50


@require_safe
@page
def projects(request: HttpRequest) -> HttpResponse:
    """The projects of the organisation, newest first."""
    principal = principal_for(request)
    shown = Paginator(selectors.projects_for(principal), 25).get_page(request.GET.get("page"))
    rows = [(row, selectors.state_of(row), selectors.counts_of(row)) for row in shown]
    context = {"page": shown, "rows": rows, "may_write": principal.can(SPEECH_WRITE)}
    return render(request, "projects/projects.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    """Hand in a script, as a file or as a text."""
    principal = principal_for(request)
    principal.require(SPEECH_WRITE)
    refusal = None
    if request.method == "POST":
        given: dict[str, Any] = request.POST.dict()
        if request.FILES.get("file"):
            given |= {"file": request.FILES["file"], "script": None}
        elif not given.get("script", "").strip():
            given["script"] = None
        try:
            asked = _parsed(
                ProjectRequest, {name: value for name, value in given.items() if value is not None}
            )
            made = services.create_project(principal=principal, **script_of(asked))
            return redirect("projects:project", project_id=made.pk)
        except AssentError as error:
            refusal = error
    return show(
        request, "projects/new.html", _offered(principal, request.POST or request.GET), refusal=refusal
    )


def _offered(principal: Principal, given: Mapping[str, str]) -> dict[str, Any]:
    """What the form chooses from, and what was filled in."""
    speaking = list(consent_selectors.speaking_voices(principal))
    return {
        "given": given,
        "voices": speaking,
        "styles": _style_names(speaking),
        "purposes": PURPOSES.items(),
        "languages": LANGUAGES.items(),
        "formats": [(name, format_label(name)) for name in LINE_FORMATS],
        "script_formats": [(name, FORMAT_LABELS[name]) for name in FORMATS],
        "limit_mib": MAX_SCRIPT_BYTES // 2**20,
        "limit_lines": MAX_LINES,
    }


def _style_names(voices: list[Any]) -> list[str]:
    styles = voice_selectors.approved_styles(voices)
    return sorted({style.name for rows in styles.values() for style in rows})


@require_safe
@never_cache
@page
def project(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """One project: how far it is, a page of its lines, what can be downloaded. With X-Fragment only what moves."""
    principal = principal_for(request)
    row = selectors.project_for(principal, project_id)
    lines = Paginator(selectors.lines_of(row), PAGE_SIZE)
    lines.count = selectors.counts_of(row)["lines"]
    context = {
        "project": row,
        "state": selectors.state_of(row),
        "counts": selectors.counts_of(row),
        "page": lines.get_page(request.GET.get("page")),
        "warnings": warning_rows(row.warnings),
        "may_write": principal.can(SPEECH_WRITE),
        **_tracks(row),
    }
    fragment = bool(request.headers.get("X-Fragment"))
    return render(request, "projects/progress.html" if fragment else "projects/project.html", context)


def _tracks(row: Project) -> dict[str, Any]:
    """The newest track of each format, and whether one is being made."""
    newest: dict[str, Track] = {}
    for track in Track.objects.filter(project=row).order_by("id"):
        newest[track.format] = track
    found = [newest[name] for name in TRACK_FORMATS if name in newest]
    return {
        "tracks": [
            (track, track.state == TrackState.READY and not selectors.is_current(track)) for track in found
        ],
        "track_formats": TRACK_FORMATS,
        "is_laying": any(track.state in (TrackState.QUEUED, TrackState.RUNNING) for track in found),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def line(request: HttpRequest, project_id: UUID, number: int) -> HttpResponse:
    """One line: heard, changed, spoken anew."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        try:
            services.edit_line(
                principal=principal, project_id=project_id, number=number, changes=_changes(request.POST)
            )
            messages.success(request, _("The line is spoken anew."))
            return redirect("projects:project", project_id=project_id)
        except AssentError as error:
            refusal = error
    row = selectors.line_for(principal, project_id, number)
    speaking = list(consent_selectors.speaking_voices(principal))
    context = {
        "line": row,
        "project": row.project,
        "output": selectors.output_of(row),
        "chosen": request.POST if refusal else _chosen(row),
        "voices": speaking,
        "styles": _style_names(speaking),
        "may_write": principal.can(SPEECH_WRITE),
    }
    return show(request, "projects/line.html", context, refusal=refusal)


_NUMBERS = ("speed", "begin_ms", "end_ms")


def _chosen(row: Line) -> dict[str, Any]:
    """What the form of a line shows: numbers as they are typed, whatever the language."""
    numbers = {name: getattr(row, name) for name in _NUMBERS}
    return {
        "text": row.text,
        "voice": str(row.voice_id or ""),
        "style": row.style,
        **{name: "" if value is None else str(value) for name, value in numbers.items()},
    }


def _changes(form: Mapping[str, str]) -> dict[str, Any]:
    given = {name: form[name] for name in ("text", "voice", "style") if name in form}
    numbers = {name: form[name].strip() or None for name in _NUMBERS if name in form}
    return _parsed(LineChange, {**given, **numbers})


@require_POST
@page
def change(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """A button of the project: cancel, retry, redo a line, make a track."""
    principal, form = principal_for(request), request.POST
    match form.get("do"):
        case "cancel":
            services.cancel_project(principal=principal, project_id=project_id)
        case "retry":
            services.retry_project(principal=principal, project_id=project_id)
        case "redo" if form.get("number", "").isdecimal() and len(form["number"]) < 7:
            services.redo_line(principal=principal, project_id=project_id, number=int(form["number"]))
        case "track":
            services.ask_track(principal=principal, project_id=project_id, format=form.get("format", ""))
        case _:
            raise AssentError("action_unknown", "The form asked for something unknown.")
    return redirect("projects:project", project_id=project_id)


@require_safe
@never_cache
@page
def archive(request: HttpRequest, project_id: UUID) -> HttpResponseBase:
    """The released files in one ZIP."""
    return archive_answer(services.export_lines(principal=principal_for(request), project_id=project_id))


@require_safe
@never_cache
@page
def track(request: HttpRequest, project_id: UUID, format: str) -> HttpResponseBase:
    """A track, to keep."""
    return track_sound(
        *services.open_track(principal=principal_for(request), project_id=project_id, format=format)
    )


def _parsed(form: type[serializers.Serializer[Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """A page's form by the rules of the API's; what does not fit is a refusal like any other."""
    try:
        return parsed(form, given)
    except serializers.ValidationError as error:
        name = next(iter(error.detail)) if isinstance(error.detail, dict) else ""
        raise AssentError(
            "invalid_request", f"This field cannot be read: {name}.", extra={"param": str(name)}
        ) from None
