"""The public page: drop a file, wait, read the verdict. The rules are in `services`; this only shapes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from accounts.principals import principal_for
from audit.actors import ANONYMOUS, Actor
from synth.common import ratelimit
from synth.common.requests import client_address
from synth.errors import AssentError
from synth.portal.refusals import page
from watermark import selectors, services
from watermark.models import Verification
from watermark.words import INTERVALS, LAYER_STATES, LAYERS, REASONS, VERDICTS


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The drop zone; a posted file is queued and its answer's page follows."""
    if request.method != "POST":
        return render(request, "watermark/verify.html")
    try:
        actor, organisation_id, subject = _caller(request)
        ratelimit.check(action="verify", subject=subject, rate=settings.ASSENT_VERIFY_RATE)
        file = request.FILES.get("file")
        if file is None:
            raise AssentError("file_missing", "Choose an audio file first.")
        row = services.submit_verification(
            file=file, actor=actor, organisation_id=organisation_id, deep="deep" in request.POST
        )
    except AssentError as error:
        return render(request, "watermark/verify.html", {"refusal": error}, status=error.http_status)
    return redirect("watermark:verdict", verification_id=row.pk)


@require_safe
@page
def verdict(request: HttpRequest, verification_id: UUID) -> HttpResponse:
    """How far a query has come, or its verdict. With the header X-Fragment only the answer itself."""
    row = selectors.verification(verification_id)
    template = "watermark/answer.html" if request.headers.get("X-Fragment") else "watermark/verdict.html"
    response = render(request, template, {"query": row, **_shown(row)})
    response["Cache-Control"] = "no-store"
    return response


def _shown(row: Verification) -> dict[str, Any]:
    """What the templates show of a finished report, in the reader's language."""
    report = row.report
    if row.state != Verification.State.DONE or not report:
        return {}
    kinds = sorted({interval["kind"] for interval in report["intervals"]}, key=list(INTERVALS).index)
    sentences = report["sentence"]
    return {
        "report": report,
        "words": VERDICTS[report["verdict"]],
        "sentence": sentences.get(get_language() or "en") or sentences["en"],
        "reasons": [REASONS.get(reason, reason) for reason in report["reasons"]],
        "intervals": [
            {**interval, "kind": INTERVALS[interval["kind"]][1]} for interval in report["intervals"]
        ],
        "key": [INTERVALS[kind] for kind in kinds],
        "layers": [
            (LAYERS.get(name, name), LAYER_STATES.get(state, state))
            for name, state in report["layers"].items()
        ],
    }


def _caller(request: HttpRequest) -> tuple[Actor, UUID | None, str]:
    """Who asks, for the log and for the rate limit; nobody has to be anybody."""
    if not request.user.is_authenticated:
        return ANONYMOUS, None, f"address:{client_address(request)}"
    try:
        principal = principal_for(request)
    except AssentError:
        return Actor(kind="user", id=str(request.user.pk)), None, f"user:{request.user.pk}"
    return principal.actor, principal.organisation.pk, f"{principal.actor.kind}:{principal.actor.id}"
