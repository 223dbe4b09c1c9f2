"""The public verification endpoint: no account needed, uploads not kept, every query logged."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principals import principal_for
from audit.actors import ANONYMOUS, Actor
from audit.api import proof_response
from synth.common import ratelimit, wakeup
from synth.common.requests import client_address
from synth.errors import AssentError
from watermark import selectors, services
from watermark.models import Verification
from watermark.serializers import VerificationShape, VerifyRequest, verification_answer

ANSWER_WITHIN_S = 20.0


class VerifyView(APIView):
    """Ask what an audio file is."""

    permission_classes = [AllowAny]
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="verify",
        request={"multipart/form-data": VerifyRequest},
        responses={
            200: VerificationShape,
            202: OpenApiResponse(VerificationShape, description="Not finished; ask again at Location."),
        },
    )
    def post(self, request: Request) -> Response:
        actor, organisation_id, subject = _caller(request)
        ratelimit.check(action="verify", subject=subject, rate=settings.ASSENT_VERIFY_RATE)
        form = VerifyRequest(data=request.data)
        form.is_valid(raise_exception=True)
        row = services.submit_verification(
            file=form.validated_data["file"],
            actor=actor,
            organisation_id=organisation_id,
            deep=form.validated_data["deep"],
        )
        return answer(wait_for(row.id, timeout_s=ANSWER_WITHIN_S))


class VerificationView(APIView):
    """The state or the answer of a query."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="verification", responses={200: VerificationShape, 202: VerificationShape})
    def get(self, request: Request, verification_id: UUID) -> Response:
        return answer(selectors.verification(verification_id))


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
        done=lambda row: row.state in (Verification.State.DONE, Verification.State.FAILED),
        timeout_s=timeout_s,
    )


def answer(row: Verification) -> Response:
    """200 with the report, 202 with Location while it runs, or the file's own error."""
    if row.state == Verification.State.FAILED:
        facts = dict(row.error or {})
        raise AssentError(
            facts.pop("code", "verification_failed"),
            facts.pop("message", "The file could not be checked."),
            measured=facts.pop("measured", None),
            limit=facts.pop("limit", None),
            http_status=facts.pop("http_status", 400),
            extra=facts,
        )
    if row.state == Verification.State.DONE:
        return Response(verification_answer(row))
    return Response(
        verification_answer(row),
        status=202,
        headers={"Location": reverse("verification", args=[row.id]), "Retry-After": "2"},
    )


def _caller(request: Request) -> tuple[Actor, UUID | None, str]:
    """Who asks, for the log and for the rate limit; nobody has to be anybody."""
    if request.user.is_authenticated:
        try:
            principal = principal_for(request)
        except AssentError:
            return Actor(kind="user", id=str(request.user.pk)), None, f"user:{request.user.pk}"
        return principal.actor, principal.organisation.id, f"{principal.actor.kind}:{principal.actor.id}"
    return ANONYMOUS, None, f"address:{client_address(request)}"
