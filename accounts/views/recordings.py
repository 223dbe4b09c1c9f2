"""Pages of recordings: the challenge that is read aloud, its check, styles, and the reviewers' queue."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import permissions, selectors, services
from accounts.languages import LANGUAGES, needs_listener
from accounts.models import Challenge, CheckState, Style, Submission
from accounts.models.voices import MAX_ATTEMPTS_PER_CHALLENGE
from accounts.principals import principal_for
from accounts.scope import ANY_EMOTION, DEFAULT_PURPOSES, DEFAULT_VALID_DAYS, MAX_VALID_DAYS, PURPOSES
from accounts.views.voices import may_listen
from accounts.words import EMOTIONS, emotion_label, gate_rows
from synth.errors import AssentError
from synth.portal.refusals import page

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
        "refusal": refusal,
    }
    return render(
        request, "accounts/consent_new.html", context, status=refusal.http_status if refusal else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def challenge(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """Read the statement aloud into the microphone, or upload a recording of it."""
    principal = principal_for(request)
    found = selectors.get_challenge(principal, challenge_id)
    refusal = None
    if request.method == "POST":
        try:
            made = services.submit_recording(
                principal=principal,
                challenge_id=challenge_id,
                upload=_recording(request),
                source=request.POST.get("source", "upload"),
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:submission", submission_id=made.pk)
    words = services.challenge_spec(found).word_list
    context = {
        "challenge": found,
        "voice": found.voice,
        "statement": before_words(found.statement, words),
        "words": words,
        "attempts_left": MAX_ATTEMPTS_PER_CHALLENGE - found.attempts,
        "is_open": _is_open(found),
        "listener": bool(found.needs_reviewer),
        "refusal": refusal,
    }
    return render(
        request, "accounts/consent_record.html", context, status=refusal.http_status if refusal else 200
    )


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


def before_words(statement: str, words: tuple[str, ...]) -> str:
    """The statement up to its six words, which the page shows large and numbered instead."""
    at = statement.rfind(words[0]) if words else -1
    return statement[:at].rstrip() if at > 0 else statement


@require_safe
@page
def submission(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """How far the check of a consent recording has come, then what was measured."""
    principal = principal_for(request)
    row = selectors.get_submission(principal, submission_id)
    context = {
        "row": row,
        "voice": row.challenge.voice,
        "waiting": row.state in WAITING,
        "gates": gate_rows(row.gates),
        "live_url": reverse("accounts:submission", args=[row.pk]),
        "retry_url": reverse("accounts:challenge", args=[row.challenge_id])
        if _is_open(row.challenge)
        else reverse("accounts:consent_new", args=[row.challenge.voice_id]),
    }
    return _checked(request, "accounts/submission.html", context)


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
        "refusal": refusal,
    }
    return render(request, "accounts/style_new.html", context, status=refusal.http_status if refusal else 200)


@require_safe
@page
def style(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """One style: its clip, its check."""
    principal = principal_for(request)
    row: Any = selectors.get_style(principal, style_id)
    row.emotion_label = emotion_label(row.emotion)
    context = {
        "row": row,
        "style": row,
        "voice": row.voice,
        "is_style": True,
        "waiting": row.state in WAITING,
        "gates": gate_rows(row.gates),
        "live_url": reverse("accounts:style", args=[row.pk]),
        "retry_url": reverse("accounts:style_new", args=[row.voice_id]),
        "may_listen": may_listen(principal, row.voice),
        "may_remove": selectors.controls(principal, row.voice) or principal.can(permissions.VOICES_WRITE),
    }
    return _checked(request, "accounts/style.html", context)


def _checked(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page, or with the header X-Fragment only the part of it that changes."""
    if request.headers.get("X-Fragment"):
        template = "accounts/checked.html"
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


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
    items: list[dict[str, Any]] = [
        {
            "row": row,
            "voice": row.challenge.voice,
            "url": reverse("accounts:review_submission", args=[row.pk]),
        }
        for row in selectors.review_queue(principal)
    ]
    items += [
        {
            "row": row,
            "voice": row.voice,
            "is_style": True,
            "url": reverse("accounts:review_style", args=[row.pk]),
        }
        for row in selectors.style_review_queue(principal)
    ]
    items.sort(key=lambda item: item["row"].created_at)
    return render(request, "accounts/review.html", {"items": items})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def review_submission(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """Listen to a consent recording and decide."""
    principal = principal_for(request)
    principal.require(permissions.REVIEW_DECIDE)
    row = selectors.get_submission(principal, submission_id)
    words = services.challenge_spec(row.challenge).word_list
    context = {
        "voice": row.challenge.voice,
        "statement": before_words(row.challenge.statement, words),
        "words": words,
    }
    return _decided(request, row, context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def review_style(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """Listen to a style clip and decide."""
    principal = principal_for(request)
    principal.require(permissions.REVIEW_DECIDE)
    row = selectors.get_style(principal, style_id)
    return _decided(request, row, {"voice": row.voice, "statement": row.transcript, "is_style": True})


def _decided(request: HttpRequest, row: Submission | Style, context: dict[str, Any]) -> HttpResponse:
    """Show one recording to its reviewer; a posted decision goes to the service."""
    refusal = None
    if request.method == "POST":
        approve = request.POST.get("decision") == "approve"
        note = request.POST.get("note", "")
        principal = principal_for(request)
        try:
            if isinstance(row, Submission):
                services.review(principal=principal, submission_id=row.pk, approve=approve, note=note)
            else:
                services.review_style(principal=principal, style_id=row.pk, approve=approve, note=note)
        except AssentError as error:
            refusal = error
        else:
            messages.success(request, _("Approved.") if approve else _("Rejected."))
            return redirect("accounts:review")
    context |= {
        "row": row,
        "gates": gate_rows(row.gates),
        "refusal": refusal,
        "note": request.POST.get("note", ""),
    }
    return render(
        request, "accounts/review_item.html", context, status=refusal.http_status if refusal else 200
    )
