"""The OpenAI-compatible doors for speech: ``POST /v1/audio/speech`` and ``GET /v1/models``.

An unmodified ``openai`` SDK drives them. What they do is what the job API does; only the shapes differ.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import IO, Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for, renewed
from synth.common.api import OpenAIError
from synth.errors import Unavailable
from synth.jobs import selectors, services
from synth.jobs.api import audio_response, idempotency_key
from synth.jobs.instructions import style_for
from synth.jobs.models import JobState, SynthesisJob
from synth.jobs.serializers import MANNER, SpeechRequest

ANSWER_WITHIN_S = 120.0
MODELS = ("assent", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
_CHUNK_BYTES = 32 * 1024


class SpeechView(APIView):
    """Speak, and answer with the released file."""

    @extend_schema(
        operation_id="openai_speech",
        request=SpeechRequest,
        responses={
            200: OpenApiResponse(bytes, description="The audio."),
            **dict.fromkeys((404, 409, 422), OpenAIError),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        form = SpeechRequest(data=request.data)
        form.is_valid(raise_exception=True)
        job, style_ignored = self._job(request, form.validated_data)
        job = services.wait_for_job(job_id=job.id, timeout_s=ANSWER_WITHIN_S)
        if not job.is_final:
            raise Unavailable(
                "still_speaking",
                "The speech is not ready yet; the same request again will wait for the same job.",
                retry_after_s=5,
                extra={"job_id": str(job.id)},
            )
        if job.state != JobState.RELEASED:
            raise services.job_error(job)
        # As of now: in two minutes a key may have been revoked, a membership ended.
        principal = renewed(principal_for(request))
        output, file = services.open_output(principal=principal, job_id=job.id)
        response: HttpResponseBase
        if form.validated_data["stream_format"] == "sse":
            # The file was whole before it was released: there is nothing to wait for between events.
            response = HttpResponse(b"".join(_events(file, job)), content_type="text/event-stream")
            response["Cache-Control"] = "private, no-store"
            response["X-Job-Id"] = str(job.id)
        else:
            response = audio_response(request, output, file, as_attachment=True)
        if style_ignored:
            response["X-Style-Ignored"] = "true"
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
        }
        if request.headers.get("x-stainless-retry-count", "0") not in ("", "0"):
            earlier = selectors.recent_same_request(principal, services.order(**facts).sha256)
            if earlier is not None:
                return earlier, ignored
        job = services.submit_job(principal=principal, idempotency_key=idempotency_key(request), **facts)
        return job, ignored


def _events(file: IO[bytes], job: SynthesisJob) -> Iterator[bytes]:
    """The file as server-sent events, in the names that OpenAI's clients know."""
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            event = {"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()}
            yield f"data: {json.dumps(event)}\n\n".encode()
    usage = {"input_tokens": len(job.text), "output_tokens": 0, "total_tokens": len(job.text)}
    yield f"data: {json.dumps({'type': 'speech.audio.done', 'usage': usage})}\n\n".encode()


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
