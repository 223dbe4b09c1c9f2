"""A program of the organisation hears of a job from the running service, also after it was deaf for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.conftest import Seeded

pytestmark = pytest.mark.e2e

ADD = """
from accounts.people.models import Membership
from accounts.people.principals import principal_of
from synth.webhooks.services import create_endpoint
owner = principal_of(Membership.objects.select_related("user", "organisation").get(user__email={email!r}))
row, secret = create_endpoint(principal=owner, url={url!r}, events=["job.released"])
answer = {{"id": str(row.pk), "secret": secret}}
"""


def call(seeded: Seeded, path: str, body: Any = None) -> tuple[dict[str, str], Any]:
    """Headers and JSON of an API call with the organisation's key."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{seeded.url}{path}",
        data,
        {"Authorization": f"Bearer {seeded.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, json.load(answer)


def test_a_job_is_told_once_its_receiver_hears(seeded: Seeded) -> None:
    got: list[tuple[str, str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = [self.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")]
            got.append((head[0], head[1], head[2], body))
            self.send_response(503 if len(got) == 1 else 204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        made = seeded.service.python(ADD.format(email=seeded.email, url=url))
        _, job = call(
            seeded, "/api/v1/jobs", {"voice": seeded.slug, "text": "The parcel arrived.", "format": "wav"}
        )
        deadline = time.monotonic() + 90
        while len(got) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert len(got) == 2, seeded.service.tail()
        first, again = got
        assert first[0] == again[0] and first[3] == again[3]
        assert json.loads(again[3])["data"]["job_id"] == job["id"]
        key = base64.b64decode(made["secret"].removeprefix("whsec_"))
        signed = f"{again[0]}.{again[1]}.".encode() + again[3]
        expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        assert again[2] == f"v1,{expected}"
        time.sleep(1)
        _, told = call(seeded, f"/api/v1/webhooks/{made['id']}/deliveries")
        assert [(row["state"], row["attempts"]) for row in told["data"]] == [("delivered", 2)]
        _, used = call(seeded, "/api/v1/usage")
        assert used["today"]["total"]["jobs"] >= 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
