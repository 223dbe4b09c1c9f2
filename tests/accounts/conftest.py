"""People, voices and doors for the accounts tests. The queue is a list: a test sees what would be sent."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.consent import services as consent_services
from accounts.consent.models import Challenge, Submission
from accounts.consent.services.decisions import GATES_THAT_MUST_PASS
from accounts.people import services as people_services
from accounts.people.models import User
from accounts.people.permissions import Role
from accounts.people.principals import Principal
from accounts.voices import services as voice_services
from accounts.voices.models import Voice
from tests import factories


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Tasks that were sent, as (name, id)."""
    tasks: list[tuple[str, str]] = []
    monkeypatch.setattr("synth.common.queue.send", lambda task, *args: tasks.append((task, str(args[0]))))
    monkeypatch.setattr(
        "accounts.consent.services.upkeep.send", lambda task, *args: tasks.append((task, str(args[0])))
    )
    return tasks


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test calls from an address of its own, so that no rate limit carries over."""
    own = str(uuid.uuid4())
    monkeypatch.setattr("accounts.consent.api.client_address", lambda request: own)
    return own


@pytest.fixture
def time_machine_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let Django's clock stand at a given moment."""
    return lambda moment: monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


@pytest.fixture
def owner(db: None) -> Principal:
    # A name that the recogniser can hear: with digits in it a reviewer would have to listen.
    return factories.owner_principal("Northern Light")


@pytest.fixture
def stranger(db: None) -> Principal:
    """The owner of another organisation."""
    return factories.owner_principal()


@pytest.fixture
def reviewer(owner: Principal) -> Principal:
    return factories.member_principal(owner, Role.REVIEWER)


@pytest.fixture
def voice(owner: Principal) -> Voice:
    """Registered, without consent."""
    return voice_services.register_voice(principal=owner, name="Ada", person_name="Ada Byron", language="en")


@pytest.fixture
def speaking(owner: Principal) -> Voice:
    """A voice with a live consent."""
    return factories.consented_voice(owner)


def take(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("take.wav", factories.wav() if data is None else data, content_type="audio/wav")


def answered(principal: Principal, voice: Voice, **scope: Any) -> Submission:
    """A recording handed in and claimed by a worker."""
    challenge = consent_services.issue_challenge(principal=principal, voice_id=voice.pk, **scope)
    return answer(principal, challenge.pk)


def answer(principal: Principal, challenge_id: Any) -> Submission:
    submission = consent_services.submit_recording(
        principal=principal,
        challenge_id=challenge_id,
        upload=take(),
        **factories.acknowledged(Challenge.objects.get(pk=challenge_id)),
    )
    claimed = consent_services.begin_check(submission_id=submission.pk)
    assert claimed is not None
    return claimed


def report(*changes: dict[str, Any], without: tuple[str, ...] = (), **facts: Any) -> dict[str, Any]:
    """A passing consent report, with some gates replaced or left out."""
    result = factories.passing_report(GATES_THAT_MUST_PASS)
    replaced = {change["name"] for change in changes} | set(without)
    gates = [gate for gate in result["gates"] if gate["name"] not in replaced]
    return {**result, "gates": [*gates, *changes], **facts}


def gate(name: str, outcome: str, code: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "outcome": outcome,
        "measured": 0.5,
        "limit": 0.8,
        "unit": "",
        "code": code,
        "message": "m",
    }


def waiting_for_review(principal: Principal, voice: Voice) -> Submission:
    submission = answered(principal, voice)
    return consent_services.apply_consent_gates(
        submission_id=submission.pk,
        result=report(gate("statement", "review", "language_needs_reviewer"), decision="needs_review"),
    )


def browser(user: User) -> Client:
    """A logged-in person's HTTP client."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def program(principal: Principal, scopes: list[str]) -> Client:
    """An HTTP client that sends an API key with `scopes`."""
    _, key = people_services.create_key(principal=principal, name="test", scopes=scopes)
    return Client(headers={"authorization": f"Bearer {key}"})
