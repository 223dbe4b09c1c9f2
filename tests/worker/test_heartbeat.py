"""The heartbeat keeps a claim alive, hands over why it must stop, and ends a process that hangs."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError

from synth.jobs.services import JobStopped
from worker.heartbeat import Heartbeat


def test_it_beats_while_the_work_goes_on():
    beats = threading.Semaphore(0)
    with Heartbeat(beats.release, every_s=0.01):
        for _ in range(3):
            assert beats.acquire(timeout=5)


def test_why_it_must_stop_reaches_the_computing_thread():
    asked = threading.Event()

    def beat() -> None:
        asked.set()
        raise JobStopped("consent")

    with Heartbeat(beat, every_s=0.01) as heart:
        assert asked.wait(5)
        heart._thread.join(5)
        with pytest.raises(JobStopped, match="consent"):
            heart.raise_if_stopped()


def test_a_database_that_is_away_for_a_moment_stops_nothing():
    calls = threading.Semaphore(0)

    def beat() -> None:
        calls.release()
        raise OperationalError("away")

    with Heartbeat(beat, every_s=0.01) as heart:
        assert calls.acquire(timeout=5)
        assert calls.acquire(timeout=5)
        heart.raise_if_stopped()


def test_a_hung_process_is_ended_and_a_slow_one_is_not():
    ended = threading.Event()
    with Heartbeat(lambda: None, every_s=0.01, hung_after_s=0.05, end_process=ended.set):
        assert ended.wait(5)
    moving = iter(range(10**9))
    ended.clear()
    beats = threading.Semaphore(0)
    with Heartbeat(
        beats.release, pulse=lambda: next(moving), every_s=0.01, hung_after_s=0.05, end_process=ended.set
    ):
        for _ in range(20):
            assert beats.acquire(timeout=5)
    assert not ended.is_set()
