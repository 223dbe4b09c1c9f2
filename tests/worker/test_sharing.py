"""Two jobs of two voices at the same time, in two threads of one worker, over one GPT-SoVITS engine."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.db import connections

from synth.gptsovits.engine import GptSovitsEngine
from synth.gptsovits.store import Store
from synth.jobs import selectors, services
from tests import factories, takes
from tests.gptsovits.conftest import goldens, letters, models_dir, s1, s2  # noqa: F401 - fixtures
from worker import rendering

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def engine(models_dir):  # noqa: F811
    engine = GptSovitsEngine(Store(models_dir), "v2", front_end=letters)
    yield engine
    engine.close()


@pytest.fixture
def jobs(db):
    """A job of each of two organisations, each with its own voice, style and seed."""
    made = []
    for seed, (name, text) in enumerate((("awb", "Ab. Cde"), ("slt", "Fgh. Ij"))):
        owner, take = factories.owner_principal(), takes.style_clip(name, "neutral")
        voice = factories.consented_voice(owner, samples=take.samples)
        factories.approved_style(owner, voice, samples=take.samples, transcript=take.transcript)
        made.append(services.submit_job(principal=owner, voice=str(voice.id), text=text, seed=seed))
    return [str(job.id) for job in made]


def test_each_hears_what_it_would_have_heard_alone(engine, jobs, monkeypatch):
    def spoken(job: str):
        try:
            row = selectors.job_row(job)
            return rendering.speak_job(
                engine, row, on_progress=lambda share: None, should_stop=lambda: False
            ).speech
        finally:
            connections.close_all()

    solo = [spoken(job) for job in jobs]
    assert not np.array_equal(solo[0].samples, solo[1].samples)

    speak, both = engine.speak, threading.Barrier(len(jobs), timeout=120)

    def at_once(*args, **more):
        both.wait()
        return speak(*args, **more)

    monkeypatch.setattr(engine, "speak", at_once)
    with ThreadPoolExecutor(len(jobs)) as pool:
        together = list(pool.map(spoken, jobs))
    assert (
        engine.networks.official.scheduler.figures.rows_at_most > 2
    )  # the sentences of one job alone are two
    for alone, shared in zip(solo, together, strict=True):
        assert shared.details["semantic_tokens"] == alone.details["semantic_tokens"]
        assert shared.samples.shape == alone.samples.shape
        assert np.abs(shared.samples - alone.samples).max() <= 1e-4 * np.abs(alone.samples).max()
