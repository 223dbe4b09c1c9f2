"""Liveness and readiness, for supervisors and containers."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from synth.common.wakeup import client

_PARTS: dict[str, Callable[[], bool]] = {}


def add_part(name: str, is_ready: Callable[[], bool]) -> None:
    """A room above adds what readiness also depends on; its check must be quick and must not raise."""
    _PARTS[name] = is_ready


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The process can reach what it needs; 503 with the part that is missing otherwise."""
    database = _database()
    parts = {"database": database, "broker": _broker()}
    parts |= {name: database and is_ready() for name, is_ready in _PARTS.items()}
    ready = all(parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker() -> bool:
    try:
        return bool(client().ping())
    except redis.RedisError:
        return False
