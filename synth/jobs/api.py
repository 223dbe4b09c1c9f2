"""The job API: submit, status, list, cancel, download."""

from __future__ import annotations

from typing import IO
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import Problem
from synth.common.ids import parse_id
from synth.errors import AssentError, Unavailable
from synth.jobs import selectors, services
from synth.jobs.api_usage import quota_headers
from synth.jobs.engine_status import engine_facts
from synth.jobs.formats import FORMATS, PACES
from synth.jobs.models import Output
from synth.jobs.parameters import PARAMETERS, PRESETS
from synth.jobs.serializers import (
    EngineShape,
    JobPageShape,
    JobRequest,
    JobShape,
    StreamQuery,
    TakeDownRequest,
    TimestampsShape,
    job_answer,
    timestamps_answer,
)
from synth.jobs.streaming import stream_to
from synth.portal.files import answer_with
from synth.spoken.subtitles import lines, srt, vtt

PAGE_LIMIT = 100
WAIT_LIMIT_S = 60
SUBTITLES = {"srt": ("application/x-subrip", srt), "vtt": ("text/vtt", vtt)}
_refusals = dict.fromkeys((400, 401, 403, 404), Problem)


class TimestampsQuery(serializers.Serializer):
    format = serializers.ChoiceField(choices=["json", *SUBTITLES], required=False, default="json")


