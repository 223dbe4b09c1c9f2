"""A bound on request bodies where they arrive.

Django's ASGI handler spools a whole body to disk before any middleware runs, so it is bounded here, before Django:
the bytes are counted as they come, with or without a declared length. Each door has a smaller limit of its own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from synth.common.http import error_body, is_openai_path
from synth.common.uploads import MIB, SEND_LESS
from synth.errors import PayloadTooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_BODY_BYTES = 72 * MIB
"""More than the largest upload that any door takes."""


class BoundedBodies:
    """ASGI: answers 413 and closes as soon as a request's body is known to be larger than ``limit_bytes``."""

    def __init__(self, application: Application, limit_bytes: int = MAX_BODY_BYTES) -> None:
        self._application = application
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if _declared(scope) > self._limit_bytes:
            await _refuse(scope, send)
            return
        seen = 0
        refused = False

        async def counted() -> Message:
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen <= self._limit_bytes:
                return message
            if not refused:
                refused = True
                await _refuse(scope, send)
            # To the handler it looks as if the caller had gone: it drops what it spooled.
            return {"type": "http.disconnect"}

        async def until_refused(message: Message) -> None:
            if not refused:
                await send(message)

        await self._application(scope, counted, until_refused)


def _declared(scope: Any) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() and len(lengths[0]) < 20 else 0


async def _refuse(scope: Any, send: Send) -> None:
    """In the envelope of the door that was knocked at."""
    error = PayloadTooLarge(
        "request_too_large",
        f"The request has more than {MAX_BODY_BYTES // MIB} MiB. {SEND_LESS}",
        measured=_declared(scope) or None,
        limit=MAX_BODY_BYTES,
    )
    path: str = scope["path"]
    data = json.dumps(error_body(error, path=path, request_id="")).encode()
    headers = [
        (b"content-type", b"application/json" if is_openai_path(path) else b"application/problem+json"),
        (b"content-length", str(len(data)).encode()),
        (b"connection", b"close"),
        (b"x-should-retry", b"false"),
    ]
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
