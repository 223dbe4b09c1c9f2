"""The verification endpoints: no account needed, uploads not kept, every query logged."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import Principal, principal_for
from audit.api import proof_response
from synth.common import wakeup
from synth.common.api import Problem
from synth.errors import AssentError
from watermark import issued_reports, selectors, services
from watermark.callers import caller_of
from watermark.models import Verification
from watermark.serializers import (
    BatchListShape,
    BatchRequest,
    BatchShape,
    ReportCheckShape,
    SignedReport,
    VerificationShape,
    VerifyRequest,
    batch_answer,
    verification_answer,
)

ANSWER_WITHIN_S = 20.0
_TAGS = ["verify"]
_REFUSALS = dict.fromkeys((400, 413, 429, 503), Problem)
"""What asking about files is refused with: the file, its size, the caller's own rate or share, a full queue."""


class VerifyView(APIView):
    """Ask what an audio file is. Callers without an account may send less, and get no scores."""

    permission_classes = [AllowAny]
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="verify",
        tags=_TAGS,
        request={"multipart/form-data": VerifyRequest},
        responses={
            200: VerificationShape,
            202: OpenApiResponse(VerificationShape, description="Not finished; ask again at Location."),
            **_REFUSALS,
        },
    )
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        caller.count()
        form = VerifyRequest(data=request.data)
        form.is_valid(raise_exception=True)
        row = services.submit_verification(
            file=form.validated_data["file"],
            actor=caller.actor,
            organisation_id=caller.organisation_id,
            deep=form.validated_data["deep"],
            quick=form.validated_data["quick"],
            tell_webhooks=form.validated_data["tell_webhooks"],
        )
        return answer(wait_for(row.id, timeout_s=ANSWER_WITHIN_S), caller.principal)


class VerificationView(APIView):
    """The state or the answer of a query."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="verification",
        tags=_TAGS,
        # A file that could not be checked is refused here as it would have been at once.
        responses={200: VerificationShape, 202: VerificationShape, 400: Problem, 413: Problem},
    )
    def get(self, request: Request, verification_id: UUID) -> Response:
        return answer(selectors.verification(verification_id), caller_of(request).principal)


class CancelView(APIView):
    """Stop a query that is no longer wanted; one that has ended stays as it is."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="verification_cancel", tags=_TAGS, request=None, responses=VerificationShape)
    def post(self, request: Request, verification_id: UUID) -> Response:
        services.cancel_verification(verification_id=verification_id)
        return Response(verification_answer(selectors.verification(verification_id)))


class ReportView(APIView):
    """The signed report of an answered query, to be kept and shown: verifiable without this service."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="verification_report", tags=_TAGS, responses={200: SignedReport, 409: Problem}
    )
    def get(self, request: Request, verification_id: UUID) -> JsonResponse:
        envelope = issued_reports.signed(selectors.verification(verification_id))
        return JsonResponse(
            envelope,
            json_dumps_params={"ensure_ascii": False, "indent": 1},
            headers={
                "Content-Disposition": f'attachment; filename="report-{verification_id}.json"',
                "Cache-Control": "no-store",
            },
        )


class ReportCheckView(APIView):
    """Is a signed report ours and unaltered, does the log hold it, and how do its records stand today?"""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="verification_report_check",
        tags=_TAGS,
        request=SignedReport,
        responses={200: ReportCheckShape, 429: Problem},
    )
    def post(self, request: Request) -> Response:
        issued_reports.count_check(caller_of(request).subject)
        issued_reports.refuse_too_long(int(request.META.get("CONTENT_LENGTH") or 0))
        return Response(issued_reports.judged(request.data))


class ReportKeyView(APIView):
    """The key that reports verify with. Compare it with one you got elsewhere."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="verification_report_key", tags=_TAGS, responses={(200, "text/plain"): OpenApiTypes.STR}
    )
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(f"{issued_reports.verifier().vkey}\n", content_type="text/plain; charset=utf-8")


class BatchesView(APIView):
    """Ask about up to twenty files at once (an account is needed), or list what was asked."""

    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="verify_batches", tags=_TAGS, responses=BatchListShape)
    def get(self, request: Request) -> Response:
        """The newest batches of the organisation."""
        rows = selectors.batches(principal=principal_for(request))
        return Response({"data": [batch_answer(row, with_reports=False) for row in rows]})

    @extend_schema(
        operation_id="verify_batch",
        tags=_TAGS,
        request={"multipart/form-data": BatchRequest},
        responses={202: BatchShape, **_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Ask about up to twenty files at once. An account is needed."""
        principal = principal_for(request)
        form = BatchRequest(data=request.data)
        form.is_valid(raise_exception=True)
        files = form.validated_data["files"]
        caller_of(request).count(len(files))
        batch = services.submit_batch(
            files=files,
            principal=principal,
            deep=form.validated_data["deep"],
            quick=form.validated_data["quick"],
            tell_webhooks=form.validated_data["tell_webhooks"],
        )
        row = selectors.batch(batch.pk, principal=principal)
        return Response(
            batch_answer(row), status=202, headers={"Location": reverse("verify-batch", args=[row.pk])}
        )


class BatchView(APIView):
    """The queries of one batch: how far each has come, and its report."""

    @extend_schema(operation_id="verify_batch_retrieve", tags=_TAGS, responses=BatchShape)
    def get(self, request: Request, batch_id: UUID) -> Response:
        return Response(batch_answer(selectors.batch(batch_id, principal=principal_for(request))))


class BatchCancelView(APIView):
    """Cancel whatever of a batch has not ended."""

    @extend_schema(operation_id="verify_batch_cancel", tags=_TAGS, request=None, responses=BatchShape)
    def post(self, request: Request, batch_id: UUID) -> Response:
        principal = principal_for(request)
        services.cancel_batch(batch=selectors.batch(batch_id, principal=principal))
        return Response(batch_answer(selectors.batch(batch_id, principal=principal)))


class RecordProofView(APIView):
    """The log's proof for a released file, by the record id that its mark and label carry.

    Whoever can name the id has had the file: no account is needed to prove that we released it.
    """

    permission_classes = [AllowAny]

    @extend_schema(operation_id="record_proof", responses={(200, "text/plain"): str, 202: dict})
    def get(self, request: Request, record_id: UUID) -> HttpResponse:
        return proof_response(selectors.issued_entry(record_id))


def wait_for(verification_id: UUID, *, timeout_s: float) -> Verification:
    """The query once it is answered, or as it stands after ``timeout_s``. Holds no database connection."""
    return wakeup.wait_until(
        "verification",
        str(verification_id),
        read=lambda: selectors.verification(verification_id),
        done=lambda row: row.has_ended,
        timeout_s=timeout_s,
    )


def answer(row: Verification, principal: Principal | None) -> Response:
    """200 with the report (or with nothing, once cancelled), 202 with Location while it runs, or the file's error."""
    if row.state == Verification.State.FAILED:
        unknown = {"code": "verification_failed", "message": "The file could not be checked."}
        raise AssentError.from_dict({**unknown, **(row.error or {})}, http_status=400)
    if row.has_ended:
        return Response(verification_answer(row, principal))
    return Response(
        verification_answer(row),
        status=202,
        headers={"Location": reverse("verification", args=[row.id]), "Retry-After": "2"},
    )
