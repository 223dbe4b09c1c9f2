"""Pages of rights: feedback, take-down, the operator's desk, one's own data, terms, conformity, a voice's use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.people.principals import principal_for
from synth.common.ids import parse_id
from synth.errors import AssentError
from synth.portal.refusals import page, show
from synth.rights import conformity as table
from synth.rights import selectors, services
from synth.rights.models import Feedback, TakeDown
from synth.rights.services.biometrics import is_acknowledged
from synth.rights.services.take_downs import hours
from watermark.callers import caller_of


@require_http_methods(["GET", "HEAD", "POST"])
def feedback(request: HttpRequest) -> HttpResponse:
    """Say what one thinks of a verdict; no account needed."""
    shown: dict[str, Any] = {
        "kinds": Feedback.Kind.choices,
        "verification": request.GET.get("verification", "") or request.POST.get("verification", ""),
        "given": request.POST,
    }
    refusal = None
    if request.method == "POST":
        form = request.POST
        try:
            services.give_feedback(
                caller=caller_of(request),
                kind=form.get("kind", ""),
                text=form.get("text", ""),
                email=form.get("email", ""),
                verification=parse_id(form.get("verification", "")),
                language=get_language() or "en",
            )
            messages.success(request, _("Thank you. The operator of this service reads it."))
            return redirect("watermark:verify")
        except AssentError as error:
            refusal = error
    return show(request, "rights/feedback.html", shown, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
def take_down(request: HttpRequest) -> HttpResponse:
    """Ask for a take-down; no account needed."""
    shown: dict[str, Any] = {
        "grounds": TakeDown.Ground.choices,
        "record": request.GET.get("record", "") or request.POST.get("record", ""),
        "given": request.POST,
        "hours": hours(),
    }
    refusal = None
    if request.method == "POST":
        try:
            row = services.ask_for_take_down(caller=caller_of(request), **_asked(request))
            return render(request, "rights/take_down_kept.html", {"row": row})
        except AssentError as error:
            refusal = error
    return show(request, "rights/take_down.html", shown, refusal=refusal)


def _asked(request: HttpRequest) -> dict[str, Any]:
    form = request.POST
    named = form.get("record", "").strip()
    return {
        "ground": form.get("ground", ""),
        "name": form.get("name", ""),
        "email": form.get("email", ""),
        "text": form.get("text", ""),
        # What is no record's number names none that exists, and is refused as such.
        "record_id": (parse_id(named) or UUID(int=0)) if named else None,
        "language": get_language() or "en",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def desk(request: HttpRequest) -> HttpResponse:
    """What waits for the operator: requests by the hour they are due, and feedback."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        try:
            messages.success(request, _decided(request))
            return redirect("rights:desk")
        except AssentError as error:
            refusal = error
    take_downs = selectors.take_downs(principal)
    given = selectors.feedback(principal)
    context = {
        "open": take_downs.filter(state=TakeDown.State.OPEN),
        "decided": take_downs.exclude(state=TakeDown.State.OPEN).order_by("-decided_at")[:20],
        "feedback": given.filter(answered_at__isnull=True)[:100],
        "answered": given.filter(answered_at__isnull=False)[:20],
        "now": timezone.now(),
        "hours": hours(),
    }
    return show(request, "rights/desk.html", context, refusal=refusal)


def _decided(request: HttpRequest) -> str:
    """Do what the form asks; returns the sentence that says so."""
    principal, form = principal_for(request), request.POST
    named = parse_id(form.get("row", "")) or UUID(int=0)
    match form.get("do"):
        case "grant" | "decline" as word:
            services.decide_take_down(
                principal=principal, request_id=named, granted=word == "grant", note=form.get("note", "")
            )
            return _("The request was decided.")
        case "answer":
            services.answer_feedback(principal=principal, feedback_id=named, answer=form.get("answer", ""))
            return _("The feedback was answered.")
        case _:
            raise AssentError("action_unknown", "The form asked for something unknown.")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def person(request: HttpRequest) -> HttpResponse:
    """One's own data: the biometric notice, a copy of everything, the end of the account."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        try:
            if request.POST.get("do") == "acknowledge":
                services.acknowledge(principal=principal)
                messages.success(request, _("Noted. You can be recorded now."))
                return redirect("rights:person")
            services.close_account(principal=principal, email=request.POST.get("email", ""))
            logout(request)
            messages.success(request, _("The account was closed, and its data erased."))
            return redirect("portal:home")
        except AssentError as error:
            refusal = error
    context = {"acknowledged": is_acknowledged(principal.user)}
    return show(request, "rights/person.html", context, refusal=refusal)


@require_POST
@never_cache
@page
def copy(request: HttpRequest) -> HttpResponse:
    """Everything that is held about the person who asks, as a file."""
    data = services.copy_of(principal=principal_for(request))
    response = HttpResponse(data, content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="my-data.zip"'
    return response


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """What users of the service take upon themselves, as the rules ask it to be told."""
    return render(
        request, "rights/terms.html", {"operator": settings.ASSENT_OPERATOR, **table.shown(_language())}
    )


@require_safe
def conformity(request: HttpRequest) -> HttpResponse:
    """Requirement, how it is met here, and where that can be looked at."""
    return render(request, "rights/conformity.html", table.shown(_language()))


@require_safe
@never_cache
@page
def usage(request: HttpRequest, voice: str) -> HttpResponse:
    """The signed report of a voice's use, laid out; the last month unless the query names days."""
    today = timezone.now().date()
    since = _day(request, "since", today - timedelta(days=30))
    until = _day(request, "until", today)
    paper = services.report_use(principal=principal_for(request), voice=voice, since=since, until=until)
    return render(request, "rights/usage.html", {"paper": paper, "said": paper.receipt, "voice": voice})


def _day(request: HttpRequest, param: str, default: date) -> date:
    text = request.GET.get(param)
    try:
        return date.fromisoformat(text) if text else default
    except ValueError as error:
        raise AssentError(
            "period_invalid", "This is not a day.", measured=text, extra={"param": param}
        ) from error


def _language() -> str:
    return get_language() or "en"
