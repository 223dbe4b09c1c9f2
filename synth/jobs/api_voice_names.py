"""The API of further names of an organisation's voices."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.permissions import VOICES_READ
from accounts.people.principals import principal_for
from synth.common.api import parsed, refusals
from synth.jobs import selectors, services
from synth.jobs import serializers as shapes


class VoiceNamesView(APIView):
    @extend_schema(operation_id="voice_name_list", responses={200: shapes.VoiceNamesShape, **refusals()})
    def get(self, request: Request) -> Response:
        """Names that programs ask for, and the voices that they stand for."""
        principal = principal_for(request)
        principal.require(VOICES_READ)
        return Response({"data": shapes.VoiceNameShape(selectors.voice_names(principal), many=True).data})


class VoiceNameView(APIView):
    @extend_schema(
        operation_id="voice_name_set",
        request=shapes.VoiceNameRequest,
        responses={200: shapes.VoiceNameShape, **refusals()},
    )
    def put(self, request: Request, name: str) -> Response:
        """Let the name mean this voice. By an owner in person: no key may."""
        given = parsed(shapes.VoiceNameRequest, request.data)
        row = services.set_voice_name(principal=principal_for(request), name=name, voice=given["voice"])
        return Response(shapes.VoiceNameShape(row).data)

    @extend_schema(operation_id="voice_name_remove", responses={204: None, **refusals()})
    def delete(self, request: Request, name: str) -> Response:
        """Let a name stand for no voice any more."""
        services.remove_voice_name(principal=principal_for(request), name=name)
        return Response(status=204)
