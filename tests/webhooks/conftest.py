"""A receiver on this machine, an organisation with an endpoint at it, and the worker's task."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from synth.webhooks.models import Endpoint
from tests import factories
from tests.doors.conftest import JSON, browser_of
from worker import tasks


@dataclass
class Receiver:
    """What came in; ``answers`` are given in their order, then 204. An answer is a status and headers."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A program that is told, on the loopback: the setting for development lets webhooks go there."""
    settings.ASSENT_WEBHOOKS_ANYWHERE = True
    heard = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = heard.answers.pop(0) if heard.answers else (204, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_port}/hook?from=here"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def owner(db: None) -> Any:
    return factories.owner_principal()


@pytest.fixture
def browser(owner: Any) -> Client:
    return browser_of(owner)


@pytest.fixture
def made(browser: Client, receiver: Receiver) -> dict[str, Any]:
    """The answer to making an endpoint at the receiver, for everything."""
    from synth.webhooks.events import TYPES

    answer = browser.post("/api/v1/webhooks", {"url": receiver.url, "events": list(TYPES)}, JSON)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


@pytest.fixture
def endpoint(made: dict[str, Any]) -> Endpoint:
    return Endpoint.objects.get(pk=made["id"])


def deliver() -> None:
    """What the worker does once it is called."""
    tasks.send_webhooks()
