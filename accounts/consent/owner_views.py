"""Pages for the owner of a voice who has no account: the link that asks them, and the page of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.consent import selectors, services
from accounts.consent.models import Challenge, Consent, OwnerLink, Submission
from accounts.consent.review_views import likeness_context
from accounts.consent.scope import PURPOSES, Scope
from accounts.consent.terms import terms_of_consent
from accounts.consent.views import (
    challenge_context,
    is_open,
    posted_scope,
    receipt_answer,
    scope_choices,
    scope_form,
    scope_of,
)
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.labels import gate_rows
from accounts.voices.languages import LANGUAGES
from accounts.voices.models import Voice
from accounts.voices.views import ledger_lines, posted_recording
from synth.common import ratelimit
from synth.common.requests import client_address
from synth.errors import AssentError
from synth.portal.refusals import page, show

OPENED = "120/minute"
USES_SHOWN = 10


def private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """A page whose address is its key: counted, never cached, indexed, or told to another site."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        ratelimit.check(action="owner-link", subject=client_address(request), rate=OPENED)
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "same-origin"
        response["X-Robots-Tag"] = "noindex"
        return response

    return page(answered)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def asked(request: HttpRequest, token: str) -> HttpResponse:
    """Who asks for what, and the owner's own choice; agreed to, it leads to their private page."""
    link = services.open_link(token, OwnerLink.Kind.ASKS)
    voice, scope = link.voice, services.asked_scope(link)
    chosen, refusal = scope_form(voice, scope), None
    if request.method == "POST":
        chosen = posted_scope(request)
        try:
            _made, kept = services.use_link(
                token, contact=request.POST.get("contact", ""), **scope_of(chosen)
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:my_voice_statement", token=kept)
    context = {
        **scope_choices(voice),
        "voice": voice,
        "chosen": chosen,
        "asked": scope,
        "contact": request.POST.get("contact", ""),
    }
    return show(request, "accounts/owner_asked.html", context, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def statement(request: HttpRequest, token: str) -> HttpResponse:
    """Read the statement aloud."""
    voice, principal = owned(token)
    challenge = _latest(voice)
    if challenge is None or not is_open(challenge):
        return redirect("accounts:my_voice_renew", token=token)
    language, refusal = get_language() or "en", None
    if request.method == "POST":
        try:
            services.submit_recording(
                principal=principal,
                challenge_id=challenge.pk,
                upload=posted_recording(request),
                source=request.POST.get("source", "upload"),
                scope_sha256=request.POST.get("scope_sha256", ""),
                attestations=request.POST.getlist("attestations"),
                language=language,
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:my_voice", token=token)
    context = {**challenge_context(challenge, language, request), "token": token}
    return show(request, "accounts/owner_statement.html", context, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def renew(request: HttpRequest, token: str) -> HttpResponse:
    """Choose anew what the voice may be used for, and get a statement for it."""
    voice, principal = owned(token)
    consent = selectors.live_consent(voice)
    challenge = _latest(voice)
    before = consent.scope_in_force if consent else challenge.scope if challenge else None
    chosen = scope_form(voice, Scope.from_json(before) if before else None)
    refusal = None
    if request.method == "POST":
        chosen = posted_scope(request)
        try:
            services.issue_challenge(principal=principal, voice_id=voice.pk, **scope_of(chosen))
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:my_voice_statement", token=token)
    context = {**scope_choices(voice), "voice": voice, "chosen": chosen, "token": token}
    return show(request, "accounts/owner_renew.html", context, refusal=refusal)


@require_safe
@private
def my_voice(request: HttpRequest, token: str) -> HttpResponse:
    """What was permitted, every use, and how to stop it."""
    voice, principal = owned(token)
    return show(request, "accounts/my_voice.html", _my_voice(request, token, voice, principal))


@require_safe
@private
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The signed receipt, as a file."""
    voice, principal = owned(token)
    return receipt_answer(selectors.get_consent(principal, voice.pk))


@require_POST
@private
def act(request: HttpRequest, token: str) -> HttpResponse:
    """Pause, resume, permit less, revoke, erase."""
    voice, principal = owned(token)
    try:
        said = _done(request, voice, principal)
    except AssentError as error:
        return show(
            request, "accounts/my_voice.html", _my_voice(request, token, voice, principal), refusal=error
        )
    messages.success(request, said)
    if request.POST.get("do") == "erase":
        return redirect("portal:home")
    return redirect("accounts:my_voice", token=token)


@require_POST
@private
def likeness(request: HttpRequest, token: str, concern_id: UUID) -> HttpResponse:
    """Say what one thinks of a recording that sounds like one's own voice."""
    _voice, principal = owned(token)
    services.answer_likeness(
        principal=principal,
        concern_id=concern_id,
        objects=request.POST.get("answer") == "object",
        text=request.POST.get("text", ""),
    )
    messages.success(request, _("The reviewers will read it before they decide."))
    return redirect("accounts:my_voice", token=token)


def _done(request: HttpRequest, voice: Voice, principal: Principal) -> str:
    form = request.POST
    which: dict[str, Any] = {"principal": principal, "voice_id": voice.pk}
    keep_print = "decline_print" not in form
    match form.get("do"):
        case "suspend":
            services.suspend(**which)
            return _("The voice is suspended. Nothing is spoken or released in it.")
        case "resume":
            services.resume(**which)
            return _("The voice may be used again.")
        case "narrow":
            services.narrow(
                **which,
                purposes=form.getlist("purposes"),
                languages=form.getlist("languages"),
                excluded_terms=[line for line in form.get("excluded_terms", "").splitlines() if line.strip()],
                custom_weights="custom_weights" in form,
            )
            return _("From this moment only this is permitted.")
        case "revoke":
            services.revoke(**which, reason=form.get("reason", ""), keep_print=keep_print)
            return _("Revoked. From this moment nothing in this voice is started, released or served.")
        case "erase":
            services.erase_voice(**which, keep_print=keep_print)
            return _("The recordings and the voiceprint were erased.")
    raise AssentError("invalid_request", "There is no such action.")


def owned(token: str) -> tuple[Voice, Principal]:
    """The voice of a link that its owner keeps, and the owner as a caller. NotFound, as `services.open_link`."""
    link = services.open_link(token, OwnerLink.Kind.KEPT)
    return link.voice, services.owner_principal(link.voice)


def _latest(voice: Voice) -> Challenge | None:
    return (
        Challenge.objects.select_related("voice", "voice__organisation")
        .filter(voice=voice)
        .order_by("-created_at")
        .first()
    )


def _my_voice(request: HttpRequest, token: str, voice: Voice, principal: Principal) -> dict[str, Any]:
    consent = Consent.objects.filter(voice=voice).order_by("-version").first()
    live = selectors.live_consent(voice)
    row = Submission.objects.filter(challenge__voice=voice).order_by("-created_at").first()
    permitted = Scope.from_json(live.scope_in_force) if live else None
    challenge = _latest(voice)
    return {
        "token": token,
        "voice": voice,
        "consent": live or consent,
        "consent_is_live": live is not None and voice.status == "active",
        "terms": terms_of_consent(live or consent),
        "row": row,
        "waiting": row is not None and row.state in ("queued", "checking"),
        "statement_is_open": challenge is not None and is_open(challenge),
        "gates": gate_rows(row.gates) if row is not None and row.state == "rejected" else [],
        "purposes": [(key, PURPOSES[key]) for key in permitted.purposes] if permitted else [],
        "languages": [(key, LANGUAGES[key]) for key in permitted.languages] if permitted else [],
        "permitted": permitted,
        "likenesses": [
            likeness_context(concern, request) for concern in selectors.likenesses(principal)[:20]
        ],
        "lines": ledger_lines(voice_selectors.ledger(principal, voice.pk)[:USES_SHOWN], {}),
    }
