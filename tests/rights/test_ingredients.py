"""What a recording's file says of itself: synthetic is refused, anything else is named in the credentials for good."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import c2pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.voices.models import Clip
from synth.jobs import services as jobs
from synth.provenance import aigc, riff
from synth.provenance.names import RECORD_ASSERTION
from tests import factories, takes
from tests.doors.conftest import browser_of, new_challenge, record
from tests.jobs.test_services import reserved
from worker import rendering, tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
C2PA = Path(__file__).resolve().parents[1] / "data" / "c2pa"


@pytest.fixture
def owner(db):
    return factories.owner_principal(takes.ORGANISATION)


def spoken() -> bytes:
    return factories.wav(takes.style_clip("slt", "neutral").samples)


def labelled(code: str) -> bytes:
    return aigc.write(spoken(), "wav", aigc.AigcLabel(code, "Another Service", "n-7"))


def with_manifest_of(name: str) -> bytes:
    """The take with another file's manifest: what it claims is read, never believed."""
    store = riff.read_chunk((C2PA / name).read_bytes(), b"C2PA")
    body = spoken()[8:] + b"C2PA" + struct.pack("<I", len(store)) + store + b"\0" * (len(store) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def style_of(owner, voice, name: str, data: bytes) -> dict:
    asked = {"name": name, "emotion": "sad", "language": "en", "transcript": "In a sad way."}
    sent = browser_of(owner).post(
        f"/api/v1/voices/{voice.pk}/styles", {**asked, "file": SimpleUploadedFile("a.wav", data)}
    )
    assert sent.status_code in (201, 202), sent.content
    tasks.style(sent.json()["id"])
    return dict(browser_of(owner).get(f"/api/v1/styles/{sent.json()['id']}").json())


@pytest.mark.provokes("says_synthetic", "may_be_synthetic")
def test_a_recording_that_says_it_is_synthetic_is_refused(owner):
    voice = factories.consented_voice(owner)
    for name, data in (("one", labelled("1")), ("two", with_manifest_of("synthetic.wav"))):
        style = style_of(owner, voice, name, data)
        assert style["state"] == "rejected" and "says_synthetic" in [row["code"] for row in style["gates"]]
    doubtful = style_of(owner, voice, "three", labelled("2"))
    assert "may_be_synthetic" in [row["code"] for row in doubtful["gates"]]
    new = factories.voices.register_voice(principal=owner, name="B", person_name="Alex Morgan", language="en")
    browser = browser_of(owner)
    sent = record(browser, new_challenge(browser, new), labelled("1"))
    tasks.consent(sent.json()["id"])
    assert "says_synthetic" in [row["code"] for row in browser.get(sent["Location"]).json()["reasons"]]


def test_what_a_style_clip_carries_is_named_in_the_manifest(owner):
    voice = factories.consented_voice(owner)
    tried = style_of(owner, voice, "sad", with_manifest_of("recorded.wav"))
    gate = next(row for row in tried["gates"] if row["name"] == "carried")
    (line,) = gate["measured"]
    assert (gate["outcome"], line.startswith("C2PA manifest: ")) == ("pass", True)
    style = factories.approved_style(owner, voice, name="calm")
    Clip.objects.filter(pk=style.clip_id).update(measurements={"carried": gate["measured"]})
    made = jobs.submit_job(principal=owner, voice=str(voice.pk), text="The parcel arrived.", style="calm")
    job = jobs.claim_job(job_id=made.id, worker="w")
    signed, _manifest = rendering.sign(spoken(), _as_wav(job), reserved(job), timezone.now())
    with c2pa.Reader("audio/wav", io.BytesIO(signed)) as reader:
        assert reader.get_validation_state() == "Valid"
        store = json.loads(reader.json())
    active = store["manifests"][store["active_manifest"]]
    assert [(row["title"], row["relationship"]) for row in active["ingredients"]] == [(line, "inputTo")]
    said = {row["label"]: row["data"] for row in active["assertions"]}
    assert said[RECORD_ASSERTION]["carried_by_the_reference_clip"] == [line]


def _as_wav(job):
    job.format = "wav"
    return job
