"""While the database restarts every door answers 503 and says when to come back; nobody is shown a fault of ours."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from accounts.people.services import create_key
from tests import factories

AWAY = [
    OperationalError("server closed the connection unexpectedly"),
    OperationalError("FATAL: the database system is starting up"),
    InterfaceError("connection already closed"),
]
PAGES = ["/", "/verify", "/voices", "/audit/growth", "/audit/checkpoint", "/accounts/login/"]
PROGRAMS = ["/v1/models", "/v1/audio/speech", "/api/v1/jobs", "/api/v1/voices", "/tts"]


@pytest.fixture
def away(monkeypatch, request):
    """The server is gone: whatever asks it fails as it does while PostgreSQL restarts."""
    error = request.param

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(type(connection._connections[connection._alias]), "cursor", fail)
    return error


@pytest.fixture
def visitor():
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "a" * 32  # somebody who is signed in: the session is read from the database
    return client


@pytest.fixture
def key(db):
    """Headers of a program that may speak; made before the database goes away."""
    scopes = ["speech:write", "speech:read", "voices:read"]
    _, secret = create_key(principal=factories.owner_principal(), name="test", scopes=scopes)
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.django_db
@pytest.mark.parametrize("away", AWAY, indirect=True, ids=str)
@pytest.mark.parametrize("path", PAGES)
def test_pages(visitor, away, path):
    for answer in (visitor.get(path), visitor.post(path)):
        if answer.status_code in (
            401,
            403,
            404,
            405,
        ):  # a form without its token asks nothing of the database
            continue
        assert answer.status_code in (200, 302, 503), answer.status_code
    answer = visitor.get(path)
    if answer.status_code == 503:
        assert answer["Retry-After"] == "5"
        assert "cannot be reached just now" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("away", AWAY[:1], indirect=True, ids=str)
@pytest.mark.parametrize("path", PROGRAMS)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.provokes("database_unavailable")
def test_programs(visitor, key, away, path, method):
    answer = getattr(visitor, method)(path, headers=key)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    body = answer.json()
    assert "database_unavailable" in (body.get("code"), body.get("error", {}).get("code"))


@pytest.mark.django_db
@pytest.mark.parametrize("away", AWAY[:1], indirect=True, ids=str)
def test_pages_that_need_the_database_say_so(visitor, away):
    """The test of all pages lets those through that need none."""
    assert visitor.get("/voices").status_code == 503
    assert visitor.get("/audit/growth").status_code == 503


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1", "/api/v1/nothing", "/api/v1/jobs/", "/api/", "/v1/models/"]
)
def test_unknown_addresses_of_programs_answer_in_their_doors_json(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    body = answer.json()
    if path.startswith("/v1"):
        assert body["error"]["code"] == "not_found"
        assert answer["Content-Type"] == "application/json"
    else:
        assert body["code"] == "not_found"
        assert answer["Content-Type"] == "application/problem+json"


def test_unknown_addresses_of_people_are_a_page(client):
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
