"""What every API door shares: the shape of a refusal, one page of a list, how a request is read."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response

from synth.common import api as shapes
from synth.common.paging import page_by_id


class Problem(serializers.Serializer[Any]):
    """Problem details (RFC 9457); `code` is stable, `detail` is for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    measured = serializers.JSONField(required=False, help_text="What was measured, where something was.")
    limit = serializers.JSONField(required=False, help_text="The bound that it broke.")
    retry_after_s = serializers.FloatField(required=False, help_text="Seconds; also in `retry-after`.")


class _OpenAIErrorFacts(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField(help_text="OpenAI's kind of error, by the status.")
    param = serializers.CharField(allow_null=True, help_text="The field at fault, where it is one.")
    code = serializers.CharField()

    class Meta:
        ref_name = "OpenAIErrorFacts"


class OpenAIError(serializers.Serializer[Any]):
    """OpenAI's envelope with our codes; `measured` and `limit` stand beside them where something was measured."""

    error = _OpenAIErrorFacts()


class GptSovitsError(serializers.Serializer[Any]):
    """What GPT-SoVITS' clients show, and our code; `measured` and `limit` where something was measured."""

    message = serializers.CharField()
    Exception = serializers.CharField(help_text="The code.")
    code = serializers.CharField()


class _ElevenLabsErrorFacts(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="The code.")
    message = serializers.CharField()
    code = serializers.CharField()

    class Meta:
        ref_name = "ElevenLabsErrorFacts"


class ElevenLabsError(serializers.Serializer[Any]):
    """ElevenLabs' envelope with our codes; `measured` and `limit` stand beside them where something was measured."""

    detail = _ElevenLabsErrorFacts()


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)
    after = serializers.UUIDField(required=False, help_text="Id of the last item of the page before.")


class WaitQuery(serializers.Serializer[Any]):
    wait_s = serializers.FloatField(
        min_value=0, max_value=30, default=0, help_text="Answer once decided, or after this many seconds."
    )


def refusals(*codes: int) -> dict[int, Any]:
    """Problem shapes of the refusals every door knows, and of those in `codes`."""
    return dict.fromkeys((400, 401, 403, 404, *codes), shapes.Problem)


def parsed(form: type[drf.Serializer[Any]], data: Any) -> dict[str, Any]:
    """The validated `data`; what does not fit is a 400 naming the field."""
    serializer = form(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def listed(
    request: Request,
    rows: QuerySet[Any],
    shape: type[drf.Serializer[Any]],
    *,
    newest_first: bool = True,
) -> Response:
    """One page of `rows`, as the query asks (`PageQuery`), each in its `shape`."""
    query = parsed(shapes.PageQuery, request.query_params)
    page = page_by_id(rows, newest_first=newest_first, **query)
    return Response({"data": shape(page.items, many=True).data, "has_more": page.has_more})
