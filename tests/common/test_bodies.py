"""A body larger than any door takes is refused while it arrives: it must not fill the disk first."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn

from synth.common import connections
from synth.common.bodies import MAX_BODY_BYTES, BoundedBodies
from synth.common.prefix import UnderPath
from synth.conf.asgi import application


def exchange(headers, chunks, limit_bytes=10, path="/api/v1/verify", bodies=None, pause_s=0.0, grace_s=30.0):
    """What was sent, and how many bytes the inner application was handed; ``pause_s`` before each part."""
    sent, handed = [], []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1}
        for i, chunk in enumerate(chunks)
    ]

    async def receive():
        await asyncio.sleep(pause_s)
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

    bounded = BoundedBodies(inner, limit_bytes, grace_s)
    # In a thread: the browser's driver keeps an event loop of its own in the main one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            asyncio.run, bounded({"type": "http", "headers": headers, "path": path}, receive, send)
        ).result()
    if bodies is not None:
        bodies += [json.loads(m["body"]) for m in sent if m["type"] == "http.response.body"]
    return [m["status"] for m in sent if m["type"] == "http.response.start"], sum(handed)


def test_the_web_process_counts_bodies():
    assert isinstance(application, UnderPath)
    assert isinstance(application._application, BoundedBodies)


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"10")]])
def test_a_body_within_the_limit_passes(headers):
    assert exchange(headers, [b"12345", b"67890"]) == ([200], 10)


def test_a_declared_body_over_the_limit_is_refused_before_a_byte_of_it():
    assert exchange([(b"content-length", b"11")], [b"12345678901"]) == ([413], 0)


def test_the_refusal_has_the_shape_of_the_door_behind_a_key():
    bodies = []
    length = [(b"content-length", b"11")]
    assert exchange(length, [b"x" * 11], path="/k/assent_1/tts", bodies=bodies) == ([400], 0)
    assert bodies[0]["Exception"] == "request_too_large" and bodies[0]["message"]


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


@pytest.mark.provokes("request_too_slow")
def test_a_body_that_does_not_come_is_not_waited_for():
    bodies = []
    sent = exchange([], [b"12", b"34"], pause_s=0.2, grace_s=0.1, bodies=bodies)
    assert sent == ([408], 0)
    assert bodies[0]["code"] == "request_too_slow"


def test_a_body_may_pause():
    assert exchange([], [b"12", b"34"], pause_s=0.05) == ([200], 4)


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/assent/verify", "/assent/verify"),
        ("/verify", "/assent/verify"),
        ("/assent", "/assent"),
        ("/", "/assent/"),
    ],
)
def test_below_a_path_the_proxy_may_strip_it_or_not(asked, seen):
    scopes = []

    async def inner(scope, receive, send):
        scopes.append(scope["path"])

    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            asyncio.run, UnderPath(inner, "/assent")({"type": "http", "path": asked}, None, None)
        ).result()
    assert scopes == [seen]


@pytest.fixture
def port(monkeypatch):
    """A server as the web process runs it, patient for a moment only."""
    monkeypatch.setattr(connections, "HEADERS_WITHIN_S", 0.3)

    async def hello(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(
        hello, host="127.0.0.1", port=0, http=connections.PatientHttp, lifespan="off", log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_half_sent_headers_are_not_waited_for(port, said):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(said)
        assert client.recv(100) == b"", "closed by the server"


def test_whole_headers_are_answered(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for _ in range(2):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"ok"):
                answer += client.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")
