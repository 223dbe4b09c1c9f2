"""Pages of webhooks: the organisation's endpoints, and one of them with what was told to it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.people.permissions import KEYS_MANAGE
from accounts.people.principals import principal_for
from synth.common.ids import parse_id
from synth.errors import AssentError
from synth.portal.refusals import page, show
from synth.webhooks import selectors, services
from synth.webhooks.events import TYPES
from synth.webhooks.wording import EVENT_LABELS, FAILURES

PAGE_SIZE = 25
_OFFERED = [(type, EVENT_LABELS[type]) for type in TYPES]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def endpoints(request: HttpRequest) -> HttpResponse:
    """Endpoints of the organisation, and the form for a new one; its secret is shown in this answer alone."""
    principal = principal_for(request)
    context: dict[str, Any] = {"given": request.POST, "wanted": request.POST.getlist("events") or TYPES[:3]}
    refusal = None
    if request.method == "POST":
        try:
            context["new_row"], context["new_secret"] = services.create_endpoint(
                principal=principal,
                url=request.POST.get("url", ""),
                events=request.POST.getlist("events"),
            )
            context["given"] = {}
        except AssentError as error:
            refusal = error
    context |= {
        "rows": selectors.endpoints_for(principal),
        "may_change": principal.can(KEYS_MANAGE),
        "offered": _OFFERED,
    }
    return show(request, "webhooks/endpoints.html", context, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def endpoint(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """One endpoint: what was told to it and what it answered; change it, test it, send again."""
    principal = principal_for(request)
    context: dict[str, Any] = {}
    refusal = None
    if request.method == "POST":
        try:
            done = _do(request, endpoint_id, context)
        except AssentError as error:
            refusal = error
        else:
            if done == "deleted":
                messages.success(request, _("The webhook was deleted."))
                return redirect("webhooks:endpoints")
            if done:
                messages.success(request, done)
                return redirect("webhooks:endpoint", endpoint_id=endpoint_id)
    row = selectors.endpoint_for(principal, endpoint_id)
    found = Paginator(selectors.deliveries_for(principal, endpoint_id), PAGE_SIZE)
    shown = found.get_page(request.GET.get("page"))
    context |= {
        "row": row,
        "page": shown,
        "deliveries": [
            (one, EVENT_LABELS.get(one.type, one.type), FAILURES.get(one.error, "")) for one in shown
        ],
        "may_change": principal.can(KEYS_MANAGE),
        "offered": _OFFERED,
        "overlaps": row.previous_until is not None and row.previous_until > timezone.now(),
    }
    return show(request, "webhooks/endpoint.html", context, refusal=refusal)


def _do(request: HttpRequest, endpoint_id: UUID, context: dict[str, Any]) -> str:
    """Do what the form asks; returns the sentence that says so, "" where the answer itself shows it."""
    who: dict[str, Any] = {"principal": principal_for(request), "endpoint_id": endpoint_id}
    form = request.POST
    match form.get("do"):
        case "change":
            services.update_endpoint(**who, url=form.get("url", ""), events=form.getlist("events"))
            return _("The webhook was changed.")
        case "on" | "off" as wanted:
            services.update_endpoint(**who, enabled=wanted == "on")
            return _("The webhook was switched on.") if wanted == "on" else _("The webhook was switched off.")
        case "rotate":
            # Not after a redirect: the secret is shown this once.
            _row, context["new_secret"] = services.rotate_secret(**who)
            return ""
        case "delete":
            services.delete_endpoint(**who)
            return "deleted"
        case "test":
            services.send_test(**who)
            return _("A test is on its way.")
        case "replay":
            services.replay(**who, delivery_id=parse_id(form.get("delivery", "")) or UUID(int=0))
            return _("It is sent again.")
        case _:
            raise AssentError("action_unknown", "The form asked for something unknown.")
