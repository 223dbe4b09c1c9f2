"""A key in the address, taken out of it; a request id for every answer, so that a report can name it and the process
logs can find it; the answer to whoever asks whether the process lives; and the pages' own files."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from synth.common import keyed, logs
from synth.common.health import healthz
from synth.common.ids import new_id

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class _Middleware:
    """Runs under WSGI and ASGI alike, without a thread in between."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)  # type: ignore[type-var]


class KeyInAddressMiddleware(_Middleware):
    """A key in the path (`keyed`) becomes the request's bearer token, in place of any other; first of all, so that
    nothing behind it sees the key in an address."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        key, path = keyed.split(request.path_info)
        if key:
            request.path = request.path.removesuffix(request.path_info) + path
            request.path_info = request.META["PATH_INFO"] = path
            request.META["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return self.get_response(request)


class RequestIdMiddleware(_Middleware):
    """Sets ``request.request_id`` and answers it as ``x-request-id``; a sane one from the caller is kept."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        given = request.headers.get("x-request-id", "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else str(new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        if iscoroutinefunction(self.get_response):
            return self._later(request, request_id)
        with logs.about(request=request_id):
            response = self.get_response(request)
        assert isinstance(response, HttpResponseBase)  # noqa: S101
        response["x-request-id"] = request_id
        return response

    async def _later(self, request: HttpRequest, request_id: str) -> HttpResponse:
        with logs.about(request=request_id):
            response = await self.get_response(request)  # type: ignore[misc]
        response["x-request-id"] = request_id
        return response


class LivenessMiddleware(_Middleware):
    """Answers ``/healthz`` whatever name the service is called by: a supervisor knows its port, not its host."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path_info != "/healthz":
            return self.get_response(request)
        response = healthz(request)
        return _soon(response) if iscoroutinefunction(self.get_response) else response


async def _soon(response: HttpResponseBase) -> HttpResponseBase:
    return response


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise's files as whole answers: an ASGI server reads its blocking iterators at once too, and warns of it."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        answer = HttpResponse(status=int(found.status))
        if found.file is not None:
            with closing(found.file):
                answer.content = found.file.read()
        del answer["content-type"]
        for name, value in found.headers:
            answer[name] = value
        return answer
