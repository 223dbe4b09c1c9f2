"""A job is listened to: what was swallowed is spoken again or said, words are timed, and a missing listener is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.conf import settings as configured

from synth.engines import preview
from synth.engines.base import DRAWS, ReferenceClip, Segment, Speech
from synth.engines.preview import PreviewEngine
from synth.jobs.models import Output, SynthesisJob
from synth.modelstore import store
from synth.recognition.recogniser import MODEL_FOLDER
from tests import takes
from tests.worker.test_unreadable import RATE_HZ, Doors, doors, refused  # noqa: F401 - a fixture
from worker import passages, resident

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
TEXT = "The harbor lights were still burning when we came home, and nobody asked us where we had been."
SWALLOWED_S = (1.3, 2.6)  # "were still burning" and what is around it


class Says:
    """An engine that says the sentence of a take; the first draws of it with a gap."""

    name, version, is_preview = "says", "1", True
    languages = frozenset({"en"})

    def __init__(self, faulty_draws: int, supports: frozenset[str] = frozenset({DRAWS})):
        self.faulty_draws, self.supports, self.asked = faulty_draws, supports, []

    def speak(self, request, *, on_progress=None, should_stop=None):
        self.asked.append(request)
        samples = takes.style_clip("rms", "neutral").samples.astype(np.float32)
        if len(self.asked) <= self.faulty_draws:
            a, b = (round(s * RATE_HZ) for s in SWALLOWED_S)
            samples = np.concatenate([samples[:a], samples[b:]])
        segments = (Segment(request.text, 0.0, len(samples) / RATE_HZ),)
        return Speech(samples, RATE_HZ, "take", [], segments=segments)


@pytest.fixture
def says(monkeypatch, settings):
    settings.ASSENT_SPOKEN_CHECK = True
    monkeypatch.setattr(resident, "public_mark", lambda: None)

    def use(*args, **more) -> Says:
        engine = Says(*args, **more)
        monkeypatch.setattr(resident, "engine", lambda: engine)
        return engine

    return use


@pytest.fixture
def with_model():
    if not store.is_there(configured.ASSENT_MODELS_DIR, MODEL_FOLDER):
        pytest.skip("the recogniser's model is not there: manage.py models fetch whisper-base")


def test_a_swallowed_word_is_spoken_again_and_words_are_timed(doors: Doors, says, with_model):  # noqa: F811
    engine = says(faulty_draws=1)
    job = doors.render(text=TEXT)
    assert job["state"] == "released", job["error"]
    assert [request.draw for request in engine.asked] == [0, 1]
    check = job["spoken_check"]
    assert (check["checked"], check["faults"], check["redrawn"]) == (True, [], 1) and check["rate"] < 0.1

    found = doors.browser.get(job["output"]["timestamps"]).json()
    assert [word["text"] for word in found["words"]] == TEXT.replace(",", "").replace(".", "").split()
    burning = next(word for word in found["words"] if word["text"] == "burning")
    assert abs(burning["start_s"] - 1.78) < 0.15 and TEXT[burning["start"] : burning["end"]] == "burning"
    srt = doors.browser.get(job["output"]["timestamps"], {"format": "srt"}).content.decode()
    assert srt.startswith("1\n00:00:0") and " --> " in srt
    assert " ".join(line for line in srt.splitlines() if line[:1].isalpha()) == TEXT
    vtt = doors.browser.get(job["output"]["timestamps"], {"format": "vtt"})
    assert vtt["Content-Type"].startswith("text/vtt") and vtt.content.startswith(b"WEBVTT\n\n00:")
    assert doors.browser.get(job["output"]["timestamps"], {"format": "doc"}).status_code == 400

    page = doors.browser.get(f"/jobs/{job['id']}").content.decode()
    assert ">burning</span>" in page and "every word heard" in page
    output = Output.objects.get()
    output.job.text = ""
    assert output.word_times and not any(isinstance(one, str) for row in output.word_times for one in row)


def test_what_stays_swallowed_is_said_with_its_place(doors: Doors, says, with_model):  # noqa: F811
    engine = says(faulty_draws=9, supports=frozenset())
    job = doors.render(text=TEXT)
    assert (job["state"], len(engine.asked)) == ("released", 1), (
        "an engine that cannot draw is not asked again"
    )
    (fault,) = job["spoken_check"]["faults"]
    assert fault["kind"] == "swallowed" and "still" in fault["words"]
    assert abs(fault["start_s"] - SWALLOWED_S[0]) < 0.4
    page = doors.browser.get(f"/jobs/{job['id']}").content.decode()
    assert 'data-fault="swallowed"' in page and "not heard" in page and "data-intervals" in page


@pytest.mark.provokes("timestamps_not_found")
def test_without_the_recogniser_nothing_is_said_to_be_checked(doors: Doors, says, settings, tmp_path):  # noqa: F811
    settings.ASSENT_MODELS_DIR = tmp_path
    says(faulty_draws=1)
    job = doors.render(text=TEXT)
    assert job["spoken_check"] == {"checked": False, "reason": "no_model"}
    assert job["output"]["timestamps"] is None
    answer = doors.browser.get(f"/api/v1/jobs/{job['id']}/timestamps")
    assert (answer.status_code, answer.json()["code"]) == (404, "timestamps_not_found")
    assert "not checked" in doors.browser.get(f"/jobs/{job['id']}").content.decode()
    assert SynthesisJob.objects.get().warnings == []


@pytest.mark.provokes("clip_not_finite")
def test_a_reference_that_holds_no_numbers(doors: Doors, monkeypatch):  # noqa: F811
    read = passages.Clips.read

    def broken(self, clip, style_name="") -> ReferenceClip:
        found = read(self, clip, style_name)
        return replace(found, samples=np.where(np.arange(len(found.samples)) == 7, np.nan, found.samples))

    monkeypatch.setattr(passages.Clips, "read", broken)
    monkeypatch.setattr(resident, "engine", PreviewEngine)
    refused(doors, "clip_not_finite")


@pytest.mark.provokes("speech_silent")
def test_an_engine_that_makes_no_sound(doors: Doors, monkeypatch):  # noqa: F811
    monkeypatch.setattr(preview, "speak_sentence", lambda *args, **more: np.zeros(40_000, np.float32))
    monkeypatch.setattr(resident, "engine", PreviewEngine)
    refused(doors, "speech_silent")
