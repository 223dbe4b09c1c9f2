"""Pages of speech: the studio, the history, one job. Rules are in `services` and `selectors`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.consent import selectors as consent_selectors
from accounts.consent.scope import DEFAULT_PURPOSE
from accounts.consent.services.authorisation import NEUTRAL
from accounts.people.permissions import SPEECH_WRITE
from accounts.people.principals import Principal, principal_for
from accounts.voices import selectors as voice_selectors
from accounts.voices.labels import emotion_label
from accounts.voices.states import VoiceStatus
from audit.services import proof_for
from synth.errors import AssentError, NotFound
from synth.jobs import selectors, services
from synth.jobs import studio as studio_form
from synth.jobs.engine_status import engine_banner
from synth.jobs.formats import FORMATS
from synth.jobs.models import SynthesisJob
from synth.jobs.script import PLAIN
from synth.jobs.streaming import stream_to
from synth.jobs.wording import (
    FORMAT_NOTES,
    NOT_CHECKED,
    STAGES,
    TAKE_DOWN_REASONS,
    fault_rows,
    follow_rows,
    format_label,
    said_pieces,
)
from synth.portal.files import answer_with
from synth.portal.refusals import page, refuse, show

PAGE_SIZE = 20
MAX_SEARCH = 200


@require_http_methods(["GET", "HEAD", "POST"])
@page
def studio(request: HttpRequest) -> HttpResponse:
    """Text, voice, style: speak. The answer is the job's own page, of which scripts show the part they need."""
    principal = principal_for(request)
    if request.method != "POST":
        return render(request, "jobs/studio.html", _studio(principal, request))
    try:
        made = services.submit_job(principal=principal, **studio_form.asked(request.POST))
    except AssentError as error:
        if request.headers.get("X-Fragment"):
            return show(request, "jobs/refused.html", {}, refusal=error)
        return show(request, "jobs/studio.html", _studio(principal, request), refusal=error)
    return redirect("jobs:job", job_id=made.pk)


def _studio(principal: Principal, request: HttpRequest) -> dict[str, Any]:
    """Voices that can speak now with their styles, and what was chosen or asked for in the address."""
    principal.require(SPEECH_WRITE)
    asked = request.POST or request.GET
    speaking: list[Any] = list(consent_selectors.speaking_voices(principal))
    styles = voice_selectors.approved_styles(speaking)
    scopes = consent_selectors.scopes_in_force(speaking)
    # A consent that ended between the two questions leaves its voice out.
    speaking = [voice for voice in speaking if voice.pk in scopes]
    for voice in speaking:
        voice.shown_styles = [(style.name, emotion_label(style.emotion)) for style in styles[voice.pk]]
        names = [name for name, _label in voice.shown_styles]
        wanted = asked.get(f"style-{voice.pk}", asked.get("style", ""))
        # Without a style the speech takes after the voice's neutral style, or else its consent recording.
        voice.has_neutral = NEUTRAL in names
        voice.chosen_style = wanted if wanted in names else NEUTRAL if voice.has_neutral else ""
        studio_form.permit(voice, scopes[voice.pk], asked)
    return {
        "voices": speaking,
        "chosen": {
            "voice": asked.get("voice", ""),
            "text": asked.get("text", ""),
            "format": asked.get("format", "wav"),
            "speed": asked.get("speed", "1"),
            "seed": asked.get("seed", ""),
            "input_type": asked.get("input_type", PLAIN),
            "preset": asked.get("preset", ""),
            "stream": not request.POST or asked.get("stream") == "on",
        },
        **studio_form.offered(asked),
        # What was chosen stands open; what the consent leaves no choice about, too.
        "is_special": asked.get("input_type", PLAIN) != PLAIN
        or any(
            voice.chosen_language
            or voice.chosen_purpose != DEFAULT_PURPOSE
            or DEFAULT_PURPOSE not in dict(voice.purposes)
            for voice in speaking
        ),
        "formats": [(name, format_label(name)) for name in FORMATS if name in FORMAT_NOTES],
        "text_limit": services.TEXT_LIMIT,
        "banner": engine_banner(),
    }


