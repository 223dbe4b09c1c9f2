"""What a starting worker says of itself."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from synth.jobs.engine_status import CACHE_KEY, engine_facts
from tests.worker.test_speaking import Able
from worker import resident, startup


@pytest.fixture
def warm_up(db, monkeypatch):
    """Warming up in this thread, without what it would load."""
    for name in ("limit_threads", "public_mark"):
        monkeypatch.setattr(resident, name, lambda *_: None)
    monkeypatch.setattr("django.db.close_old_connections", lambda: None)  # it is the test's own
    cache.delete(CACHE_KEY)
    yield startup._warm_up
    cache.delete(CACHE_KEY)


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_the_engine_in_use_is_published_as_it_is(warm_up, monkeypatch, device):
    engine = Able()
    monkeypatch.setattr(engine, "device", device, raising=False)
    monkeypatch.setattr(resident, "engine", lambda: engine)
    warm_up({"speech"})
    assert engine_facts() == {
        "name": engine.name,
        "version": engine.version,
        "is_preview": engine.is_preview,
        "device": device,
        "supports": sorted(engine.supports),
    }


def test_a_worker_that_does_not_speak_loads_no_engine(warm_up, monkeypatch):
    monkeypatch.setattr(resident, "engine", lambda: pytest.fail("loaded"))
    warm_up({"checks"})
    assert cache.get(CACHE_KEY) is None
