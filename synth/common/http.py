"""How errors leave through HTTP, in the envelope of the door that was asked (`envelopes`)."""

from __future__ import annotations

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from synth.common.envelopes import envelope_at
from synth.errors import AssentError, Unavailable

logger = logging.getLogger(__name__)


#: a database that restarts is back within seconds; clients are asked to come back after this
OUTAGE_RETRY_S = 5.0
LONG_WAIT_S = 300.0
"""Whoever has to wait longer is not to try meanwhile, as SDKs do that think such a wait a mistake."""


def outage(exc: BaseException | None) -> AssentError | None:
    """The refusal for a database that is away for now (restart, lost connection, no more of them); else None."""
    if not isinstance(exc, OperationalError | InterfaceError):
        return None
    return Unavailable(
        "database_unavailable",
        "The database cannot be reached just now; please try again shortly.",
        retry_after_s=OUTAGE_RETRY_S,
    )


def error_headers(error: AssentError) -> dict[str, str]:
    """Retry advice: SDKs repeat 408, 409, 429 and 5xx by themselves unless told otherwise."""
    headers = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
        if error.retry_after_s > LONG_WAIT_S:
            headers["x-should-retry"] = "false"
    elif error.http_status in {408, 409, 429} or error.http_status >= 500:
        headers["x-should-retry"] = "false"
    return headers


def error_response(error: AssentError, request: HttpRequest) -> JsonResponse:
    """For doors outside DRF."""
    envelope = envelope_at(request.path_info)
    return JsonResponse(
        envelope.body(error, getattr(request, "request_id", "")),
        status=envelope.status(error),
        headers=error_headers(error),
        content_type=envelope.media_type,
    )


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: every expected refusal becomes its envelope; anything else stays a 500 for the logs."""
    request: Request = context["request"]
    error = _as_assent_error(exc)
    if error is None:
        return None
    set_rollback()
    envelope = envelope_at(request.path_info)
    response = Response(
        envelope.body(error, getattr(request._request, "request_id", "")),
        status=envelope.status(error),
        headers=error_headers(error),
        content_type=envelope.media_type,
    )
    challenge = getattr(exc, "auth_header", None)
    if challenge and response.status_code == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = challenge
    return response


def _as_assent_error(exc: Exception) -> AssentError | None:
    if isinstance(exc, AssentError):
        return exc
    if isinstance(exc, OperationalError | InterfaceError):
        logger.warning("database away: %s", exc)
        return outage(exc)
    if isinstance(exc, Http404):
        return AssentError("not_found", "There is nothing at this address.", http_status=404)
    if isinstance(exc, PermissionDenied):
        return AssentError("permission_denied", "You may not do this.", http_status=403)
    if isinstance(exc, exceptions.ValidationError):
        first, param = _first_detail(exc.detail)
        return AssentError(
            "invalid_request",
            f"{param}: {first}" if param else first,
            extra={"param": param, "errors": exc.detail},
        )
    if isinstance(exc, exceptions.Throttled):
        return AssentError(
            "rate_limited",
            "Too many requests.",
            http_status=429,
            retry_after_s=float(getattr(exc, "wait", None) or 1),
        )
    if isinstance(exc, exceptions.APIException):
        code = exc.get_codes()
        return AssentError(
            code if isinstance(code, str) else "invalid_request",
            str(exc.detail),
            http_status=exc.status_code,
        )
    return None


def _first_detail(detail: Any, path: str = "") -> tuple[str, str | None]:
    if isinstance(detail, dict) and detail:
        name, inner = next(iter(detail.items()))
        name = "" if name == "non_field_errors" else str(name)
        return _first_detail(inner, ".".join(part for part in (path, name) if part))
    if isinstance(detail, list) and detail:
        return _first_detail(detail[0], path)
    return str(detail), path or None
