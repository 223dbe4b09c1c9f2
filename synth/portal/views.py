"""Views of the shell: home, status, the API page, theme, and reports of the content security policy."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from synth.common import ratelimit
from synth.errors import TooMany
from synth.portal import api_reference
from synth.portal.context import THEME_COOKIE, THEMES
from synth.portal.status import collect

logger = logging.getLogger(__name__)

MAX_REPORT_BYTES = 8192
MAX_REPORT_RATE = "30/minute"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, the drop zone of the verifier, and what is running."""
    return render(request, "portal/home.html", {"tiles": collect()})


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """What is installed, active and missing, for anybody who asks; how it runs, for administrators."""
    tiles = collect()
    if getattr(request.user, "is_staff", False):
        tiles += collect("PORTAL_OPERATOR_TILES")
    return render(request, "portal/status.html", {"tiles": tiles})


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """What programs may ask, read from the schema."""
    return render(request, "portal/api.html", {"groups": api_reference.groups()})


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep the visitor's choice of light, dark or the system's colours in a cookie, and go back."""
    theme = request.POST.get("theme", "")
    home = reverse("portal:home")
    back = request.POST.get("next") or home
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = home
    response = HttpResponseRedirect(back)
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE,
            theme,
            max_age=365 * 24 * 3600,
            samesite="Lax",
            secure=request.is_secure(),
            path=home,
        )
    else:
        response.delete_cookie(THEME_COOKIE, path=home)
    return response


@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log a browser's report that a page broke the content security policy: always a fault of ours.

    Anybody may post here, so the log takes only a few a minute.
    """
    try:
        ratelimit.check(action="csp-report", subject="everybody", rate=MAX_REPORT_RATE)
    except TooMany:
        return HttpResponse(status=204)
    if int(request.headers.get("content-length") or 0) <= MAX_REPORT_BYTES:
        logger.warning(
            "content security policy report: %s", request.body[:MAX_REPORT_BYTES].decode("utf-8", "replace")
        )
    return HttpResponse(status=204)
