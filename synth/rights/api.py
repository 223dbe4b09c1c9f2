"""The API of rights: feedback and take-down for anybody; reports of use and erasure for rights holders."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import parsed, refusals
from synth.rights import services
from synth.rights.models import Feedback, TakeDown
from synth.rights.services.letters import MAX_TEXT
from watermark.callers import caller_of

# An empty requirement: open to everybody. The types of drf-spectacular know the names of schemes alone.
_OPEN: Any = [{}]


class FeedbackRequest(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Feedback.Kind.choices)
    text = serializers.CharField(required=False, default="", allow_blank=True, max_length=MAX_TEXT)
    email = serializers.CharField(required=False, default="", allow_blank=True, max_length=254)
    verification = serializers.UUIDField(required=False, allow_null=True, default=None)


class OutsiderTakeDownRequest(serializers.Serializer[Any]):
    ground = serializers.ChoiceField(choices=TakeDown.Ground.choices)
    name = serializers.CharField(max_length=400)
    email = serializers.CharField(max_length=254)
    text = serializers.CharField(max_length=MAX_TEXT)
    record_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class KeptShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()


class KeptUntilShape(KeptShape):
    due_at = serializers.DateTimeField(help_text="By then it is decided.")


class PeriodQuery(serializers.Serializer[Any]):
    since = serializers.DateField()
    until = serializers.DateField(help_text="The last day, itself included (UTC).")
    project = serializers.CharField(
        required=False, default="", max_length=64, help_text="Only what was made under this name of a work."
    )


class SignedShape(serializers.Serializer[Any]):
    """Signed as consent receipts are: Ed25519 over the RFC 8785 bytes of `receipt`, checked by the same door."""

    receipt = serializers.DictField()
    sha256 = serializers.CharField()
    signature = serializers.CharField()


class FeedbackView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="feedback_give",
        request=FeedbackRequest,
        responses={201: KeptShape, **refusals(429)},
        auth=_OPEN,
    )
    def post(self, request: Request) -> Response:
        """Tell the operator what you think of a verdict. No account is needed."""
        given = parsed(FeedbackRequest, request.data)
        row = services.give_feedback(caller=caller_of(request), language=get_language() or "en", **given)
        return Response(KeptShape(row).data, status=status.HTTP_201_CREATED)


class TakeDownsView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="take_down_ask",
        request=OutsiderTakeDownRequest,
        responses={201: KeptUntilShape, **refusals(429)},
        auth=_OPEN,
    )
    def post(self, request: Request) -> Response:
        """Ask that a file be taken down. No account is needed."""
        given = parsed(OutsiderTakeDownRequest, request.data)
        row = services.ask_for_take_down(caller=caller_of(request), language=get_language() or "en", **given)
        return Response(KeptUntilShape(row).data, status=status.HTTP_201_CREATED)


class UsageView(APIView):
    @extend_schema(
        operation_id="voice_usage",
        parameters=[PeriodQuery],
        responses={200: SignedShape, **refusals(503)},
    )
    def get(self, request: Request, voice: str) -> Response:
        """How a voice was used in a period, signed: by project, purpose, client and month."""
        asked = parsed(PeriodQuery, request.query_params)
        paper = services.report_use(principal=principal_for(request), voice=voice, **asked)
        return Response(SignedShape(paper).data)


class ProjectUsageView(APIView):
    @extend_schema(operation_id="project_usage", responses={200: SignedShape, **refusals(503)})
    def get(self, request: Request, project_id: UUID) -> Response:
        """What was spoken for a project, signed: lines and minutes, by voice and purpose."""
        paper = services.report_project(principal=principal_for(request), project_id=project_id)
        return Response(SignedShape(paper).data)


class ErasureView(APIView):
    @extend_schema(operation_id="voice_erasure", responses={200: SignedShape, **refusals(503)})
    def get(self, request: Request, voice: str) -> Response:
        """The signed receipt that a voice was erased."""
        paper = services.erasure_receipt(principal=principal_for(request), voice=voice)
        return Response(SignedShape(paper).data)
