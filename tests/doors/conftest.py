"""The service from outside: people with browsers, programs with keys, workers that take what waits."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests import factories

JSON = "application/json"
NOBODY = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _no_limits_carried_over() -> None:
    cache.clear()


@pytest.fixture
def owner(db: None) -> Any:
    # A name that the recogniser can hear.
    return factories.owner_principal("Northern Light")


@pytest.fixture
def narrator(owner: Any) -> Any:
    voice = factories.consented_voice(owner, name="narrator")
    for name in ("neutral", "sad"):
        factories.approved_style(owner, voice, name=name)
    return voice


@pytest.fixture
def key(owner: Any) -> str:
    scopes = ["speech:write", "speech:read", "voices:read"]
    return factories.people.create_key(principal=owner, name="bot", scopes=scopes)[1]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does each job the moment somebody waits for it; it says three seconds, sentence by sentence."""
    from synth.engines.base import Speech
    from synth.jobs import services
    from tests.worker.test_unreadable import RATE_HZ, Says, talk
    from worker import resident, tasks

    class SaysInPieces(Says):
        def pieces(self, request: Any, *, should_stop: Any = None) -> Any:
            for start in range(0, len(self.samples), 2 * RATE_HZ):
                yield Speech(self.samples[start : start + 2 * RATE_HZ], RATE_HZ, "take", [])

    def at_once(wait: Any) -> Any:
        def waiting(*, job_id: Any, **more: Any) -> Any:
            tasks.render(str(job_id))
            return wait(job_id=job_id, **more)

        return waiting

    monkeypatch.setattr(resident, "engine", lambda: SaysInPieces(talk(3.0)))
    monkeypatch.setattr(resident, "public_mark", lambda: None)
    monkeypatch.setattr(services, "wait_for_job", at_once(services.wait_for_job))
    monkeypatch.setattr(services, "wait_for_sound", at_once(services.wait_for_sound))


@pytest.fixture
def browser(owner: Any) -> Client:
    return browser_of(owner)


@pytest.fixture
def voice(owner: Any) -> Any:
    """With a live consent and a neutral style."""
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice)
    return voice


def browser_of(principal: Any) -> Client:
    """Whoever it is, signed in."""
    client = Client()
    client.force_login(principal.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def key_of(principal: Any, *scopes: str) -> Client:
    """A program of theirs, with an API key."""
    _, key = factories.people.create_key(principal=principal, name="program", scopes=list(scopes))
    return Client(headers={"authorization": f"Bearer {key}"})


def room_of(function: Callable[..., Any]) -> ModuleType:
    """The module that a service lives in, to lower a limit there."""
    return sys.modules[function.__module__]


def take(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("take.wav", factories.wav() if data is None else data, content_type="audio/wav")


def code_of(answer: Any) -> str:
    """The code of a refusal, in whichever of the two envelopes; "" where there is none."""
    shown = answer.json()
    return str(shown.get("code") or (shown.get("error") or {}).get("code") or "")


def refusal_on(answer: Any) -> str:
    """The code of the refusal that a page shows."""
    return str(answer.context["refusal"].code)


def new_challenge(client: Client, voice: Any, **scope: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/voices/{voice.pk}/challenges", scope, JSON)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def record(client: Client, challenge: dict[str, Any], data: bytes | None = None, **changes: Any) -> Any:
    """A recording handed in for a challenge, with everything acknowledged unless told otherwise."""
    given = {
        "file": take(data),
        "source": "microphone",
        "scope_sha256": challenge["scope_sha256"],
        "attestations": [declared["code"] for declared in challenge["attestations"]],
        **changes,
    }
    return client.post(f"/api/v1/challenges/{challenge['id']}/recording", given)


def unique() -> str:
    return uuid.uuid4().hex[:12]


def heard(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer)
