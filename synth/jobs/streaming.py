"""A job's sound over HTTP while it is made: bytes as they may leave, at the pace at which they are heard.

Every chunk is asked for anew (`services.Listener`), so that after a revocation nothing more leaves. A stream that ends
before its last word is broken off, so that no client takes it for whole; in events it ends with one that says why.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import StreamingHttpResponse

from accounts.people.principals import principal_for, renewed
from synth.common.bodies import is_gone
from synth.errors import AssentError, Unavailable
from synth.jobs import selectors, services
from synth.jobs.formats import FORMATS
from synth.jobs.models import SynthesisJob
from synth.jobs.services import Listener, leave

logger = logging.getLogger(__name__)
T = TypeVar("T")
AHEAD_S = 3.0
"""So far ahead of real time bytes leave: enough for a player, little to be sorry for after a revocation."""
SOUND_WITHIN_S = 600.0
"""A queue is waited for so long, with the connection open."""
_LOOK_EVERY_S = 0.15
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="stream")


class StreamBrokenOff(Exception):
    """Ends a response whose head has left, in front of everybody between here and the player."""


def stream_to(
    request: Any, job_id: UUID, *, paced: bool, owned: bool, events: bool = False, skip_bytes: int = 0
) -> StreamingHttpResponse:
    """The answer once the first sound is released. Raises what ended the job before, and `Unavailable`
    ``still_speaking`` when that takes too long. ``skip_bytes``: so many of the file's first are not sent."""
    principal = principal_for(request)
    plain = getattr(request, "_request", request)
    listener = services.open_stream(principal=principal, job_id=job_id)
    job = services.wait_for_sound(job_id=job_id, timeout_s=SOUND_WITHIN_S, is_gone=lambda: is_gone(plain))
    if owned and is_gone(plain):
        services.leave(principal=principal, job_id=job_id)
    if not job.is_final and not job.pieces.exists():
        raise Unavailable(
            "still_speaking",
            "The speech is not ready yet; the same request again will wait for the same job.",
            retry_after_s=5,
            extra={"job_id": str(job.id), "queue_place": selectors.queue_place(job)},
        )
    listener.principal = renewed(principal)
    listener.look()
    return _response(job, listener, paced=paced, owned=owned, events=events, skip_bytes=skip_bytes)


def _response(
    job: SynthesisJob,
    listener: Listener,
    *,
    paced: bool,
    owned: bool,
    events: bool = False,
    skip_bytes: int = 0,
) -> StreamingHttpResponse:
    """The answer to one listener. ``owned``: losing this client cancels the job; ``events``: OpenAI's, else bytes."""
    body = _body(listener, paced=paced, owned=owned)
    kind = FORMATS[job.format]
    response = StreamingHttpResponse(
        _events(body, job) if events else _sound(body, skip_bytes),
        content_type="text/event-stream" if events else kind.media_type,
    )
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would gather it; other proxies: docs/streaming.md
    response["Accept-Ranges"] = "none"
    response["X-Job-Id"] = str(job.id)
    first = job.pieces.select_related("mark").order_by("index").first()
    if first is not None:
        response["X-Watermark-Id"] = str(first.mark.public_id)
        response["X-Log-Entry"] = str(first.entry_id)
        response["X-Engine"] = f"{first.mark.engine_name}/{first.mark.engine_version}"
    if not events:
        response["Content-Disposition"] = f"inline; filename=assent-{job.id}.{kind.extension}"
    return response


async def _body(listener: Listener, *, paced: bool, owned: bool) -> AsyncGenerator[bytes, None]:
    """Chunks as they may leave. Raises AssentError when no more may."""
    begun: float | None = None
    try:
        while not listener.has_all:
            if paced and begun is not None:
                ahead_s = listener.next_at_s - AHEAD_S - (time.monotonic() - begun)
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
            if not await _in_thread(listener.look):
                if not listener.has_all:
                    await asyncio.sleep(_LOOK_EVERY_S)
                continue
            data = await _in_thread(lambda: listener.take(paced=paced))
            if not data:  # the file ended this moment, or is not whole: the next look says why
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            begun = begun or time.monotonic()
            yield data
    finally:
        if owned and not listener.has_all:
            await asyncio.shield(
                _in_thread(lambda: leave(principal=listener.principal, job_id=listener.job_id))
            )


async def _sound(body: AsyncGenerator[bytes, None], skip_bytes: int) -> AsyncIterator[bytes]:
    try:
        async for data in body:
            if len(data) > skip_bytes:
                yield data[skip_bytes:]
            skip_bytes = max(0, skip_bytes - len(data))
    except AssentError as error:
        raise StreamBrokenOff(error.code) from None
    finally:
        await body.aclose()


async def _events(body: AsyncGenerator[bytes, None], job: SynthesisJob) -> AsyncIterator[bytes]:
    """Server-sent events in the names that OpenAI's clients know."""
    try:
        async for data in body:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
        usage = {"input_tokens": len(job.text), "output_tokens": 0, "total_tokens": len(job.text)}
        yield _event({"type": "speech.audio.done", "usage": usage})
    except AssentError as error:
        yield _event({"type": "error", "error": {"code": error.code, "message": error.message}})
    finally:
        await body.aclose()


def _event(facts: dict[str, object]) -> bytes:
    return f"data: {json.dumps(facts)}\n\n".encode()


async def _in_thread(work: Callable[[], T]) -> T:
    """Run what asks the database, on a thread of its own that keeps no connection."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False, executor=_threads)()
