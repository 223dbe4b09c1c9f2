"""The log for programs: an organisation's own entries, and the proof of each."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import access, proof, selectors, services
from audit.models import Entry
from audit.serializers import (
    EntryPageSerializer,
    EntryQuerySerializer,
    EntrySerializer,
    PendingProofSerializer,
)
from synth.common.api import Problem
from synth.common.paging import first_of
from synth.errors import AssentError


class EntryList(APIView):
    """Entries of the caller's organisation, newest first."""

    permission_classes = [AllowAny]  # the selector decides; strangers read what is public

    @extend_schema(
        operation_id="log_entries_list",
        parameters=[EntryQuerySerializer],
        responses={200: EntryPageSerializer, 403: Problem},
        tags=["log"],
    )
    def get(self, request: Request) -> Response:
        organisations = access.readable_organisations(request)
        if not organisations:
            raise AssentError(
                "authentication_required", "Log in, or send an API key with audit:read.", http_status=401
            )
        query = EntryQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted: dict[str, Any] = query.validated_data
        rows = selectors.entries_for(
            organisation_ids=organisations, event=wanted.get("event"), subject=wanted.get("subject")
        )
        if "before" in wanted:
            rows = rows.filter(id__lt=wanted["before"])
        page = first_of(rows, wanted["limit"])
        return Response(EntryPageSerializer({"entries": page.items, "next": page.last_id}).data)


class EntryDetail(APIView):
    """One entry: of the caller's organisation, or of a public mark."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="log_entry_retrieve", responses={200: EntrySerializer, 403: Problem}, tags=["log"]
    )
    def get(self, request: Request, entry_id: int) -> Response:
        entry = selectors.readable_entry(entry_id, organisation_ids=access.readable_organisations(request))
        return Response(EntrySerializer(entry).data)


class EntryProof(APIView):
    """The proof of one entry (c2sp.org/tlog-proof), to be verified offline."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="log_entry_proof",
        responses={(200, "text/plain"): OpenApiTypes.STR, 202: PendingProofSerializer, 403: Problem},
        tags=["log"],
    )
    def get(self, request: Request, entry_id: int) -> HttpResponse:
        return proof_response(
            selectors.readable_entry(entry_id, organisation_ids=access.readable_organisations(request))
        )


def proof_response(entry: Entry) -> HttpResponse:
    """The proof as a file; 202 while the sequencer has not placed the entry. Access is the caller's to check."""
    made = services.proof_for(entry)
    if made is None:
        pending = {"state": "pending", "leaf_hash": entry.leaf_hash_hex}
        return Response(pending, status=202, headers={"Retry-After": "1"})
    return HttpResponse(
        made.as_text(),
        content_type=proof.MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="entry-{entry.pk}.tlog-proof"'},
    )
