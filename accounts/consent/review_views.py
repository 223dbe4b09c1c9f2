"""Pages of those who decide doubts, and of those whom a doubt concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.consent import selectors, services
from accounts.consent.models import DecidedIn, Submission
from accounts.consent.scope import Scope
from accounts.consent.services.rights import OBJECTION_PERIOD
from accounts.consent.terms import terms_of
from accounts.consent.views import statement_of
from accounts.people import permissions
from accounts.people.principals import Principal, principal_for
from accounts.voices import recordings
from accounts.voices import selectors as voice_selectors
from accounts.voices.labels import gate_rows
from accounts.voices.models import Style, Voice
from synth.errors import AssentError
from synth.portal.files import answer_with
from synth.portal.refusals import page, show


@require_safe
@page
def review(request: HttpRequest) -> HttpResponse:
    """Recordings that wait for this person's decision, oldest first."""
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
            "elsewhere": _decided_elsewhere(row),
            "url": reverse(
                f"accounts:review_{'style' if isinstance(row, Style) else 'submission'}", args=[row.pk]
            ),
        }
        for row in sorted(waiting, key=lambda row: row.created_at)
    ]
    return render(request, "accounts/review.html", {"items": items})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def submission(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """Listen to a consent recording, beside the voices that it may be confused with, and decide."""
    principal = principal_for(request)
    row = selectors.get_reviewable(principal, submission_id)
    if request.POST.get("decision") == "refer":
        return _referred(request, principal, row)
    challenge = row.challenge
    granted = terms_of(Scope.from_json(challenge.scope), organisation=challenge.voice.organisation.name)
    context: dict[str, Any] = {**statement_of(challenge), "terms": granted}
    if _decided_elsewhere(row):
        context |= {
            "elsewhere": True,
            "concerns": row.concerns.select_related("voice", "protection").order_by("created_at", "id"),
            "compared": selectors.compared_clips(row),
            "decisions": row.decisions.order_by("created_at"),
            "needed": services.approvals_needed(row),
            "objection_days": OBJECTION_PERIOD.days,
        }
    return _decided(request, row, services.review, context)


@require_safe
@never_cache
@page
def clip(request: HttpRequest, submission_id: UUID, clip_id: UUID) -> HttpResponse:
    """One of the recordings that a reviewer compares."""
    found = selectors.get_review_clip(principal_for(request), submission_id, clip_id)
    file, media_type = recordings.open_recording(found.file.name or "")
    return answer_with(request, file, media_type=media_type)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def style(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """Listen to a style clip and decide."""
    principal = principal_for(request)
    principal.require(permissions.REVIEW_DECIDE)
    row = voice_selectors.get_style(principal, style_id)
    return _decided(request, row, services.review_style, {"statement": row.transcript, "is_style": True})


@require_safe
@page
def likenesses(request: HttpRequest) -> HttpResponse:
    """Recordings of others that sounded like the person's own voices."""
    rows = selectors.likenesses(principal_for(request))[:100]
    return render(request, "accounts/likenesses.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def likeness(request: HttpRequest, concern_id: UUID) -> HttpResponse:
    """Say what one thinks of a recording that sounds like one's own voice."""
    principal = principal_for(request)
    row = selectors.get_likeness(principal, concern_id)
    refusal = None
    if request.method == "POST":
        try:
            services.answer_likeness(
                principal=principal,
                concern_id=concern_id,
                objects=request.POST.get("answer") == "object",
                text=request.POST.get("text", ""),
            )
        except AssentError as error:
            refusal = error
        else:
            messages.success(request, _("The reviewers will read it before they decide."))
            return redirect("accounts:likeness", concern_id=concern_id)
    return show(request, "accounts/likeness.html", likeness_context(row, request), refusal=refusal)


def likeness_context(row: Any, request: HttpRequest) -> dict[str, Any]:
    """What the page of one likeness shows."""
    return {
        "row": row,
        "voice": row.voice,
        "until": row.told_at + OBJECTION_PERIOD,
        "is_open": row.answered_at is None and row.submission.state == "needs_review",
        "text": request.POST.get("text", ""),
    }


def _referred(request: HttpRequest, principal: Principal, row: Submission) -> HttpResponse:
    services.refer(principal=principal, submission_id=row.pk, note=request.POST.get("note", ""))
    messages.success(request, _("Handed over. Reviewers of the installation decide."))
    return redirect("accounts:review")


def _decided_elsewhere(row: Submission | Style) -> bool:
    return isinstance(row, Submission) and row.decided_in == DecidedIn.INSTALLATION


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
            decided = decide(
                principal=principal_for(request),
                approve=approve,
                note=request.POST.get("note", ""),
                **which,
            )
        except AssentError as error:
            refusal = error
        else:
            messages.success(request, _said(approve, decided))
            return redirect("accounts:review")
    context |= {
        "row": row,
        "voice": _voice_of(row),
        "gates": gate_rows(row.gates),
        "note": request.POST.get("note", ""),
    }
    return show(request, "accounts/review_item.html", context, refusal=refusal)


def _said(approve: bool, decided: Submission | Style) -> str:
    if decided.state == "needs_review" and not isinstance(decided, Style) and not decided.decisions.exists():
        return _("Handed over. Reviewers of the installation decide.")
    if decided.state == "needs_review":
        return _("Noted. A second person has to approve as well.")
    return _("Approved.") if approve else _("Rejected.")
