"""The organisation's pronunciations over HTTP: read, replace, look at an earlier version."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import Problem
from synth.jobs import selectors, services
from synth.jobs.models import DictionaryVersion
from synth.jobs.serializers import DictionaryPage, DictionaryRequest, DictionaryShape, dictionary_answer
from synth.text.dictionary import Entry

VERSIONS_SHOWN = 100
_refusals = dict.fromkeys((400, 401, 403, 404), Problem)


class DictionaryView(APIView):
    """The pronunciations that requests use now."""

    @extend_schema(operation_id="dictionary", responses={200: DictionaryShape, **_refusals})
    def get(self, request: Request) -> Response:
        return Response(dictionary_answer(selectors.dictionaries_for(principal_for(request)).first()))

    @extend_schema(
        operation_id="dictionary_replace",
        request=DictionaryRequest,
        responses={200: DictionaryShape, **_refusals, 409: Problem},
    )
    def put(self, request: Request) -> Response:
        """All words at once; the answer is the version that is current now."""
        form = DictionaryRequest(data=request.data)
        form.is_valid(raise_exception=True)
        made = services.save_dictionary(
            principal=principal_for(request),
            entries=[Entry(**word) for word in form.validated_data["words"]],
            if_version=form.validated_data["if_version"],
        )
        return Response(dictionary_answer(made))


class VersionsView(APIView):
    @extend_schema(operation_id="dictionary_versions", responses={200: DictionaryPage, **_refusals})
    def get(self, request: Request) -> Response:
        """The newest versions, newest first."""
        versions = selectors.dictionaries_for(principal_for(request)).defer("content")[:VERSIONS_SHOWN]
        return Response({"data": [_brief(version) for version in versions]})


class VersionView(APIView):
    @extend_schema(operation_id="dictionary_version", responses={200: DictionaryShape, **_refusals})
    def get(self, request: Request, version: int) -> Response:
        """One version of the pronunciations, with all its words."""
        return Response(dictionary_answer(selectors.dictionary_version_for(principal_for(request), version)))


def _brief(version: DictionaryVersion) -> dict[str, object]:
    return {
        "version": version.version,
        "sha256": version.sha256,
        "created_at": version.created_at.isoformat(),
        "word_count": version.word_count,
    }
