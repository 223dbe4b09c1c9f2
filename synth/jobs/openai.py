"""The OpenAI-compatible doors for speech: ``POST /v1/audio/speech`` and ``GET /v1/models``, ``/v1/models/{id}``.

An unmodified ``openai`` SDK drives them. What they do is what the job API does; only the shapes differ.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import OpenAIError
from synth.errors import NotFound
from synth.jobs import answering, selectors, services
from synth.jobs.api import idempotency_key
from synth.jobs.formats import PACES, STREAMED
from synth.jobs.instructions import style_for
from synth.jobs.models import SynthesisJob
from synth.jobs.serializers import MANNER, SpeechRequest

MODELS = ("assent", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")


class SpeechView(APIView):
    """Speak, and send the sound while it is made; as a file where the format needs its end first."""

    @extend_schema(
        operation_id="openai_speech",
        request=SpeechRequest,
        responses={
            200: OpenApiResponse(bytes, description="The audio."),
            **dict.fromkeys((404, 409, 422, 429), OpenAIError),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        form = SpeechRequest(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        job, style_ignored = self._job(request, given)
        response = answering.sound(
            request, job, paced=given["pace"] == PACES[0], events=given["stream_format"] == "sse"
        )
        if style_ignored:
            response["X-Style-Ignored"] = "true"
        answering.say_ignored(response, answering.unknown_fields(request.data, form.fields))
        return response

    def _job(self, request: Request, given: dict[str, Any]) -> tuple[SynthesisJob, bool]:
        """The job for this request. A client's automatic retry joins the job of its first try, since its
        SDK sends no idempotency key and would otherwise be charged for the same words twice."""
        principal = principal_for(request)
        style = given["style"]
        ignored = False
        if not style and not given["styles"] and given["instructions"]:
            style = style_for(principal=principal, voice=given["voice"], instructions=given["instructions"])
            ignored = not style
        facts = {
            **{name: given[name] for name in MANNER},
            "voice": given["voice"],
            "text": given["input"],
            "format": given["response_format"],
            "style": style,
            "stream": given["response_format"] in STREAMED,
        }
        if request.headers.get("x-stainless-retry-count", "0") not in ("", "0"):
            earlier = selectors.recent_same_request(principal, services.order(**facts).sha256)
            if earlier is not None:
                return earlier, ignored
        job = services.submit_job(principal=principal, idempotency_key=idempotency_key(request), **facts)
        return job, ignored


class ModelsView(APIView):
    """Names that the ``model`` field accepts. They are aliases: the installed engine speaks."""

    @extend_schema(operation_id="openai_models", responses={200: OpenApiResponse(dict)})
    def get(self, request: Request) -> Response:
        principal_for(request)
        return Response({"object": "list", "data": [_model(name) for name in MODELS]})


class ModelView(APIView):
    @extend_schema(operation_id="openai_model", responses={200: OpenApiResponse(dict), 404: OpenAIError})
    def get(self, request: Request, model: str) -> Response:
        """One of those names."""
        principal_for(request)
        if model not in MODELS:
            raise NotFound(
                "model_not_found",
                "There is no model of this name.",
                limit=list(MODELS),
                extra={"param": "model"},
            )
        return Response(_model(model))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1767225600, "owned_by": "assent"}
