"""Every refusal leaves in the shape that its door promises, with retry advice that SDKs obey."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.request import Request

from synth.common import http
from synth.errors import AssentError, Forbidden, NotFound, TooMany, Unavailable


def handled(exc: Exception, path: str):
    request = Request(RequestFactory().post(path))
    response = http.exception_handler(exc, {"request": request})
    assert response is not None
    return response


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Forbidden("consent_revoked", "No."), 403, "permission_error"),
        (NotFound("voice_not_found", "No."), 404, "not_found_error"),
        (TooMany("rate_limited", "No.", retry_after_s=3.2), 429, "rate_limit_error"),
        (Unavailable("queue_full", "No.", retry_after_s=15), 503, "server_error"),
        (AssentError("text_empty", "No."), 400, "invalid_request_error"),
        (AssentError("mark", "No.", http_status=422), 422, "invalid_request_error"),
    ],
)
def test_openai_envelope(error, status, kind):
    response = handled(error, "/v1/audio/speech")
    assert response.status_code == status
    assert response.data["error"]["type"] == kind
    assert response.data["error"]["code"] == error.code


def test_problem_details_carry_measured_and_limit():
    response = handled(AssentError("text_too_long", "Too long.", measured=5000, limit=4096), "/api/v1/jobs")
    assert response.data["code"] == "text_too_long"
    assert (response.data["measured"], response.data["limit"]) == (5000, 4096)
    assert response.content_type == "application/problem+json"


def test_permanent_refusals_are_not_retried_and_temporary_ones_say_when():
    permanent = handled(AssentError("broken", "No.", http_status=500), "/v1/audio/speech")
    assert permanent["x-should-retry"] == "false"
    conflict = handled(AssentError("job_cancelled", "No.", http_status=409), "/v1/audio/speech")
    assert conflict["x-should-retry"] == "false"
    later = handled(Unavailable("queue_full", "No.", retry_after_s=1.2), "/v1/audio/speech")
    assert later["retry-after"] == "2"
    assert not later.has_header("x-should-retry")


def test_validation_names_the_first_field():
    response = handled(exceptions.ValidationError({"input": ["Too long."]}), "/v1/audio/speech")
    assert response.data["error"]["param"] == "input"
    assert "Too long." in response.data["error"]["message"]


def test_unexpected_errors_are_not_dressed_up():
    request = Request(RequestFactory().get("/api/v1/jobs"))
    assert http.exception_handler(RuntimeError("bug"), {"request": request}) is None
