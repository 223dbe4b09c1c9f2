"""How pages answer an expected refusal: an error page, or a message on the page that asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

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
    """The page `template`, which shows `refusal` beside its form where there is one, under the refusal's status."""
    return render(
        request,
        template,
        {**context, "refusal": refusal},
        status=refusal.http_status if refusal else 200,
    )


def refuse(request: HttpRequest, error: AssentError) -> HttpResponse:
    """The error page of `error`, with its HTTP status, code and retry advice."""
    titles = {
        403: _("You may not do this here"),
        404: _("There is nothing here"),
        429: _("Too many requests"),
        503: _("Busy just now"),
    }
    response = render(
        request,
        "portal/error.html",
        {
            "status_code": error.http_status,
            "error_code": error.code,
            "error_title": titles.get(error.http_status, _("That did not work")),
            "error_message": phrase_of(error),
        },
        status=error.http_status,
    )
    if error.retry_after_s is not None:
        response["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return response
