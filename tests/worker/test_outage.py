"""A database or broker that goes away in the middle of a job interrupts it; it does not fail it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from synth.jobs import services
from synth.jobs.models import JobState, SynthesisJob
from tests.jobs.test_services import claimed, owner, voice  # noqa: F401 - fixtures
from worker import rendering

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def render(job, monkeypatch, error):
    def broken(*_args):
        raise error

    monkeypatch.setattr(rendering, "_make", broken)
    rendering.render(job)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("server closed the connection unexpectedly"),
        InterfaceError("connection already closed"),
        DatabaseError("error with status PGRES_TUPLES_OK and no message from the libpq"),
        RedisConnectionError("Connection refused."),
    ],
    ids=["cut", "closed", "half_a_result", "broker"],
)
def test_an_outage_leaves_the_job_to_be_repeated(owner, voice, monkeypatch, error):  # noqa: F811
    job = render(claimed(owner, voice), monkeypatch, error)
    assert (job.state, job.error) == (JobState.RUNNING, None)
    SynthesisJob.objects.filter(id=job.id).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert services.reap_jobs() >= 1
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


@pytest.mark.parametrize("error", [IntegrityError("constraint"), ValueError("a fault of ours")])
def test_a_fault_of_ours_ends_the_job_at_once(owner, voice, monkeypatch, error):  # noqa: F811
    job = render(claimed(owner, voice), monkeypatch, error)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "synthesis_failed")
