"""Projects from outside, and workers that take what waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.voices.models import Voice
from synth.jobs import services as jobs
from synth.jobs.models import JobState, SynthesisJob
from synth.projects.models import Line
from tests import factories
from tests.doors.conftest import JSON, browser_of
from tests.jobs.test_services import finished, reserved
from worker import tasks


@pytest.fixture(autouse=True)
def _no_limits_carried_over() -> None:
    cache.clear()


@pytest.fixture
def owner(db: None) -> Any:
    return factories.owner_principal()


@pytest.fixture
def voice(owner: Any) -> Voice:
    voice = factories.consented_voice(owner, name="Narrator")
    for name in ("neutral", "sad"):
        factories.approved_style(owner, voice, name=name)
    return voice


@pytest.fixture
def browser(owner: Any) -> Client:
    return browser_of(owner)


@pytest.fixture
def make(browser: Client, voice: Voice) -> Callable[..., dict[str, Any]]:
    """A project over HTTP, in the voice unless told otherwise."""

    def made(**asked: Any) -> dict[str, Any]:
        answer = browser.post("/api/v1/projects", {"name": "Film", "voice": voice.slug, **asked}, JSON)
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    return made


def rows(count: int) -> list[dict[str, Any]]:
    return [{"text": f"Line number {n}."} for n in range(1, count + 1)]


def feed(project: str) -> None:
    """What the beat does, and the tasks that it sends."""
    tasks.feed_projects()
    tasks.feed_project(project)


def speak_waiting(*, duration_ms: int | Callable[[SynthesisJob], int] = 2000, worker: str = "w") -> int:
    """Speech workers take what is queued and release it at once; how many jobs that were. Then each says so."""
    queued = list(SynthesisJob.objects.filter(state=JobState.QUEUED).order_by("id"))
    for row in queued:
        job = jobs.claim_job(job_id=row.id, worker=worker)
        assert job is not None
        length_ms = duration_ms(job) if callable(duration_ms) else duration_ms
        data = f"sound of {job.pk}".encode()
        jobs.release_job(
            job=job,
            mark=reserved(job),
            finished=finished(
                data, format=job.format, media_type="audio/wav", duration_ms=length_ms, sample_rate_hz=16_000
            ),
        )
    return len(queued)


def run_to_the_end(project: str, **more: Any) -> int:
    """Feed and speak until nothing is left; the most lines that were in the queue at once."""
    most = 0
    for _ in range(1000):
        feed(project)
        count = speak_waiting(**more)
        most = max(most, count)
        if not count:
            return most
    raise AssertionError("the project does not end")


def states(project: str) -> list[str]:
    return list(
        Line.objects.filter(project_id=UUID(project)).order_by("number").values_list("state", flat=True)
    )
