"""The OpenAI-compatible doors for speech: ``POST /v1/audio/speech`` and ``GET /v1/models``.

An unmodified ``openai`` SDK drives them. What they do is what the job API does; only the shapes differ.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for, renewed
from synth.common.api import OpenAIError
from synth.errors import Unavailable
from synth.jobs import selectors, services, streaming
from synth.jobs.api import audio_response, idempotency_key
from synth.jobs.api_usage import quota_headers
from synth.jobs.formats import PACES, STREAMED
from synth.jobs.instructions import style_for
from synth.jobs.models import JobState, SynthesisJob
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
        left = quota_headers(principal_for(request))
        as_events = given["stream_format"] == "sse"
        response: HttpResponseBase
        if job.is_streamed:
            response = streaming.stream_to(
                request, job.id, paced=given["pace"] == PACES[0], owned=True, events=as_events
            )
        else:
            response = self._whole(request, job, as_events)
        for name, value in left.items():
            response[name] = value
        if style_ignored:
            response["X-Style-Ignored"] = "true"
        return response

    def _whole(self, request: Request, job: SynthesisJob, as_events: bool) -> HttpResponseBase:
        """The released file, of a format that cannot leave before its end is known."""
        job = services.wait_for_job(job_id=job.id, timeout_s=streaming.SOUND_WITHIN_S)
        if not job.is_final:
            raise Unavailable(
                "still_speaking",
                "The speech is not ready yet; the same request again will wait for the same job.",
                retry_after_s=5,
                extra={"job_id": str(job.id)},
            )
        if job.state != JobState.RELEASED:
            raise services.job_error(job)
        if as_events:
            return streaming.stream_to(request, job.id, paced=False, owned=False, events=True)
        # As of now: in ten minutes a key may have been revoked, a membership ended.
        principal = renewed(principal_for(request))
        output, file = services.open_output(principal=principal, job_id=job.id)
        return audio_response(request, output, file, as_attachment=True)

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
        return Response(
            {
                "object": "list",
                "data": [
                    {"id": name, "object": "model", "created": 1767225600, "owned_by": "assent"}
                    for name in MODELS
                ],
            }
        )