@require_safe
@page
def history(request: HttpRequest) -> HttpResponse:
    """Jobs of the organisation, newest first; with ?q= those whose words hold it."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_SEARCH]
    rows = selectors.jobs_said(principal_for(request), words)
    shown = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    lines = [
        {
            "job": row,
            "state": services.shown_state(row),
            "error": services.job_error(row) if row.error else None,
            "is_heard": (output := getattr(row, "output", None)) is not None
            and row.format != "pcm"
            and services.refusal_to_serve(output) is None,
        }
        for row in shown
    ]
    return render(request, "jobs/history.html", {"page": shown, "lines": lines, "words": words})


@require_safe
@page
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job: progress, or the file with its follow report and proof. With X-Fragment only that part."""
    principal = principal_for(request)
    fragment = bool(request.headers.get("X-Fragment"))
    try:
        row = selectors.job_for(principal, job_id)
    except AssentError as error:
        if fragment:
            return show(request, "jobs/refused.html", {}, refusal=error)
        return refuse(request, error)
    context = {
        "job": row,
        **_shown(row),
        "may_write": principal.can(SPEECH_WRITE),
        "may_speak": principal.can(SPEECH_WRITE) and row.voice.status == VoiceStatus.ACTIVE,
        "controls": voice_selectors.controls(principal, row.voice),
        "take_down_reasons": TAKE_DOWN_REASONS.items(),
    }
    response = render(request, "jobs/result.html" if fragment else "jobs/job.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _shown(row: SynthesisJob) -> dict[str, Any]:
    output = getattr(row, "output", None)
    report: dict[str, Any] = row.follow_report or {}
    check: dict[str, Any] = row.spoken_check or {}
    faults = fault_rows(check)
    return {
        "said": said_pieces(row.text, selectors.word_times(output) if output else None),
        "faults": faults,
        "fault_intervals": [
            {"start_s": one["start_s"], "end_s": one["end_s"], "kind": "bad", "label": str(one["label"])}
            for one in faults
        ],
        "not_checked": NOT_CHECKED.get(check.get("reason", ""), ""),
        "output": output,
        "shown_state": services.shown_state(row),
        "error": services.job_error(row) if row.error else None,
        "stage": STAGES.get(row.stage, row.stage),
        "follow": follow_rows(row.follow_report),
        "similarity": report.get("similarity"),
        # Where several styles were spoken, the report is about one of them.
        "follow_style": "" if report.get("of_whole", True) else report.get("style", ""),
        "emotion": emotion_label(row.style.emotion) if row.style else "",
        "format_label": format_label(row.format),
        "is_served": output is not None and services.refusal_to_serve(output) is None,
        "is_playable": row.format != "pcm",
    }


@require_POST
@page
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Ask a job to stop."""
    services.cancel_job(principal=principal_for(request), job_id=job_id)
    return redirect("jobs:job", job_id=job_id)


@require_POST
@page
def take_down(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop serving a released file, for good."""
    services.take_down_output(
        principal=principal_for(request), job_id=job_id, reason=request.POST.get("reason", "")
    )
    messages.success(
        request, _("The file was taken down. Verification goes on naming its record and says so.")
    )
    return redirect("jobs:job", job_id=job_id)


@require_safe
@never_cache
@page
def audio(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The released file: to hear, or with ?download to keep. Each opening is an entry in the log."""
    output, file = services.open_output(principal=principal_for(request), job_id=job_id)
    style = f"-{output.job.style.name}" if output.job.style else ""
    name = f"{slugify(output.job.voice.name) or 'voice'}{style}-{str(output.pk)[:8]}"
    return answer_with(
        request,
        file,
        media_type=output.media_type,
        filename=f"{name}.{FORMATS[output.format].extension}",
        download="download" in request.GET,
    )


@require_safe
@never_cache
@page
def stream(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """The sound of a job while it is made, for the player on the page."""
    return stream_to(request, job_id, paced=True, owned=False)


@require_safe
@page
def proof(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The proof that the release stands in the log, as text for tools."""
    output = selectors.output_for(principal_for(request), job_id)
    found = proof_for(output.entry)
    if found is None:
        raise NotFound("proof_not_ready", "The entry is being added to the tree. Try again in a few seconds.")
    response = HttpResponse(found.as_text(), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{output.pk}.proof.txt"'
    return response