class JobsView(APIView):
    """Requests to speak."""

    @extend_schema(
        operation_id="job_submit",
        request=JobRequest,
        responses={201: JobShape, **_refusals, 422: Problem, 429: Problem, 503: Problem},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """Ask for speech. It is authorised and logged at once, and made in the background."""
        form = JobRequest(data=request.data)
        form.is_valid(raise_exception=True)
        principal = principal_for(request)
        job = services.submit_job(
            principal=principal,
            idempotency_key=idempotency_key(request),
            text_limit=services.LONG_TEXT_LIMIT,
            **form.validated_data,
        )
        return Response(
            job_answer(selectors.job_row(job.id)),
            status=status.HTTP_201_CREATED,
            headers=quota_headers(principal),
        )

    @extend_schema(
        operation_id="job_list",
        responses={200: JobPageShape, **_refusals},
        parameters=[
            OpenApiParameter("limit", int, description=f"1 to {PAGE_LIMIT}; 20 unless given."),
            OpenApiParameter("before", UUID, description="Jobs older than this one."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Jobs of the organisation, newest first."""
        jobs = selectors.jobs_for(principal_for(request))
        limit = _limit(request)
        before = request.query_params.get("before")
        if before:
            # Identifiers are ordered by time (UUID version 7).
            jobs = jobs.filter(id__lt=parse_id(before) or UUID(int=0))
        page = list(jobs.order_by("-id")[: limit + 1])
        more = len(page) > limit
        return Response(
            {
                "data": [job_answer(job) for job in page[:limit]],
                "next_before": str(page[limit - 1].id) if more else None,
            }
        )


class JobView(APIView):
    @extend_schema(
        operation_id="job_status",
        responses={200: JobShape, **_refusals},
        parameters=[
            OpenApiParameter(
                "wait_s", float, description=f"Answer when final, or after this long; 0 to {WAIT_LIMIT_S}."
            )
        ],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """How far a job has come, and what it released."""
        job = selectors.job_for(principal_for(request), job_id)
        wait_s = _wait_s(request)
        if wait_s:
            job = services.wait_for_job(job_id=job.id, timeout_s=wait_s)
        return Response(job_answer(job))


class JobCancelView(APIView):
    @extend_schema(
        operation_id="job_cancel", request=None, responses={200: JobShape, **_refusals, 409: Problem}
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Ask a job to stop. One that waits stops at once."""
        job = services.cancel_job(principal=principal_for(request), job_id=job_id)
        return Response(job_answer(selectors.job_row(job.id)))


class JobTakeDownView(APIView):
    """Stop serving a released file. Its record stays, and verification says that it was taken down."""

    @extend_schema(
        operation_id="job_take_down", request=TakeDownRequest, responses={200: JobShape, **_refusals}
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        form = TakeDownRequest(data=request.data)
        form.is_valid(raise_exception=True)
        services.take_down_output(principal=principal_for(request), job_id=job_id, **form.validated_data)
        return Response(job_answer(selectors.job_row(job_id)))


class JobAudioView(APIView):
    """The released file. The download is an entry in the log."""

    @extend_schema(
        operation_id="job_audio",
        responses={
            200: OpenApiResponse(bytes, description="The file, as released."),
            **_refusals,
        },
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        output, file = services.open_output(principal=principal_for(request), job_id=job_id)
        return audio_response(request, output, file, as_attachment="inline" not in request.query_params)


class JobStreamView(APIView):
    """The sound of a job while it is made, from its beginning; of a finished one the file. Listening is an entry."""

    @extend_schema(
        operation_id="job_stream",
        responses={
            200: OpenApiResponse(bytes, description="Sound as it is released."),
            **dict.fromkeys((*_refusals, 409, 422, 503), Problem),
        },
        parameters=[
            OpenApiParameter("pace", str, enum=PACES, description="real_time unless given."),
            OpenApiParameter(
                "owned", bool, description="Losing this client cancels the job; false unless given."
            ),
        ],
    )
    def get(self, request: Request, job_id: UUID) -> StreamingHttpResponse:
        query = StreamQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return stream_to(
            request,
            job_id,
            paced=query.validated_data["pace"] == PACES[0],
            owned=query.validated_data["owned"],
        )


class JobTimestampsView(APIView):
    """When the words of a released file are spoken."""

    @extend_schema(
        operation_id="job_timestamps",
        responses={
            (200, "application/json"): TimestampsShape,
            (200, "text/vtt"): str,
            (200, "application/x-subrip"): str,
            **_refusals,
        },
        parameters=[
            OpenApiParameter("format", str, enum=["json", *SUBTITLES], description="json unless given.")
        ],
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        query = TimestampsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data["format"]
        output, words = selectors.word_times_for(principal_for(request), job_id)
        if wanted == "json":
            return Response(timestamps_answer(output, words))
        media_type, write = SUBTITLES[wanted]
        response = HttpResponse(
            write(lines(output.job.text, words)), content_type=f"{media_type}; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="assent-{output.id}.{wanted}"'
        return response


class EngineView(APIView):
    """The engine that speaks here, and what a request may ask of it."""

    @extend_schema(operation_id="engine", responses={200: EngineShape, 401: Problem, 503: Problem})
    def get(self, request: Request) -> Response:
        principal_for(request)
        facts = engine_facts()
        if facts is None:
            raise Unavailable("engine_unknown", "No speech worker has reported yet.", retry_after_s=5)
        supports = facts.get("supports", [])
        return Response(
            {
                "name": facts["name"],
                "version": facts["version"],
                "is_preview": facts["is_preview"],
                "supports": supports,
                "presets": list(PRESETS),
                "parameters": [
                    {"name": row.name, "low": row.low, "high": row.high, "supported": row.name in supports}
                    for row in PARAMETERS.values()
                ],
            }
        )


def audio_response(
    request: Request, output: Output, file: IO[bytes] | bytes, *, as_attachment: bool, ranges: bool = True
) -> HttpResponse:
    """The bytes with their facts in headers; never sniffed, never cached by others."""
    response = answer_with(
        request,
        file,
        media_type=output.media_type,
        filename=f"assent-{output.id}.{FORMATS[output.format].extension}",
        download=as_attachment,
        ranges=ranges,
    )
    response["X-Job-Id"] = str(output.job_id)
    response["X-Watermark-Id"] = str(output.id)
    response["X-Audio-SHA256"] = output.sha256
    response["X-Sample-Rate"] = str(output.sample_rate_hz)
    response["X-Engine"] = f"{output.job.engine_name}/{output.job.engine_version}"
    response["X-Log-Entry"] = str(output.entry_id)
    if output.job.trim_to:
        response["X-Trim-To"] = "{start_s:.3f}-{end_s:.3f}".format(**output.job.trim_to)
    response["Cache-Control"] = "private, no-store"
    return response


def idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 128 or not key.isprintable():
        raise AssentError(
            "idempotency_key_invalid",
            "An idempotency key has at most 128 printable characters.",
            measured=len(key),
            limit=128,
        )
    return key


def _limit(request: Request) -> int:
    field = serializers.IntegerField(min_value=1, max_value=PAGE_LIMIT)
    try:
        return int(field.run_validation(request.query_params.get("limit", 20)))
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"limit": error.detail}) from None


def _wait_s(request: Request) -> float:
    field = serializers.FloatField(min_value=0, max_value=WAIT_LIMIT_S)
    try:
        return float(field.run_validation(request.query_params.get("wait_s", 0)))
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"wait_s": error.detail}) from None
