"""How errors leave through HTTP: problem details (RFC 9457) under /api/, OpenAI's envelope under /v1/."""

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

from synth.errors import AssentError, Unavailable

logger = logging.getLogger(__name__)


#: a database that restarts is back within seconds; clients are asked to come back after this
OUTAGE_RETRY_S = 5.0
LONG_WAIT_S = 300.0
"""Whoever has to wait longer is not to try meanwhile, as SDKs do that think such a wait a mistake."""


def is_openai_path(path: str) -> bool:
    return path.startswith("/v1/")


def is_program_path(path: str) -> bool:
    """Whether programs ask here, who are answered in JSON whatever happens."""
    return path.startswith(("/v1/", "/api/")) or path in ("/v1", "/api")


def outage(exc: BaseException | None) -> AssentError | None:
    """The refusal for a database that is away for now (restart, lost connection, no more of them); else None."""
    if not isinstance(exc, OperationalError | InterfaceError):
        return None
    return Unavailable(
        "database_unavailable",
        "The database cannot be reached just now; please try again shortly.",
        retry_after_s=OUTAGE_RETRY_S,
    )


_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error_body(error: AssentError, *, path: str, request_id: str) -> dict[str, Any]:
    """The answer's JSON for ``error``, in the shape that the door at ``path`` promises."""
    if is_openai_path(path):
        kind = _OPENAI_TYPES.get(
            error.http_status, "server_error" if error.http_status >= 500 else "invalid_request_error"
        )
        facts = {k: v for k, v in error.as_dict().items() if k not in {"code", "message"}}
        return {
            "error": {
                "message": error.message,
                "type": kind,
                "param": error.extra.get("param"),
                "code": error.code,
                **facts,
            }
        }
    facts = {k: v for k, v in error.as_dict().items() if k != "message"}
    return {
        "type": f"urn:assent:error:{error.code}",
        "title": error.code.replace("_", " "),
        "status": error.http_status,
        "detail": error.message,
        "request_id": request_id,
        **facts,
    }


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
    body = error_body(error, path=request.path_info, request_id=getattr(request, "request_id", ""))
    kind = "application/json" if is_openai_path(request.path_info) else "application/problem+json"
    return JsonResponse(body, status=error.http_status, headers=error_headers(error), content_type=kind)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: every expected refusal becomes its envelope; anything else stays a 500 for the logs."""
    request: Request = context["request"]
    error = _as_assent_error(exc)
    if error is None:
        return None
    set_rollback()
    response = Response(
        error_body(error, path=request.path_info, request_id=getattr(request._request, "request_id", "")),
        status=error.http_status,
        headers=error_headers(error),
    )
    challenge = getattr(exc, "auth_header", None)
    if challenge and error.http_status == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = challenge
    if not is_openai_path(request.path_info):
        response.content_type = "application/problem+json"
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
