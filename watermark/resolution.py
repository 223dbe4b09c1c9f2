"""Finding the Content Credentials of a file that lost them, by the mark in its sound.

The doors of C2PA's soft binding resolution (C2PA 2.2, "Soft Binding Resolution API"): which algorithms, which manifests
a binding's value names, and a manifest itself. The value of our binding is the record's id, as verification tells it.
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synth.errors import AssentError
from synth.provenance.names import KEYED_MARK_ALGORITHM, MEDIA_TYPE
from watermark import selectors

_TAGS = ["Content Credentials"]
MAX_VALUE_CHARS = 1024


class AlgorithmsView(APIView):
    """The soft bindings that are resolved here."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="c2pa_algorithms", tags=_TAGS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"watermarks": [{"alg": KEYED_MARK_ALGORITHM}], "fingerprints": []})


class MatchesView(APIView):
    """The manifests of the record that a binding's value names."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="c2pa_matches",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("alg", str, required=True, description="name of the soft binding's algorithm"),
            OpenApiParameter("value", str, required=True, description="the binding's value in base64"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        algorithm = request.query_params.get("alg", "")
        if algorithm != KEYED_MARK_ALGORITHM:
            raise AssentError(
                "binding_not_supported",
                "Soft bindings of this algorithm are not resolved here.",
                measured=algorithm[:100],
                limit=KEYED_MARK_ALGORITHM,
            )
        record_id = _record_id(request.query_params.get("value", ""))
        found = record_id is not None and selectors.manifest(record_id) is not None
        matches = [{"manifestId": str(record_id), "similarityScore": 100}] if found else []
        return Response({"matches": matches})


class ManifestView(APIView):
    """The Content Credentials of a released file, by its record id: as they stand in the file, or beside it.

    Whoever can name the id has had the file. They hold no personal data.
    """

    permission_classes = [AllowAny]

    @extend_schema(operation_id="record_manifest", tags=_TAGS, responses={(200, MEDIA_TYPE): bytes})
    def get(self, request: Request, record_id: UUID) -> HttpResponse:
        return HttpResponse(selectors.require_manifest(record_id), content_type=MEDIA_TYPE)


class ResolvedManifestView(ManifestView):
    """The same, at the address that C2PA names."""

    @extend_schema(operation_id="c2pa_manifest", tags=_TAGS, responses={(200, MEDIA_TYPE): bytes})
    def get(self, request: Request, record_id: UUID) -> HttpResponse:
        return super().get(request, record_id)


def _record_id(value: str) -> UUID | None:
    """The record id in a binding's value: its text in base64 (or as it is)."""
    if len(value) > MAX_VALUE_CHARS:
        return None
    for text in (value, _from_base64(value)):
        try:
            return UUID(text)
        except ValueError:
            continue
    return None


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value.replace("-", "+").replace("_", "/") + "==").decode("ascii")
    except (binascii.Error, ValueError):
        return ""
