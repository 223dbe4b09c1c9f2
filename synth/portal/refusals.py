"""How pages answer an expected refusal: an error page, or a message on the page that asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from synth.common.http import error_headers
from synth.errors import AssentError
from synth.portal.phrases import phrase_of

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """Decorate a page's view: an `AssentError` becomes the log-in page (401) or an error page with its sentence."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except AssentError as error:
            if error.http_status == 401:
                return redirect_to_login(request.get_full_path())
            return refuse(request, error)

    return answered


def show(
    request: HttpRequest, template: str, context: dict[str, Any], *, refusal: AssentError | None = None
) -> HttpResponse:
    """The page `template`; where there is a `refusal` it is in the context, and the page has its status and retry
    advice.
    """
    response = render(request, template, {**context, "refusal": refusal})
    if refusal is not None:
        response.status_code = refusal.http_status
        for name, value in error_headers(refusal).items():
            response[name] = value
    return response


def refuse(request: HttpRequest, error: AssentError) -> HttpResponse:
    """The error page of `error`, with its HTTP status, code and retry advice."""
    titles = {
        403: _("You may not do this here"),
        404: _("There is nothing here"),
        429: _("Too many requests"),
        503: _("Busy just now"),
    }
    context = {
        "status_code": error.http_status,
        "error_code": error.code,
        "error_title": titles.get(error.http_status, _("That did not work")),
        "error_message": phrase_of(error),
    }
    return show(request, "portal/error.html", context, refusal=error)
