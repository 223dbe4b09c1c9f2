"""Pages of use and limits: the organisation's own, and for administrators those of every organisation."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.consent.scope import PURPOSES
from accounts.people import selectors as people
from accounts.people.permissions import KEYS_MANAGE, MEMBERS_MANAGE
from accounts.people.principals import Principal, principal_for
from synth.common.ids import parse_id
from synth.errors import AssentError
from synth.jobs import services, usage
from synth.jobs.models import Quota
from synth.portal.refusals import page, show

KIND_LABELS = {
    "jobs": gettext_lazy("jobs"),
    "characters": gettext_lazy("characters"),
    "minutes": gettext_lazy("minutes"),
}
PAGE_SIZE = 25
MAX_SHOWN_KEYS = 100


@require_http_methods(["GET", "HEAD", "POST"])
@page
def usage_page(request: HttpRequest) -> HttpResponse:
    """What was spoken today and in the last 30 days, what is left, and the limits of keys."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        try:
            services.set_key_limits(principal=principal, key_id=_id(request), **_limits(request.POST))
            messages.success(request, _("The limits were set."))
            return redirect("jobs:usage")
        except AssentError as error:
            refusal = error
    rows = usage.rows_for(principal)
    keys, voices = usage.names_for(rows)
    today = [row for row in rows if row.day == timezone.now().date()]
    periods = [
        (_("Today"), _table(today, keys, voices)),
        (_("The last 30 days"), _table(rows, keys, voices)),
    ]
    context = {
        "standings": [(one, KIND_LABELS[one.kind]) for one in usage.standings_for(principal)],
        "renews_at": usage.renews_at(),
        "periods": periods,
        "keys": _keys(principal, today),
        "kinds": KIND_LABELS.items(),
    }
    return show(request, "jobs/usage.html", context, refusal=refusal)


def _table(rows: list[usage.Row], keys: dict[Any, Any], voices: dict[Any, Any]) -> list[tuple[str, Any]]:
    """Lines of one table: what it is about, and how much."""
    lines: list[tuple[str, Any]] = [(_("Altogether"), sum((row.use for row in rows), usage.Use()))]
    for key, use in usage.summed(rows, lambda row: row.key).items():
        name = keys[key].name if key else _("the portal")
        lines.append((_("Key: %(name)s") % {"name": name}, use))
    for voice, use in usage.summed(rows, lambda row: row.voice).items():
        lines.append((_("Voice: %(name)s") % {"name": voices[voice].name}, use))
    for purpose, use in usage.summed(rows, lambda row: row.purpose).items():
        lines.append((_("Purpose: %(name)s") % {"name": PURPOSES.get(purpose, purpose)}, use))
    return lines


def _keys(
    principal: Principal, today: list[usage.Row]
) -> list[tuple[Any, list[tuple[str, Any, int | None]], usage.Use]]:
    """Live keys with their limits and today's use, for whoever sets them."""
    if not (principal.can(MEMBERS_MANAGE) and principal.can(KEYS_MANAGE)):
        return []
    live = people.keys(principal).filter(revoked_at__isnull=True, expires_at__gt=timezone.now())
    quotas = {row.api_key_id: row for row in Quota.objects.filter(organisation=principal.organisation)}
    used = usage.summed(today, lambda row: row.key)
    return [
        (key, _fields(quotas.get(key.pk)), used.get(key.pk, usage.Use())) for key in live[:MAX_SHOWN_KEYS]
    ]


def _fields(quota: Quota | None) -> list[tuple[str, Any, int | None]]:
    return [(kind, label, getattr(quota, kind, None)) for kind, label in KIND_LABELS.items()]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def organisations(request: HttpRequest) -> HttpResponse:
    """Limits of every organisation; administrators of the installation alone."""
    principal = principal_for(request)
    found = usage.organisations_for(principal)
    refusal = None
    if request.method == "POST":
        try:
            services.set_organisation_limits(
                principal=principal, organisation_id=_id(request), **_limits(request.POST)
            )
            messages.success(request, _("The limits were set."))
            return redirect("jobs:usage_organisations")
        except AssentError as error:
            refusal = error
    shown = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    quotas = {
        row.organisation_id: row
        for row in Quota.objects.filter(organisation__in=list(shown), api_key__isnull=True)
    }
    context = {
        "page": shown,
        "rows": [(row, _fields(quotas.get(row.pk)), usage.used_today(row)) for row in shown],
    }
    return show(request, "jobs/usage_organisations.html", context, refusal=refusal)


def _id(request: HttpRequest) -> UUID:
    return parse_id(request.POST.get("row", "")) or UUID(int=0)


_WHOLE = re.compile(r"[0-9]{1,10}")


def _limits(form: QueryDict) -> dict[str, int | None]:
    """The form's limits; an empty field is none, and what is no number is out of range."""
    limits: dict[str, int | None] = {}
    for kind in usage.KINDS:
        text = form.get(kind, "").strip()
        limits[kind] = None if not text else int(text) if _WHOLE.fullmatch(text) else -1
    return limits
