"""What the doors of existing programs share: who may ask, the sound of a job that was just asked for, and what of a
request had no effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.authentication import ApiKeyAuthentication, XiApiKeyAuthentication
from accounts.people.principals import principal_for, renewed
from synth.errors import Unavailable
from synth.jobs import services, streaming
from synth.jobs.api import audio_response
from synth.jobs.api_usage import quota_headers
from synth.jobs.models import JobState, Output, SynthesisJob

IGNORED_HEADER = "X-Ignored"
_SHOWN = 20


class KeyedView(APIView):
    """For programs with a key, also those that run in somebody's page: of any origin, since no session counts here."""

    authentication_classes = [ApiKeyAuthentication, XiApiKeyAuthentication]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":  # a browser asks without the key whether it may ask with it
            super().initial(request, *args, **kwargs)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Access-Control-Allow-Origin"] = "*"
        answer["Access-Control-Allow-Headers"] = "authorization, content-type, idempotency-key, xi-api-key"
        answer["Access-Control-Allow-Methods"] = "GET, POST"
        answer["Access-Control-Expose-Headers"] = "*"
        return answer


def sound(
    request: Request, job: SynthesisJob, *, paced: bool, events: bool = False, skip_bytes: int = 0
) -> HttpResponseBase:
    """The sound of a job that belongs to this request: while it is made, where the job is streamed; else its file. Its
    headers say what is left of the caller's quotas."""
    left = quota_headers(principal_for(request))  # as it is now, not once the speech was heard
    answer: HttpResponseBase
    if job.is_streamed:
        answer = streaming.stream_to(
            request, job.id, paced=paced, owned=True, events=events, skip_bytes=skip_bytes
        )
    else:
        released(job.id)
        if events:
            answer = streaming.stream_to(request, job.id, paced=False, owned=False, events=True)
        else:
            answer = file_of(request, job.id, skip_bytes=skip_bytes)
    say_left(answer, left)
    return answer


def released(job_id: UUID) -> SynthesisJob:
    """The job once its file is released. Raises what ended it, and `Unavailable` ``still_speaking``."""
    job = services.wait_for_job(job_id=job_id, timeout_s=streaming.SOUND_WITHIN_S)
    if not job.is_final:
        raise Unavailable(
            "still_speaking",
            "The speech is not ready yet; the same request again will wait for the same job.",
            retry_after_s=5,
            extra={"job_id": str(job.id)},
        )
    if job.state != JobState.RELEASED:
        raise services.job_error(job)
    return job


def file_of(request: Request, job_id: UUID, *, skip_bytes: int = 0) -> HttpResponseBase:
    """The file of a released job, from ``skip_bytes`` on; its download is an entry. Never in ranges: the same request
    once more is another job."""
    output, data = bytes_of(request, job_id)
    answer = audio_response(request, output, data[skip_bytes:], as_attachment=True, ranges=False)
    if skip_bytes:
        del answer["X-Audio-SHA256"]  # of the file with its head
    return answer


def bytes_of(request: Request, job_id: UUID) -> tuple[Output, bytes]:
    """A released file, by the rights of now: in ten minutes a key may have been revoked, a membership ended."""
    output, file = services.open_output(principal=renewed(principal_for(request)), job_id=job_id)
    with file:
        return output, file.read()


def say_left(response: HttpResponseBase, left: Mapping[str, str]) -> None:
    """Put into an answer what `quota_headers` said."""
    for name, value in left.items():
        response[name] = value


def say_ignored(response: HttpResponseBase, names: Iterable[str]) -> None:
    """Name in a header what was given and had no effect; what is no plain name is not repeated."""
    plain = [name for name in dict.fromkeys(names) if name.isascii() and name.isidentifier()]
    if plain:
        response[IGNORED_HEADER] = ", ".join(name[:40] for name in plain[:_SHOWN])


def unknown_fields(given: Any, known: Iterable[str]) -> list[str]:
    """Names at the top of a request's body that its door does not know."""
    return [str(name) for name in given if name not in set(known)] if isinstance(given, dict) else []
