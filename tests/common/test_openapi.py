"""The committed schema is what the doors say of themselves. That it tells every refusal is held by `tests/told.py`."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.conf import settings
from django.http import JsonResponse
from django.test import RequestFactory
from django.urls import resolve
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from tests import told
from tests.told import committed

OPERATIONS = [
    pytest.param(path, operation, id=operation["operationId"])
    for path, operations in committed()["paths"].items()
    for operation in operations.values()
]


def shape_at(path: str) -> tuple[str, str]:
    if path.startswith(("/v1/text-to-speech/", "/v1/voices")):
        return "application/json", "ElevenLabsError"
    if path.startswith("/v1/"):
        return "application/json", "OpenAIError"
    if path in ("/tts", "/speakers", "/control") or path.startswith("/set_"):
        return "application/json", "GptSovitsError"
    return "application/problem+json", "Problem"


def test_the_committed_schema_is_current():
    with translation.override(settings.LANGUAGE_CODE):  # whatever an earlier request was answered in
        schema = SchemaGenerator().get_schema(public=True)
    found = yaml.safe_load(OpenApiYamlRenderer().render(schema))
    assert found == committed(), "write it anew: `make openapi`"


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_refusals_have_the_shape_of_their_door(path: str, operation: dict[str, Any]):
    refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert "503" in refusals
    for answer in refusals.values():
        kind, shape = shape_at(path)
        assert answer["content"] == {kind: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, "application/problem+json", ""),
        (418, "application/problem+json", "GET /api/v1/jobs/{job_id} answers 418 application/problem+json"),
        (404, "application/json", "GET /api/v1/jobs/{job_id} answers 404 application/json"),
        (200, "application/json", ""),
    ],
)
def test_a_refusal_that_the_schema_does_not_tell_is_seen(status, kind, said):
    request = RequestFactory().get("/api/v1/jobs/018f0000-0000-7000-8000-000000000000")
    request.resolver_match = resolve(request.path)
    assert told.untold(request, JsonResponse({}, status=status, content_type=kind)) == said
