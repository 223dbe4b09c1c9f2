"""What is not as released, in words: for whoever may read the speech, and for nobody else."""

from __future__ import annotations

import numpy as np
import pytest
from django.test import Client

from audit.actors import Actor
from synth.audio.encode import decode_own
from synth.jobs.models import SynthesisJob
from tests import factories, takes
from tests.worker.registry import ask, wav
from tests.worker.test_spoken import TEXT, says, with_model  # noqa: F401 - fixtures
from tests.worker.test_unreadable import RATE_HZ, Doors, doors  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def muted(doors: Doors, says, with_model) -> tuple[bytes, dict]:  # noqa: F811
    """A released sentence without its word “burning”, and where that was."""
    says(faulty_draws=0)
    job = doors.render(text=TEXT)
    assert job["state"] == "released", job["error"]
    words = doors.browser.get(job["output"]["timestamps"]).json()["words"]
    word = next(one for one in words if one["text"] == "burning")
    samples = (
        decode_own(b"".join(doors.browser.get(f"/api/v1/jobs/{job['id']}/audio")), "wav").samples[0].copy()
    )
    samples[round(word["start_s"] * RATE_HZ) : round(word["end_s"] * RATE_HZ)] = 0
    return wav(samples), word


def for_the_owner() -> dict:
    job = SynthesisJob.objects.get()
    return {"actor": Actor(kind="user", id=str(job.requested_by_id)), "organisation_id": job.organisation_id}


def passages_for(browser: Client, query) -> list[dict]:
    return browser.get(f"/api/v1/verifications/{query.pk}").json()["passages"]


def test_the_owner_reads_which_word_was_muted_and_a_stranger_does_not(doors: Doors, muted):  # noqa: F811
    data, word = muted
    asked = ask(data, **for_the_owner())
    assert asked.report["verdict"] == "issued_edited"
    (passage,) = passages_for(doors.browser, asked)
    assert (passage["kind"], passage["released"]) == ("silenced", "burning")
    assert passage["start_s"] == pytest.approx(word["start_s"], abs=0.1)
    assert passage["heard"] is None, "nothing sounds there, whatever its neighbours make likely"
    page = doors.browser.get(f"/verify/{asked.pk}").content.decode()
    assert "“burning” is silenced." in page
    # The report is anybody's, its words are not.
    stranger = Client()
    stranger.force_login(factories.owner_principal().user)
    for other in (Client(), stranger):
        assert passages_for(other, asked) == []
        assert "burning" not in other.get(f"/verify/{asked.pk}").content.decode()
    assert "burning" not in str(asked.document)


def test_nothing_is_listened_to_for_whoever_may_not_read_it(doors: Doors, muted):  # noqa: F811
    data, _ = muted
    theirs = factories.owner_principal()
    for asked in (ask(data), ask(data, actor=theirs.actor, organisation_id=theirs.organisation.pk)):
        assert asked.report["verdict"] == "issued_edited" and asked.heard is None
        (passage,) = passages_for(doors.browser, asked)
        assert (passage["released"], passage["heard"]) == ("burning", None)


def test_what_was_put_in_is_heard(doors: Doors, muted):  # noqa: F811
    job = SynthesisJob.objects.get()
    released = decode_own(b"".join(doors.browser.get(f"/api/v1/jobs/{job.pk}/audio")), "wav").samples[0]
    words = doors.browser.get(f"/api/v1/jobs/{job.pk}/timestamps").json()["words"]
    place = round(next(one for one in words if one["text"] == "burning")["start_s"] * RATE_HZ)
    other = takes.style_clip("awb", "neutral").samples[: 4 * RATE_HZ]
    asked = ask(wav(np.concatenate([released[:place], other, released[place:]])), **for_the_owner())
    told = max(passages_for(doors.browser, asked), key=lambda one: one["end_s"] - one["start_s"])
    assert told["kind"] in ("put_in", "unmarked") and told["released"] == ""
    assert "lights were still burning" in (told["heard"] or "").lower(), (told, asked.heard)
    assert "The recogniser hears" in doors.browser.get(f"/verify/{asked.pk}").content.decode()
