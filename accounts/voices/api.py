"""The API of voices and styles: parse, call one service, shape the answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consent import services as consent_services
from accounts.consent.models import Consent
from accounts.people.principals import principal_for
from accounts.voices import recordings, selectors
from accounts.voices import serializers as shapes
from accounts.voices import services as voice_services
from accounts.voices.models import Voice
from audit.serializers import EntryPageSerializer, EntrySerializer
from synth.common.api import PageQuery, listed, parsed, refusals
from synth.common.paging import first_of, page_by_id
from synth.portal.files import answer_with

_VOICE = OpenApiParameter(
    "voice", str, OpenApiParameter.PATH, description="Id, or short name in your organisation."
)


def voice_answers(voices: list[Voice]) -> list[dict[str, Any]]:
    """Voices with their approved styles and the end of their live consent, in two further queries."""
    now = timezone.now()
    live = Consent.objects.filter(voice__in=voices, closed_as="", valid_from__lte=now, valid_until__gt=now)
    context = {
        "styles": selectors.approved_styles(voices),
        "valid_until": dict(live.values_list("voice_id", "valid_until")),
    }
    return list(shapes.VoiceShape(voices, many=True, context=context).data)


class VoicesView(APIView):
    """Voices of the organisation, and one's own."""

    @extend_schema(
        operation_id="voice_list",
        parameters=[PageQuery],
        responses={200: shapes.VoicePage, **refusals()},
    )
    def get(self, request: Request) -> Response:
        """Voices of the organisation, and one's own."""
        query = parsed(PageQuery, request.query_params)
        page = page_by_id(selectors.voices(principal_for(request)), **query)
        return Response({"data": voice_answers(page.items), "has_more": page.has_more})

    @extend_schema(
        operation_id="voice_register",
        request=shapes.VoiceRequest,
        responses={201: shapes.VoiceShape, **refusals()},
    )
    def post(self, request: Request) -> Response:
        """Register a voice. It may speak once its owner has consented."""
        given = parsed(shapes.VoiceRequest, request.data)
        voice = voice_services.register_voice(principal=principal_for(request), **given)
        return Response(voice_answers([voice])[0], status=status.HTTP_201_CREATED)


@extend_schema(parameters=[_VOICE])
class VoiceView(APIView):
    @extend_schema(operation_id="voice", responses={200: shapes.VoiceShape, **refusals()})
    def get(self, request: Request, voice: str) -> Response:
        """One voice."""
        return Response(voice_answers([selectors.get_voice(principal_for(request), voice)])[0])

    @extend_schema(operation_id="voice_erase", responses={200: shapes.VoiceShape, **refusals()})
    def delete(self, request: Request, voice: str) -> Response:
        """Revoke, then erase recordings and voiceprints. Receipts and the log remain."""
        erased = consent_services.erase_voice(principal=principal_for(request), voice_id=voice)
        return Response(voice_answers([erased])[0])


@extend_schema(parameters=[_VOICE])
class StylesView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="style_list",
        parameters=[PageQuery],
        responses={200: shapes.StylePage, **refusals()},
    )
    def get(self, request: Request, voice: str) -> Response:
        """Styles in every state but removed, in the order in which they came."""
        styles = selectors.styles(principal_for(request), voice)
        return listed(request, styles, shapes.StyleShape, newest_first=False)

    @extend_schema(
        operation_id="style_add",
        request={"multipart/form-data": shapes.StyleRequest},
        responses={202: shapes.StyleShape, **refusals(409, 413, 503)},
    )
    def post(self, request: Request, voice: str) -> Response:
        """Offer a clip as a style. It is checked in the background: see the style."""
        given = parsed(shapes.StyleRequest, request.data)
        upload = given.pop("file")
        style = consent_services.add_style(
            principal=principal_for(request), voice_id=voice, upload=upload, **given
        )
        return Response(
            shapes.StyleShape(style).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"{settings.URL_PREFIX}/api/v1/styles/{style.pk}"},
        )


class StyleView(APIView):
    @extend_schema(operation_id="style", responses={200: shapes.StyleShape, **refusals()})
    def get(self, request: Request, style_id: UUID) -> Response:
        """One style: its clip, how far its check has come, and what was measured."""
        return Response(shapes.StyleShape(selectors.get_style(principal_for(request), style_id)).data)

    @extend_schema(operation_id="style_remove", responses={204: None, **refusals()})
    def delete(self, request: Request, style_id: UUID) -> Response:
        """Remove a style; its clip is erased, and speech in it is refused from then on."""
        consent_services.remove_style(principal=principal_for(request), style_id=style_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(parameters=[_VOICE])
class LedgerView(APIView):
    @extend_schema(
        operation_id="voice_ledger",
        parameters=[shapes.LedgerQuery],
        responses={200: EntryPageSerializer, **refusals()},
    )
    def get(self, request: Request, voice: str) -> Response:
        """Everything that was done with the voice, newest first."""
        query = parsed(shapes.LedgerQuery, request.query_params)
        entries = selectors.ledger(principal_for(request), voice)
        if before := query.get("before"):
            entries = entries.filter(pk__lt=before)
        page = first_of(entries, query["limit"])
        # The stubs know one instance, not the sequence of `many=True`.
        shown = EntrySerializer(page.items, many=True).data  # type: ignore[arg-type]
        return Response({"entries": shown, "next": page.last_id})


class ClipAudioView(APIView):
    @extend_schema(operation_id="clip_audio", responses={200: OpenApiResponse(bytes), **refusals()})
    def get(self, request: Request, clip_id: UUID) -> HttpResponse:
        """A kept recording, for those who may listen to it."""
        clip = selectors.get_clip(principal_for(request), clip_id)
        return recording_response(request, clip.file.name)


def recording_response(request: Request, name: str | None) -> HttpResponse:
    """A recording as a private answer that no browser will take for anything but media."""
    file, kind = recordings.open_recording(name)
    response = answer_with(request, file, media_type=kind)
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
