"""A body larger than any door takes is refused while it arrives: it must not fill the disk first."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from synth.common.bodies import MAX_BODY_BYTES, BoundedBodies
from synth.conf.asgi import application


def exchange(headers, chunks, limit_bytes=10, path="/api/v1/verify", bodies=None):
    """What was sent, and how many bytes the inner application was handed."""
    sent, handed = [], []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1}
        for i, chunk in enumerate(chunks)
    ]

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    async def inner(scope, receive, send):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            handed.append(len(message["body"]))
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    bounded = BoundedBodies(inner, limit_bytes)
    # In a thread: the browser's driver keeps an event loop of its own in the main one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            asyncio.run, bounded({"type": "http", "headers": headers, "path": path}, receive, send)
        ).result()
    if bodies is not None:
        bodies += [json.loads(m["body"]) for m in sent if m["type"] == "http.response.body"]
    return [m["status"] for m in sent if m["type"] == "http.response.start"], sum(handed)


def test_the_web_process_counts_bodies():
    assert isinstance(application, BoundedBodies)


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"10")]])
def test_a_body_within_the_limit_passes(headers):
    assert exchange(headers, [b"12345", b"67890"]) == ([200], 10)


def test_a_declared_body_over_the_limit_is_refused_before_a_byte_of_it():
    assert exchange([(b"content-length", b"11")], [b"12345678901"]) == ([413], 0)


@pytest.mark.provokes("request_too_large")
@pytest.mark.parametrize("path", ["/api/v1/verify", "/v1/audio/speech"])
def test_the_refusal_has_the_shape_of_the_door(path):
    bodies = []
    assert exchange([(b"content-length", b"11")], [b"x" * 11], path=path, bodies=bodies) == ([413], 0)
    (body,) = bodies
    error = body["error"] if path.startswith("/v1/") else body
    assert error["code"] == "request_too_large" and error["limit"] == MAX_BODY_BYTES
    said = error["message"] if path.startswith("/v1/") else error["detail"]
    assert "72 MiB" in said and "FLAC, MP3 or Opus" in said


def test_a_chunked_body_without_a_length_is_refused_at_the_limit():
    status, handed = exchange([(b"transfer-encoding", b"chunked")], [b"123456"] * 1000)
    assert status == [413]
    assert handed <= 10
