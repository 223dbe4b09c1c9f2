"""The error pages, in the style of the rest; programs are answered in their door's JSON instead."""

from __future__ import annotations

import logging
import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from synth.common.envelopes import is_program_path
from synth.common.http import error_headers, error_response, outage
from synth.errors import AssentError, NotFound

logger = logging.getLogger(__name__)


_CODES = {
    400: "invalid_request",
    403: "permission_denied",
    500: "internal_error",
    503: "database_unavailable",
}


def _error(request: HttpRequest, status_code: int, title: str, message: str) -> HttpResponse:
    # Some programs post to the root, where a page is for everybody else.
    if is_program_path(request.path_info) or (request.path_info == "/" and request.method == "POST"):
        return error_response(AssentError(_CODES[status_code], message, http_status=status_code), request)
    return render(
        request,
        "portal/error.html",
        {"status_code": status_code, "error_title": title, "error_message": message},
        status=status_code,
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request could not be read."""
    return _error(
        request,
        400,
        _("That request could not be read"),
        _("Something in it was malformed. Go back and try again."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the person may not do this."""
    return _error(
        request,
        403,
        _("You may not do this here"),
        _(
            "Your role in this organisation does not include it. An owner of the organisation can change that."
        ),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, or nothing that this person may see; the two look the same on purpose."""
    if is_program_path(request.path_info):
        return error_response(
            NotFound("not_found", "There is nothing at this address (addresses have no slash at the end)."),
            request,
        )
    return _error(
        request,
        404,
        _("There is nothing here"),
        _("The address is wrong, or what it pointed to is not yours to see."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; 503 where the database is away. Renders without the context of the failed request."""
    away = outage(sys.exc_info()[1])
    try:
        if away is not None:
            return _outage(request, away)
        return _error(
            request,
            500,
            _("Something broke on our side"),
            _(
                "The fault was recorded. Nothing was released that is not marked and logged. Try again in a moment."
            ),
        )
    except Exception:
        logger.exception("the error page itself failed")
        return HttpResponse(
            "Something broke on our side.", status=500, content_type="text/plain; charset=utf-8"
        )


def _outage(request: HttpRequest, away: AssentError) -> HttpResponse:
    """503: nothing is asked of the database to say so, neither who is signed in nor the language of an account."""
    if is_program_path(request.path_info):
        return error_response(away, request)
    response = render(
        None,
        "portal/outage.html",
        {
            "error_title": _("One moment, please"),
            "error_message": _(
                "The database cannot be reached just now. Nothing is lost; reload the page in a few seconds."
            ),
        },
        status=away.http_status,
    )
    for name, value in error_headers(away).items():
        response[name] = value
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form's token was missing or old; named by the setting CSRF_FAILURE_VIEW."""
    return _error(
        request,
        403,
        _("This form is no longer valid"),
        _(
            "It was open for too long, or cookies are switched off. Go back, reload the page and send it again."
        ),
    )
