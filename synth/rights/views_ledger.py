"""Pages of the ledger: one voice, one's own voices, all of an organisation; and for an owner who has no account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.consent.owner_views import owned, private
from accounts.consent.scope import PURPOSES
from accounts.people.permissions import AUDIT_READ
from accounts.people.principals import Principal, principal_for
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from accounts.voices.views import ledger_lines
from audit.selectors import entries_for
from audit.subjects import about
from synth.common.sheets import sheet
from synth.portal.refusals import page
from synth.rights import ledger

PAGE_SIZE = 20
MILESTONES = 8
#: What happened to a voice and its consent; speeches have lines of their own.
MILESTONE_EVENTS = (
    "voice.registered", "voice.suspended", "voice.resumed", "voice.deleted", "voice.weights_added",
    "consent.approved", "consent.reviewed", "consent.narrowed", "consent.revoked", "consent.expired",
)  # fmt: skip


@require_safe
@never_cache
@page
def voice(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Every speech in one voice."""
    principal = principal_for(request)
    found = voice_selectors.voice_with_ledger(principal, voice_id)
    log = reverse("accounts:voice_log", args=[voice_id])
    return _answer(request, principal, [found], {"voice": found, "log_url": log})


@require_safe
@never_cache
@page
def own(request: HttpRequest) -> HttpResponse:
    """Every speech in the voices that belong to the person, in whichever organisation."""
    principal = principal_for(request)
    context = {"log_url": reverse("accounts:uses_log"), "may_read_all": principal.can(AUDIT_READ)}
    return _answer(request, principal, ledger.own_voices(principal), context)


@require_safe
@never_cache
@page
def every(request: HttpRequest) -> HttpResponse:
    """Every speech in the voices of the organisation, for its auditors."""
    principal = principal_for(request)
    return _answer(request, principal, ledger.readable_voices(principal), {"is_all": True})


@require_safe
@private
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The same for the owner who has no account, by the link that they keep."""
    found, principal = owned(token)
    return _answer(request, principal, [found], {"voice": found, "token": token})


def _answer(
    request: HttpRequest, principal: Principal, voices: list[Voice], context: dict[str, Any]
) -> HttpResponse:
    narrowed = ledger.wanted(request.GET.dict())
    rows = ledger.speeches(principal, voices, narrowed)
    wanted_as = request.GET.get("as")
    if wanted_as in ("csv", "json"):
        return _export(wanted_as, principal, rows[: ledger.EXPORT_LIMIT])
    shown = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context |= {
        "page": shown,
        "lines": ledger.lines(principal, shown),
        "narrowed": narrowed,
        "is_narrowed": narrowed != ledger.Wanted(),
        "voices": voices,
        "people": ledger.people_who_asked(principal, voices),
        "purposes": PURPOSES.items(),
        "milestones": _milestones(voices) if shown.number == 1 else [],
    }
    return render(request, "rights/ledger.html", context)


def _milestones(voices: Iterable[Voice]) -> list[dict[str, Any]]:
    """The newest of what happened to these voices themselves."""
    subjects = {about("voice", found.pk): found for found in voices}
    entries = entries_for(events=MILESTONE_EVENTS).filter(subject__in=list(subjects))[:MILESTONES]
    return ledger_lines(entries, subjects)


def _export(kind: str, principal: Principal, rows: Any) -> HttpResponse:
    """The filtered lines as a file, at most ``EXPORT_LIMIT`` of them, the newest."""
    found = [ledger.as_row(line) for line in ledger.lines(principal, rows)]
    response: HttpResponse
    if kind == "csv":
        response = HttpResponse(sheet(found, ledger.COLUMNS), content_type="text/csv; charset=utf-8")
    else:
        response = JsonResponse({"speeches": found}, json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = f'attachment; filename="ledger.{kind}"'
    return response
