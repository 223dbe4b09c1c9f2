"""What an engine or a codec gets wrong is never released: each job ends with its reason, in its row and in the log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from django.test import Client

from audit.models import Entry
from synth.audio.encode import decode_own
from synth.engines.base import Speech
from synth.jobs.models import Output, SynthesisJob
from synth.provenance import aigc
from tests import factories, takes
from watermark.models import Mark
from worker import rendering, resident, tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
JSON = "application/json"
RATE_HZ = 16_000


def talk(length_s: float = 3.5) -> np.ndarray:
    """Speech, float32 (n,) at 16 kHz."""
    clip = takes.style_clip("awb", "neutral").samples
    count = int(length_s * RATE_HZ)
    return np.tile(clip, -(-count // len(clip)))[:count].astype(np.float32)


class Says:
    """An engine that says what it was given; `meanwhile` is done while it speaks."""

    name, version, is_preview = "says", "1", True
    supports: frozenset[str] = frozenset()
    languages = frozenset({"en"})

    def __init__(self, samples, meanwhile=lambda: None):
        self.samples, self.meanwhile = samples, meanwhile

    def speak(self, request, *, on_progress=None, should_stop=None):
        self.meanwhile()
        return Speech(self.samples, RATE_HZ, "take", [])


@dataclass
class Doors:
    """A signed-in owner with a voice: a job is asked for, rendered and looked at, all from outside."""

    browser: Client
    voice: str

    def submit(self, **more) -> str:
        asked = {"voice": self.voice, "text": "The parcel arrived this morning.", "format": "wav", **more}
        answer = self.browser.post("/api/v1/jobs", asked, JSON)
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]

    def render(self, **more) -> dict:
        job = self.submit(**more)
        tasks.render(job)
        return self.browser.get(f"/api/v1/jobs/{job}").json()


@pytest.fixture
def doors(db) -> Doors:
    owner = factories.owner_principal()
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice)
    client = Client()
    client.force_login(owner.user)
    return Doors(client, str(voice.id))


@pytest.fixture
def engine(monkeypatch):
    def use(samples, **more):
        monkeypatch.setattr(resident, "engine", lambda: Says(samples, **more))

    use(talk())
    monkeypatch.setattr(resident, "public_mark", lambda: None)  # its networks cost more than all the rest
    return use


def refused(doors: Doors, code: str, **more) -> dict:
    """The job of an owner who asked, as it ended; nothing of it was released, and the log says why."""
    job = doors.render(**more)
    assert (job["state"], job["error"]["code"]) == ("failed", code)
    assert job["error"]["message"]
    assert not Output.objects.exists()
    assert not Mark.objects.filter(state=Mark.State.ISSUED).exists()
    entry = Entry.objects.get(event="synthesis.failed")
    assert entry.content["data"] == {"job_id": job["id"], "code": code}
    assert doors.browser.get(f"/api/v1/jobs/{job['id']}/audio").status_code == 404
    return job


# ---- engines


@pytest.mark.provokes("synthesis.completed", "synthesis.authorised", "output.downloaded")
def test_what_can_be_read_back_is_released(doors, engine):
    """The same fakes, with nothing wrong: so the refusals below are for what they name."""
    job = doors.render()
    assert job["state"] == "released", job["error"]
    data = b"".join(doors.browser.get(f"/api/v1/jobs/{job['id']}/audio"))
    assert aigc.read(data).produce_id == str(Output.objects.get().pk)


@pytest.mark.provokes("samples_not_finite", "synthesis.failed")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(doors, engine, value):
    samples = talk()
    samples[5_000] = value
    engine(samples)
    refused(doors, "samples_not_finite")
    assert not Mark.objects.exists(), "refused before a record number was spent"


@pytest.mark.provokes("too_short_to_mark")
def test_an_engine_that_says_nothing(doors, engine):
    engine(talk(0.0))
    error = refused(doors, "too_short_to_mark")["error"]
    assert (error["measured"], error["limit"]) == (0.0, 1.0)


@pytest.mark.parametrize("format", ["wav", "mp3", "opus", "pcm"])
def test_a_short_line_is_spoken_in_room_tone(doors, engine, format):
    """A "Yes." is not refused: the file says where the word is, and around it is tone, not silence."""
    word = talk(3.0)[RATE_HZ // 2 :][: round(0.4 * RATE_HZ)]
    engine(word)
    job = doors.render(format=format)
    assert job["state"] == "released", job["error"]
    where = job["trim_to"]
    assert where["end_s"] - where["start_s"] == pytest.approx(0.4, abs=0.01)
    assert job["output"]["duration_s"] >= where["end_s"] + 1.0
    answer = doors.browser.get(f"/api/v1/jobs/{job['id']}/audio")
    assert answer["X-Trim-To"] == f"{where['start_s']:.3f}-{where['end_s']:.3f}"
    sound = decode_own(b"".join(answer), format)
    around = sound.mono()[round((where["end_s"] + 0.3) * sound.sample_rate_hz) :][: sound.sample_rate_hz]
    level_db = 10 * np.log10(np.mean(np.square(around)))
    assert -75 < level_db < -45


def test_a_long_line_stays_as_it_is(doors, engine):
    job = doors.render()
    assert job["trim_to"] is None and "X-Trim-To" not in doors.browser.get(f"/api/v1/jobs/{job['id']}/audio")


@pytest.mark.provokes("too_short_to_mark")
@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence(doors, engine, level):
    engine((level * talk()).astype(np.float32))
    assert "too quiet" in refused(doors, "too_short_to_mark")["error"]["message"]


@pytest.mark.provokes("synthesis_failed")
def test_an_engine_that_speaks_in_two_channels(doors, engine):
    engine(np.stack([talk(), talk()]))
    refused(doors, "synthesis_failed")


# ---- codecs


@pytest.mark.provokes("watermark_failed")
def test_a_mark_that_is_not_there(doors, engine, monkeypatch):
    monkeypatch.setattr(rendering, "embed", lambda samples, *args, **more: samples)
    error = refused(doors, "watermark_failed")["error"]
    assert error["measured"] < error["limit"]


def test_the_mark_of_another_record(doors, engine, monkeypatch):
    embed = rendering.embed
    monkeypatch.setattr(
        rendering,
        "embed",
        lambda *args, record_number, **more: embed(*args, record_number=record_number ^ 1, **more),
    )
    refused(doors, "watermark_failed")


def test_a_mark_that_does_not_survive_its_encoding(doors, engine, monkeypatch):
    """Read back from the final bytes, not from the samples that were to be encoded."""
    encode = rendering.encode
    monkeypatch.setattr(rendering, "encode", lambda samples, *args, **more: encode(talk(), *args, **more))
    refused(doors, "watermark_failed")


def test_a_short_speech_without_its_mark_is_told_to_be_longer(doors, engine, monkeypatch):
    engine(talk(1.5))
    monkeypatch.setattr(rendering, "embed", lambda samples, *args, **more: samples)
    refused(doors, "too_short_to_mark")


@pytest.mark.parametrize(("value", "code"), [(np.nan, "samples_not_finite"), (0.0, "watermark_failed")])
def test_a_codec_that_breaks_the_samples(doors, engine, monkeypatch, value, code):
    monkeypatch.setattr(rendering, "embed", lambda samples, *args, **more: np.full_like(samples, value))
    refused(doors, code)


@pytest.mark.provokes("label_failed")
@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_a_label_that_is_lost(doors, engine, monkeypatch, format):
    monkeypatch.setattr(aigc, "write", lambda data, *args: data)
    refused(doors, "label_failed", format=format)


def test_a_label_that_names_another_record(doors, engine, monkeypatch):
    write = aigc.write
    other = aigc.AigcLabel("1", "Assent", "018f0000-0000-7000-8000-000000000000")
    monkeypatch.setattr(aigc, "write", lambda data, kind, label: write(data, kind, other))
    refused(doors, "label_failed")


class PublicMark:
    """A public mark that changes nothing, and is found or not."""

    def __init__(self, presence: bool):
        self.presence = presence

    def embed(self, samples, sample_rate_hz):
        return samples

    def detect(self, samples, sample_rate_hz):
        return self


@pytest.mark.parametrize(("presence", "layers"), [(True, ["keyed", "audioseal"]), (False, ["keyed"])])
def test_only_a_public_mark_that_is_found_is_claimed(doors, engine, monkeypatch, presence, layers):
    monkeypatch.setattr(resident, "public_mark", lambda: PublicMark(presence))
    assert doors.render()["state"] == "released"
    output = Output.objects.get()
    assert output.mark.layers == layers
    assert output.entry.content["data"]["mark_layers"] == layers


# ---- stopped meanwhile


@pytest.mark.provokes("synthesis.cancelled")
def test_a_job_cancelled_while_its_last_word_is_spoken(doors, engine):
    """No beat falls between the wish and the release: the release itself looks."""

    def cancel():
        job = SynthesisJob.objects.get()
        assert doors.browser.post(f"/api/v1/jobs/{job.pk}/cancel").status_code == 200

    engine(talk(), meanwhile=cancel)
    job = doors.render()
    assert job["state"] == "cancelled"
    assert not Output.objects.exists()
    (entry,) = Entry.objects.filter(event="synthesis.cancelled")
    assert entry.content["data"] == {"job_id": job["id"], "code": "cancelled"}


@pytest.mark.provokes("cancelled_consent_revoked", "consent.revoked")
def test_a_consent_withdrawn_while_its_last_word_is_spoken(doors, engine):
    engine(
        talk(),
        meanwhile=lambda: doors.browser.post(f"/api/v1/voices/{doors.voice}/revoke", {"reason": ""}, JSON),
    )
    job = doors.render()
    assert (job["state"], job["error"]["code"]) == ("cancelled", "cancelled_consent_revoked")
    assert not Output.objects.exists()
    (entry,) = Entry.objects.filter(event="synthesis.cancelled")
    assert entry.content["data"] == {"job_id": job["id"], "code": "cancelled_consent_revoked"}


@pytest.mark.provokes("style_removed", "style.removed")
def test_a_style_removed_while_its_last_word_is_spoken(doors, engine):
    def remove():
        (style,) = doors.browser.get(f"/api/v1/voices/{doors.voice}/styles").json()["data"]
        assert doors.browser.delete(f"/api/v1/styles/{style['id']}").status_code == 204

    engine(talk(), meanwhile=remove)
    refused(doors, "style_removed")
