"""A thin door in the shape of ElevenLabs' API (elevenlabs.io/docs/api-reference/text-to-speech), for programs that were
written for it: speech, as a file or while it is made, with the times of its characters, and the list of voices.

What they set of a voice's stability and likeness has no counterpart here and is named in ``X-Ignored``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.consent.scope import DEFAULT_PURPOSE
from accounts.consent.selectors import speaking_voices
from accounts.people.permissions import VOICES_READ
from accounts.people.principals import principal_for
from accounts.voices.models import Voice
from synth.common.api import ElevenLabsError, parsed
from synth.errors import AssentError
from synth.jobs import answering, selectors, services
from synth.jobs.answering import KeyedView
from synth.jobs.api import idempotency_key
from synth.jobs.api_usage import quota_headers
from synth.jobs.models import Output, SynthesisJob
from synth.spoken.characters import character_times

DEFAULT_OUTPUT = "mp3_44100_128"
# Codec and, where the bytes do not say it themselves, the rate: a file of another bit rate plays as well.
OUTPUTS = {"mp3_": "mp3", "opus_48000_": "opus", "pcm_24000": "pcm"}
SEEDS = 2**31
REQUEST_ID = "request-id"
"""A header without which some of its clients take an answer for broken."""
_REFUSALS = dict.fromkeys((400, 401, 403, 404, 409, 422), ElevenLabsError)
_OUTPUT_FORMAT = OpenApiParameter(
    "output_format", str, description=f"mp3_…, opus_48000_…, pcm_24000; {DEFAULT_OUTPUT} unless given."
)


class VoiceSettings(serializers.Serializer[Any]):
    speed = serializers.FloatField(required=False, allow_null=True, default=1.0)


class ElevenLabsRequest(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=services.TEXT_LIMIT * 4)
    model_id = serializers.CharField(
        required=False, allow_null=True, default="", help_text="Any: the installed engine speaks."
    )
    language_code = serializers.CharField(max_length=16, required=False, allow_null=True, default="")
    voice_settings = VoiceSettings(required=False, allow_null=True)
    seed = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=2**32 - 1
    )
    # As in `MannerRequest`.
    style = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)  # type: ignore[assignment]
    purpose = serializers.CharField(max_length=40, required=False, default=DEFAULT_PURPOSE)


class CharacterAlignment(serializers.Serializer[Any]):
    characters = serializers.ListField(child=serializers.CharField())
    character_start_times_seconds = serializers.ListField(child=serializers.FloatField())
    character_end_times_seconds = serializers.ListField(child=serializers.FloatField())


class AudioWithTimestamps(serializers.Serializer[Any]):
    audio_base64 = serializers.CharField()
    alignment = CharacterAlignment(allow_null=True, help_text="Null where words were not timed.")
    normalized_alignment = CharacterAlignment(allow_null=True, help_text="Always null.")


class ElevenLabsVoice(serializers.Serializer[Any]):
    voice_id = serializers.CharField(help_text="The short name.")
    name = serializers.CharField()
    category = serializers.CharField()
    description = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    preview_url = serializers.CharField(allow_null=True)
    created_at_unix = serializers.IntegerField()


class ElevenLabsVoices(serializers.Serializer[Any]):
    voices = ElevenLabsVoice(many=True)


class _SpeechView(KeyedView):
    def _asked(self, request: Request, voice_id: str, *, stream: bool) -> tuple[SynthesisJob, list[str]]:
        """The job for this request, and what of the request has no effect."""
        given = parsed(ElevenLabsRequest, request.data)
        body: Any = request.data
        settings: Mapping[str, Any] = body.get("voice_settings") or {}
        speed = (given.get("voice_settings") or {}).get("speed")
        job = services.submit_job(
            principal=principal_for(request),
            idempotency_key=idempotency_key(request),
            voice=voice_id,
            style=given["style"],
            text=given["text"],
            language=(given["language_code"] or "").replace("_", "-").split("-")[0].lower(),
            purpose=given["purpose"],
            format=_format(request.query_params.get("output_format") or DEFAULT_OUTPUT),
            stream=stream,
            speed=1.0 if speed is None else speed,
            seed=None if given["seed"] is None else given["seed"] % SEEDS,
        )
        unknown = [
            *answering.unknown_fields(request.data, ElevenLabsRequest().fields),
            *answering.unknown_fields(settings, VoiceSettings().fields),
        ]
        return job, unknown

    def _spoken(self, request: Request, voice_id: str, *, stream: bool) -> HttpResponseBase:
        job, unknown = self._asked(request, voice_id, stream=stream)
        response = answering.sound(request, job, paced=True)
        response[REQUEST_ID] = str(job.id)
        answering.say_ignored(response, unknown)
        return response


class SpeechView(_SpeechView):
    """Speak, and send the file."""

    @extend_schema(
        operation_id="elevenlabs_tts",
        request=ElevenLabsRequest,
        parameters=[_OUTPUT_FORMAT],
        responses={200: OpenApiResponse(bytes, description="The audio."), **_REFUSALS},
    )
    def post(self, request: Request, voice_id: str) -> HttpResponseBase:
        return self._spoken(request, voice_id, stream=False)


class StreamView(_SpeechView):
    """Speak, and send the sound while it is made."""

    @extend_schema(
        operation_id="elevenlabs_tts_stream",
        request=ElevenLabsRequest,
        parameters=[_OUTPUT_FORMAT],
        responses={200: OpenApiResponse(bytes, description="The audio."), **_REFUSALS},
    )
    def post(self, request: Request, voice_id: str) -> HttpResponseBase:
        return self._spoken(request, voice_id, stream=True)


class TimestampsView(_SpeechView):
    """Speak, and send the file with the time of every character."""

    @extend_schema(
        operation_id="elevenlabs_tts_timestamps",
        request=ElevenLabsRequest,
        parameters=[_OUTPUT_FORMAT],
        responses={200: AudioWithTimestamps, **_REFUSALS},
    )
    def post(self, request: Request, voice_id: str) -> Response:
        job, unknown = self._asked(request, voice_id, stream=False)
        left = quota_headers(principal_for(request))
        answering.released(job.id)
        output, data = answering.bytes_of(request, job.id)
        response = Response(
            {
                "audio_base64": base64.b64encode(data).decode(),
                "alignment": _alignment(output),
                "normalized_alignment": None,
            }
        )
        response[REQUEST_ID] = str(job.id)
        response["Cache-Control"] = "private, no-store"
        answering.say_left(response, left)
        answering.say_ignored(response, unknown)
        return response


class VoicesView(KeyedView):
    @extend_schema(operation_id="elevenlabs_voices", responses={200: ElevenLabsVoices, **_REFUSALS})
    def get(self, request: Request) -> Response:
        """Voices that may speak now."""
        principal = principal_for(request)
        principal.require(VOICES_READ)
        voices = speaking_voices(principal).distinct().order_by("slug")
        return Response({"voices": [_voice(voice) for voice in voices]})


def _format(output: str) -> str:
    for beginning, format in OUTPUTS.items():
        if output.startswith(beginning):
            return format
    raise AssentError(
        "format_not_offered",
        "Sound is offered as mp3_…, opus_48000_… and pcm_24000.",
        measured=output[:40],
        limit=list(OUTPUTS),
        extra={"param": "output_format"},
    )


def _alignment(output: Output) -> dict[str, Any] | None:
    words = selectors.word_times(output)
    if words is None:
        return None
    text = output.job.text
    starts, ends = character_times(text, words)
    return {
        "characters": list(text),
        "character_start_times_seconds": [round(second, 3) for second in starts],
        "character_end_times_seconds": [round(second, 3) for second in ends],
    }


def _voice(voice: Voice) -> dict[str, Any]:
    return {
        "voice_id": voice.slug,
        "name": voice.name,
        "category": "cloned",
        "description": "",
        "labels": {"language": voice.language},
        "preview_url": None,
        "created_at_unix": int(voice.created_at.timestamp()),
    }
