"""Pages of recordings: the challenge that is read aloud, its check, styles, and the reviewers' queue."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import attestations, permissions, selectors, services
from accounts.languages import LANGUAGES, needs_listener
from accounts.models import Challenge, CheckState, Style, Submission, Voice
from accounts.models.voices import MAX_ATTEMPTS_PER_CHALLENGE
from accounts.principals import Principal, principal_for
from accounts.scope import (
    ANY_EMOTION,
    DEFAULT_PURPOSES,
    DEFAULT_VALID_DAYS,
    MAX_VALID_DAYS,
    PURPOSES,
    Scope,
)
from accounts.terms import terms_of
from accounts.views.voices import may_listen
from accounts.words import EMOTIONS, emotion_label, gate_rows
from synth.common.ids import parse_id
from synth.errors import AssentError
from synth.portal.refusals import page, show

WAITING = (CheckState.QUEUED, CheckState.CHECKING)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def consent_new(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Choose what the voice may be used for, and get the statement that permits exactly that."""
    principal = principal_for(request)
    principal.require(permissions.CONSENT_WRITE)
    voice = selectors.get_voice(principal, voice_id)
    chosen: dict[str, Any] = {
        "purposes": DEFAULT_PURPOSES,
        "languages": [voice.language],
        "emotions": ANY_EMOTION,
        "excluded_terms": "",
        "valid_days": DEFAULT_VALID_DAYS,
        "custom_weights": False,
    }
    refusal = None
    if request.method == "POST":
        form = request.POST
        chosen = {
            "purposes": form.getlist("purposes"),
            "languages": form.getlist("languages"),
            "emotions": form.get("emotions", ""),
            "excluded_terms": form.get("excluded_terms", ""),
            "valid_days": form.get("valid_days", ""),
            "custom_weights": "custom_weights" in form,
        }
        try:
            challenge_ = services.issue_challenge(
                principal=principal,
                voice_id=voice.pk,
                purposes=chosen["purposes"],
                languages=chosen["languages"],
                emotions=[word for word in re.split(r"[,，、\s]+", chosen["emotions"].lower()) if word],
                excluded_terms=[line for line in chosen["excluded_terms"].splitlines() if line.strip()],
                valid_days=int(chosen["valid_days"]) if chosen["valid_days"].isdecimal() else 0,
                custom_weights=chosen["custom_weights"],
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:challenge", challenge_id=challenge_.pk)
    context = {
        "voice": voice,
        "chosen": chosen,
        "purposes": PURPOSES.items(),
        "languages": LANGUAGES.items(),
        "max_days": MAX_VALID_DAYS,
        "listener": needs_listener(voice.language),
    }
    return show(request, "accounts/consent_new.html", context, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def challenge(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """See what is permitted, agree, and read the statement aloud (or upload a recording of it)."""
    principal = principal_for(request)
    found = selectors.get_challenge(principal, challenge_id)
    language = get_language() or "en"
    refusal = None
    if request.method == "POST":
        try:
            made = services.submit_recording(
                principal=principal,
                challenge_id=challenge_id,
                upload=_recording(request),
                source=request.POST.get("source", "upload"),
                scope_sha256=request.POST.get("scope_sha256", ""),
                attestations=request.POST.getlist("attestations"),
                language=language,
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:submission", submission_id=made.pk)
    context = {
        **_statement(found),
        "challenge": found,
        "voice": found.voice,
        "terms": terms_of(Scope.from_json(found.scope), organisation=found.voice.organisation.name),
        "attestations": attestations.wordings(language).items(),
        "attested": request.POST.getlist("attestations"),
        "attempts_left": MAX_ATTEMPTS_PER_CHALLENGE - found.attempts,
        "is_open": _is_open(found),
        "listener": bool(found.needs_reviewer),
    }
    return show(request, "accounts/consent_record.html", context, refusal=refusal)


def _recording(request: HttpRequest) -> Any:
    file = request.FILES.get("file")
    if file is None:
        raise AssentError("file_missing", "Record something, or choose a file, first.")
    return file


def _is_open(found: Challenge) -> bool:
    return (
        found.used_at is None
        and found.expires_at > timezone.now()
        and found.attempts < MAX_ATTEMPTS_PER_CHALLENGE
    )


def _statement(found: Challenge) -> dict[str, Any]:
    """What is to be said: the statement, and apart from it the six words, which the page shows large and numbered."""
    words = services.challenge_words(found)
    return {"statement": before_words(found.statement, words), "words": words}


def before_words(statement: str, words: tuple[str, ...]) -> str:
    """The statement up to its six words."""
    at = statement.rfind(words[0]) if words else -1
    return statement[:at].rstrip() if at > 0 else statement


@require_safe
@page
def submission(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """How far the check of a consent recording has come, then what was measured."""
    row = selectors.get_submission(principal_for(request), submission_id)
    retry_url = (
        reverse("accounts:challenge", args=[row.challenge_id])
        if _is_open(row.challenge)
        else reverse("accounts:consent_new", args=[row.challenge.voice_id])
    )
    return _checked(request, row, row.challenge.voice, {"retry_url": retry_url})


@require_safe
@page
def style(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """One style: its clip, its check."""
    principal = principal_for(request)
    row: Any = selectors.get_style(principal, style_id)
    row.emotion_label = emotion_label(row.emotion)
    context = {
        "style": row,
        "retry_url": f"{reverse('accounts:style_new', args=[row.voice_id])}?again={row.pk}",
        "may_listen": may_listen(principal, row.voice),
        "may_remove": selectors.controls(principal, row.voice) or principal.can(permissions.VOICES_WRITE),
    }
    return _checked(request, row, row.voice, context)


def _checked(
    request: HttpRequest, row: Submission | Style, voice: Voice, context: dict[str, Any]
) -> HttpResponse:
    """The page of a recording's check, or with the header X-Fragment only the part of it that changes."""
    kind = "style" if isinstance(row, Style) else "submission"
    template = "accounts/checked.html" if request.headers.get("X-Fragment") else f"accounts/{kind}.html"
    context |= {
        "row": row,
        "voice": voice,
        "is_style": kind == "style",
        "waiting": row.state in WAITING,
        "gates": gate_rows(row.gates),
        "live_url": reverse(f"accounts:{kind}", args=[row.pk]),
    }
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page
def style_new(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Record or upload a clip in a mood."""
    principal = principal_for(request)
    principal.require(permissions.VOICES_WRITE)
    voice = selectors.get_voice(principal, voice_id)
    taken = set(
        selectors.styles(principal, voice_id)
        .exclude(state=CheckState.REJECTED)
        .values_list("emotion", flat=True)
    )
    free = next((emotion for emotion in EMOTIONS if emotion not in taken), "neutral")
    chosen = {"name": "", "emotion": free, "language": voice.language, "transcript": ""}
    again = parse_id(request.GET.get("again", ""))
    refused = selectors.styles(principal, voice_id).filter(pk=again).first() if again else None
    if refused is not None:
        chosen = {key: getattr(refused, key) for key in chosen}
    refusal = None
    if request.method == "POST":
        chosen = {key: request.POST.get(key, "") for key in chosen}
        try:
            made = services.add_style(
                principal=principal,
                voice_id=voice_id,
                upload=_recording(request),
                source=request.POST.get("source", "upload"),
                **chosen,
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:style", style_id=made.pk)
    context = {
        "voice": voice,
        "chosen": chosen,
        "emotions": EMOTIONS.items(),
        "languages": LANGUAGES.items(),
    }
    return show(request, "accounts/style_new.html", context, refusal=refusal)


@require_POST
@page
def style_remove(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """Remove a style; its clip is erased."""
    removed = services.remove_style(principal=principal_for(request), style_id=style_id)
    messages.success(request, _("The style was removed and its clip erased."))
    return redirect("accounts:voice", voice_id=removed.voice_id)


@require_safe
@page
def review(request: HttpRequest) -> HttpResponse:
    """Recordings that wait for a reviewer, oldest first."""
    principal = principal_for(request)
    waiting: list[Submission | Style] = [
        *selectors.review_queue(principal),
        *selectors.style_review_queue(principal),
    ]
    items = [
        {
            "row": row,
            "voice": _voice_of(row),
            "is_style": isinstance(row, Style),
            "url": reverse(
                f"accounts:review_{'style' if isinstance(row, Style) else 'submission'}", args=[row.pk]
            ),
        }
        for row in sorted(waiting, key=lambda row: row.created_at)
    ]
    return render(request, "accounts/review.html", {"items": items})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def review_submission(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """Listen to a consent recording and decide."""
    row = selectors.get_submission(_reviewer(request), submission_id)
    granted = terms_of(
        Scope.from_json(row.challenge.scope), organisation=row.challenge.voice.organisation.name
    )
    return _decided(request, row, services.review, {**_statement(row.challenge), "terms": granted})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def review_style(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """Listen to a style clip and decide."""
    row = selectors.get_style(_reviewer(request), style_id)
    return _decided(request, row, services.review_style, {"statement": row.transcript, "is_style": True})


def _reviewer(request: HttpRequest) -> Principal:
    principal = principal_for(request)
    principal.require(permissions.REVIEW_DECIDE)
    return principal


def _voice_of(row: Submission | Style) -> Voice:
    return row.voice if isinstance(row, Style) else row.challenge.voice


def _decided(
    request: HttpRequest, row: Submission | Style, decide: Callable[..., Any], context: dict[str, Any]
) -> HttpResponse:
    """Show one recording to its reviewer; a posted decision goes to the service `decide`."""
    refusal = None
    if request.method == "POST":
        approve = request.POST.get("decision") == "approve"
        which = {"style_id" if isinstance(row, Style) else "submission_id": row.pk}
        try:
            decide(
                principal=principal_for(request),
                approve=approve,
                note=request.POST.get("note", ""),
                **which,
            )
        except AssentError as error:
            refusal = error
        else:
            messages.success(request, _("Approved.") if approve else _("Rejected."))
            return redirect("accounts:review")
    context |= {
        "row": row,
        "voice": _voice_of(row),
        "gates": gate_rows(row.gates),
        "note": request.POST.get("note", ""),
    }
    return show(request, "accounts/review_item.html", context, refusal=refusal)
