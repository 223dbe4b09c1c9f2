"""The door of GPT-SoVITS' api_v2, for programs that were written for it: bots, chat front ends, avatars.

They know an address and nothing of keys: the key stands in the address (`synth.common.keyed`), in its user part, or in
the header. Keys only: somebody else's page could make a signed-in person speak by a link. So pages of any origin may
ask, as those of chat front ends do.

Nothing is switched and nothing stopped: voices are named with each request, and are not the server's files.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.consent.selectors import speaking_voices
from accounts.consent.services.authorisation import NEUTRAL
from accounts.people.permissions import VOICES_READ
from accounts.people.principals import principal_for
from accounts.voices.selectors import approved_styles
from synth.common.api import GptSovitsError, parsed
from synth.errors import Forbidden, NotFound
from synth.jobs import answering, selectors, services
from synth.jobs.answering import KeyedView
from synth.jobs.api import idempotency_key
from synth.jobs.api_v2_request import (
    HEAD_BYTES,
    TtsRequest,
    given_in,
    ignored,
    meant_by,
    order_of,
)
from synth.portal.views import home

_REFUSALS = dict.fromkeys((400, 401), GptSovitsError)


class Success(serializers.Serializer[Any]):
    message = serializers.CharField(help_text="success")


class Speaker(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="A voice, or voice/style.")
    voice_id = serializers.CharField()


class TtsView(KeyedView):
    """Speech, as a file or while it is made (``streaming_mode``): then a WAV is a head of 44 bytes and samples, 16 bit,
    little-endian, at the engine's rate. ``raw`` is those samples without the head; ``ogg`` holds Opus."""

    @extend_schema(
        operation_id="gptsovits_tts_get",
        parameters=[TtsRequest],
        responses={200: OpenApiResponse(bytes, description="The audio."), **_REFUSALS},
    )
    def get(self, request: Request) -> HttpResponseBase:
        return self._spoken(request, request.query_params)

    def head(self, request: Request) -> HttpResponseBase:
        """Whoever looks whether something is there (a link's preview) makes nobody speak."""
        raise MethodNotAllowed("HEAD")

    @extend_schema(
        operation_id="gptsovits_tts",
        request=TtsRequest,
        responses={200: OpenApiResponse(bytes, description="The audio."), **_REFUSALS},
    )
    def post(self, request: Request) -> HttpResponseBase:
        return self._spoken(request, request.data)

    def _spoken(self, request: Request, data: Any) -> HttpResponseBase:
        given = given_in(data)
        asked = parsed(TtsRequest, given)
        principal = principal_for(request)
        job = services.submit_job(
            principal=principal, idempotency_key=idempotency_key(request), **order_of(principal, asked)
        )
        is_raw = asked["media_type"] == "raw"
        response = answering.sound(request, job, paced=True, skip_bytes=HEAD_BYTES if is_raw else 0)
        if is_raw:
            response["Content-Type"] = "audio/raw"
        answering.say_ignored(response, ignored(given, asked))
        return response


class SpeakersView(KeyedView):
    @extend_schema(operation_id="gptsovits_speakers", responses={200: Speaker(many=True), **_REFUSALS})
    def get(self, request: Request) -> Response:
        """Voices that may speak now, and each with its further styles, as ``ref_audio_path`` takes them."""
        principal = principal_for(request)
        principal.require(VOICES_READ)
        voices = list(speaking_voices(principal).distinct().order_by("slug"))
        styles = approved_styles(voices)
        names: list[str] = []
        for voice in voices:
            further = [style.name for style in styles[voice.pk] if style.name != NEUTRAL]
            names += [voice.slug, *(f"{voice.slug}/{name}" for name in further)]
        return Response([{"name": name, "voice_id": name} for name in names])


def _names_a_voice(field: str) -> OpenApiParameter:
    return OpenApiParameter(field, str, required=True, description="A voice or voice/style; never a path.")


class SwitchView(KeyedView):
    """What switches the model in that program: answered when it names a voice (or voice/style) of the caller's."""

    def _answer(self, request: Request, field: str) -> Response:
        principal = principal_for(request)
        path = request.query_params.get(field, "")
        if not path:
            raise serializers.ValidationError({field: "Name a voice here (or voice/style)."})
        name, style = meant_by(principal, path)
        voice = selectors.voice_named(principal, name)
        if style and style not in {row.name for row in approved_styles([voice])[voice.pk]}:
            raise NotFound("style_not_found", "The voice has no approved style of this name.")
        return Response({"message": "success"})


class GptWeightsView(SwitchView):
    @extend_schema(
        operation_id="gptsovits_set_gpt_weights",
        parameters=[_names_a_voice("weights_path")],
        responses={200: Success, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        return self._answer(request, "weights_path")


class SovitsWeightsView(SwitchView):
    @extend_schema(
        operation_id="gptsovits_set_sovits_weights",
        parameters=[_names_a_voice("weights_path")],
        responses={200: Success, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        return self._answer(request, "weights_path")


class ReferAudioView(SwitchView):
    @extend_schema(
        operation_id="gptsovits_set_refer_audio",
        parameters=[_names_a_voice("refer_audio_path")],
        responses={200: Success, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        return self._answer(request, "refer_audio_path")


class ControlView(KeyedView):
    """That program ends or starts again when asked here. This one does not."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="gptsovits_control_get", responses={403: GptSovitsError})
    def get(self, request: Request) -> Response:
        raise Forbidden("control_not_offered", "This service is not stopped or restarted by a request.")

    @extend_schema(operation_id="gptsovits_control", request=None, responses={403: GptSovitsError})
    def post(self, request: Request) -> Response:
        return self.get(request)


_speak = TtsView.as_view()


@csrf_exempt
def root(request: HttpRequest) -> HttpResponseBase:
    """The home page; for programs that post to it, speech."""
    return _speak(request) if request.method in ("POST", "OPTIONS") else home(request)
