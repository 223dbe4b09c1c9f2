"""A bound on request bodies where they arrive.

Django's ASGI handler spools a whole body to disk before any middleware runs, so `BodyLimitMiddleware` can only
refuse what is already there. Here the bytes are counted as they come, with or without a declared length.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from synth.common.middleware import MAX_BODY_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

_REFUSAL = b'{"code":"request_too_large","detail":"The request is too large.","status":413}'


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
            await _refuse(send)
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
                await _refuse(send)
            # To the handler it looks as if the caller had gone: it drops what it spooled.
            return {"type": "http.disconnect"}

        async def until_refused(message: Message) -> None:
            if not refused:
                await send(message)

        await self._application(scope, counted, until_refused)


def _declared(scope: Any) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() and len(lengths[0]) < 20 else 0


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(_REFUSAL)).encode()),
        (b"connection", b"close"),
        (b"x-should-retry", b"false"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSAL})
