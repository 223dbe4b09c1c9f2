"""The project API: a script handed in, its lines watched and changed, what they make together."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import PageQuery, parsed, refusals
from synth.common.paging import first_of, page_by_id
from synth.projects import selectors, services
from synth.projects import serializers as shapes
from synth.projects.answers import archive_answer, subtitles_answer, track_sound
from synth.projects.script import refuse_too_large
from synth.projects.serializers import line_answer, project_answer, track_answer

_REFUSED = refusals()


class ProjectsView(APIView):
    """Projects of the organisation."""

    parser_classes: list[Any] = [*api_settings.DEFAULT_PARSER_CLASSES, MultiPartParser]

    @extend_schema(
        operation_id="project_create",
        request={
            "application/json": shapes.ProjectRequest,
            "multipart/form-data": shapes.ProjectRequest,
        },
        responses={201: shapes.ProjectShape, **refusals(409, 413)},
    )
    def post(self, request: Request) -> Response:
        """Hand in a script. Its lines are spoken from now on, a few at a time, each asked for by itself."""
        principal = principal_for(request)
        given = parsed(shapes.ProjectRequest, request.data)
        project = services.create_project(principal=principal, **script_of(given))
        return Response(_answer(request, project.pk), status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="project_list", parameters=[PageQuery], responses={200: shapes.ProjectPage, **_REFUSED}
    )
    def get(self, request: Request) -> Response:
        query = parsed(PageQuery, request.query_params)
        page = page_by_id(selectors.projects_for(principal_for(request)), **query)
        return Response({"data": [project_answer(row) for row in page.items], "has_more": page.has_more})


class ProjectView(APIView):
    @extend_schema(operation_id="project", responses={200: shapes.ProjectShape, **_REFUSED})
    def get(self, request: Request, project_id: UUID) -> Response:
        """How far it is, in all."""
        return Response(_answer(request, project_id))


class ProjectCancelView(APIView):
    @extend_schema(
        operation_id="project_cancel", request=None, responses={200: shapes.ProjectShape, **_REFUSED}
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Stop what waits and what is being spoken; what is done stays."""
        services.cancel_project(principal=principal_for(request), project_id=project_id)
        return Response(_answer(request, project_id))


class ProjectRetryView(APIView):
    @extend_schema(
        operation_id="project_retry", request=None, responses={200: shapes.ProjectShape, **_REFUSED}
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Speak what failed or was cancelled; what is done stays."""
        services.retry_project(principal=principal_for(request), project_id=project_id)
        return Response(_answer(request, project_id))


class LinesView(APIView):
    @extend_schema(
        operation_id="project_lines",
        parameters=[shapes.LinesQuery],
        responses={200: shapes.LinesPage, **_REFUSED},
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        """The lines of a project, in order, page by page."""
        query = parsed(shapes.LinesQuery, request.query_params)
        rows = selectors.lines_for(principal_for(request), project_id).filter(number__gt=query["after"])
        if "state" in query:
            rows = rows.filter(state=query["state"])
        page = first_of(rows, query["limit"])
        return Response({"data": [line_answer(row) for row in page.items], "has_more": page.has_more})


class LineView(APIView):
    @extend_schema(operation_id="project_line", responses={200: shapes.LineShape, **_REFUSED})
    def get(self, request: Request, project_id: UUID, number: int) -> Response:
        """One line: its words, its slot, how far it is."""
        return Response(line_answer(selectors.line_for(principal_for(request), project_id, number)))

    @extend_schema(
        operation_id="project_line_edit",
        request=shapes.LineChange,
        responses={200: shapes.LineShape, **refusals(409)},
    )
    def patch(self, request: Request, project_id: UUID, number: int) -> Response:
        """Change a line, and speak it anew."""
        line = services.edit_line(
            principal=principal_for(request),
            project_id=project_id,
            number=number,
            changes=parsed(shapes.LineChange, request.data),
        )
        return Response(line_answer(line))


class LineRedoView(APIView):
    @extend_schema(
        operation_id="project_line_redo", request=None, responses={200: shapes.LineShape, **refusals(409)}
    )
    def post(self, request: Request, project_id: UUID, number: int) -> Response:
        """Speak a line anew as it stands."""
        principal = principal_for(request)
        return Response(
            line_answer(services.redo_line(principal=principal, project_id=project_id, number=number))
        )


class ArchiveView(APIView):
    @extend_schema(
        operation_id="project_archive",
        responses={
            (200, "application/zip"): OpenApiResponse(
                OpenApiTypes.BINARY, description="The files, as released."
            ),
            **refusals(409, 422),
        },
    )
    def get(self, request: Request, project_id: UUID) -> StreamingHttpResponse:
        """The released files in one ZIP, with manifest.json and manifest.csv. Each file is a download in the log."""
        return archive_answer(services.export_lines(principal=principal_for(request), project_id=project_id))


class SubtitlesView(APIView):
    @extend_schema(
        operation_id="project_subtitles",
        parameters=[shapes.SubtitlesQuery],
        responses={(200, "application/x-subrip"): str, (200, "text/vtt"): str, **_REFUSED},
    )
    def get(self, request: Request, project_id: UUID) -> HttpResponse:
        """What is said when, by the times of the words where they were measured."""
        query = parsed(shapes.SubtitlesQuery, request.query_params)
        return subtitles_answer(principal_for(request), project_id, query["format"])


class TrackView(APIView):
    @extend_schema(
        operation_id="project_track_make",
        request=shapes.TrackRequest,
        responses={202: shapes.TrackShape, **refusals(409, 422)},
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Have all lines that are done laid out in one file."""
        given = parsed(shapes.TrackRequest, request.data)
        track = services.ask_track(principal=principal_for(request), project_id=project_id, **given)
        return Response(track_answer(track), status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="project_track",
        parameters=[shapes.TrackQuery],
        responses={200: shapes.TrackShape, **_REFUSED},
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        """How far the track of a format is, and what it is once it is made."""
        query = parsed(shapes.TrackQuery, request.query_params)
        return Response(
            track_answer(selectors.track_for(principal_for(request), project_id, query["format"]))
        )


class TrackAudioView(APIView):
    @extend_schema(
        operation_id="project_track_audio",
        parameters=[shapes.TrackQuery],
        responses={
            (200, "audio/wav"): OpenApiResponse(OpenApiTypes.BINARY, description="The track."),
            (200, "audio/flac"): OpenApiTypes.BINARY,
            **refusals(409, 422),
        },
    )
    def get(self, request: Request, project_id: UUID) -> StreamingHttpResponse:
        """The track. The download is an entry, and one for every line in it."""
        query = parsed(shapes.TrackQuery, request.query_params)
        return track_sound(
            *services.open_track(principal=principal_for(request), project_id=project_id, **query)
        )


def script_of(given: dict[str, Any]) -> dict[str, Any]:
    """What a request says, as `services.create_project` takes it. A file that is too large is refused unread."""
    asked = dict(given)
    file, text = asked.pop("file", None), asked.pop("script", None)
    if file is not None:
        refuse_too_large(file.size)
        asked |= {"script": file.read(), "script_name": file.name or ""}
    elif text is not None:
        refuse_too_large(len(text))
        asked["script"] = text.encode()
    return asked


def _answer(request: Request, project_id: UUID) -> dict[str, Any]:
    return project_answer(selectors.project_for(principal_for(request), project_id))
