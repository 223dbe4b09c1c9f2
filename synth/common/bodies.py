"""A bound on request bodies where they arrive, in bytes and in time.

Django's ASGI handler spools a whole body to disk before any middleware runs, so it is bounded here, before Django:
the bytes are counted as they come, with or without a declared length, and a body that does not come is not waited
for. Each door has a smaller limit of its own.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from synth.common.envelopes import envelope_at
from synth.common.keyed import split
from synth.common.prefix import inside
from synth.common.uploads import MIB, SEND_LESS
from synth.errors import AssentError, PayloadTooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

GONE = "assent.gone"
"""In a request's scope: the event that its client has gone, for whoever waits on its behalf."""
MAX_BODY_BYTES = 72 * MIB
"""More than the largest upload that any door takes."""
GRACE_S = 30.0
LEAST_BYTES_PER_S = 1024.0
"""A body may pause, but on the whole it comes at this rate, after a time of grace; slower ones only hold a place."""


def is_gone(request: Any) -> bool:
    """Whether the client of this Django request has closed its connection, as far as is known."""
    event = getattr(request, "scope", {}).get(GONE)
    return event is not None and event.is_set()


class BoundedBodies:
    """ASGI: answers 413 and closes as soon as a request's body is known to be larger than ``limit_bytes``; 408 when it
    is not whole ``grace_s`` after the time that it takes at `LEAST_BYTES_PER_S`.
    """

    def __init__(
        self, application: Application, limit_bytes: int = MAX_BODY_BYTES, grace_s: float = GRACE_S
    ) -> None:
        self._application = application
        self._limit_bytes = limit_bytes
        self._grace_s = grace_s

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if _declared(scope) > self._limit_bytes:
            await _refuse(_too_large(scope), scope, send)
            return
        began_s = time.monotonic()
        seen = 0
        refused = whole = False
        gone = scope.setdefault(GONE, threading.Event())

        async def counted() -> Message:
            nonlocal seen, refused, whole
            error: AssentError
            try:
                # Once it is whole, waiting means to wait for the caller to go.
                due_s = began_s + self._grace_s + seen / LEAST_BYTES_PER_S - time.monotonic()
                message = await asyncio.wait_for(receive(), None if whole or refused else max(0.0, due_s))
            except TimeoutError:
                error = _too_slow(seen)
            else:
                if message["type"] == "http.disconnect":
                    gone.set()
                seen += len(message.get("body", b""))
                whole = whole or not message.get("more_body", False)
                if seen <= self._limit_bytes:
                    return message
                error = _too_large(scope)
            if not refused:
                refused = True
                await _refuse(error, scope, send)
            # To the handler it looks as if the caller had gone: it drops what it spooled.
            return {"type": "http.disconnect"}

        async def until_refused(message: Message) -> None:
            if not refused:
                await send(message)

        await self._application(scope, counted, until_refused)


def _declared(scope: Any) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() and len(lengths[0]) < 20 else 0


def _too_large(scope: Any) -> AssentError:
    return PayloadTooLarge(
        "request_too_large",
        f"The request has more than {MAX_BODY_BYTES // MIB} MiB. {SEND_LESS}",
        measured=_declared(scope) or None,
        limit=MAX_BODY_BYTES,
    )


def _too_slow(seen: int) -> AssentError:
    return AssentError(
        "request_too_slow",
        "The request did not arrive in time. Please send it again.",
        measured=seen,
        http_status=408,
    )


async def _refuse(error: AssentError, scope: Any, send: Send) -> None:
    """In the envelope of the door that was knocked at."""
    _key, path = split(inside(scope["path"], settings.FORCE_SCRIPT_NAME))
    envelope = envelope_at(path)
    data = json.dumps(envelope.body(error, "")).encode()
    headers = [
        (b"content-type", envelope.media_type.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"connection", b"close"),
        (b"x-should-retry", b"false"),
    ]
    await send({"type": "http.response.start", "status": envelope.status(error), "headers": headers})
    await send({"type": "http.response.body", "body": data})
