"""What a project makes: the released files, one track in which every mark is found, subtitles, a report of use."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import soundfile as sf
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.consent import services as consent
from accounts.consent.receipts import signature_is_valid
from audit.models import Entry
from synth.common.sheets import sheet
from synth.engines.base import Speech
from synth.jobs.models import Output, SynthesisJob
from synth.projects import services
from synth.projects.models import Line, Track
from synth.projects.services import exporting, tracks
from synth.provenance import aigc
from tests import takes
from tests.doors.conftest import JSON, code_of
from tests.projects.conftest import feed, rows, run_to_the_end
from tests.worker.test_unreadable import RATE_HZ, Says
from watermark.codec import read_back
from worker import resident, tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


class Talks(Says):
    """Speech as long as the text, at the speed that was asked for."""

    def speak(self, request, *, on_progress=None, should_stop=None):
        words = len(request.text.split())
        count = int(RATE_HZ * min(5.0, 0.4 * words) / request.speed)
        return Speech(self.samples[words % 2][:count], RATE_HZ, "take", [])


@pytest.fixture
def engine(monkeypatch):
    clips = [takes.style_clip("awb", name).samples for name in ("neutral", "sad")]
    talks = Talks([np.tile(clip, 2).astype(np.float32) for clip in clips])
    monkeypatch.setattr(resident, "engine", lambda: talks)
    monkeypatch.setattr(resident, "public_mark", lambda: None)


@pytest.fixture
def spoken(make, engine):
    """Three lines really spoken, marked and released: one of a word, one with a time, one behind it."""
    text = "The parcel arrived this morning, and nobody had expected it at all."
    lines = [
        {"text": "Yes.", "begin_ms": 500, "end_ms": 1500},
        {"text": text, "begin_ms": 4000, "end_ms": 9000},
        {"text": "=1+1 " + text, "style": "sad"},
    ]
    project = make(lines=lines, purpose="dubbing")
    for _ in range(5):
        feed(project["id"])
        for job in SynthesisJob.objects.filter(state="queued"):
            tasks.render(str(job.pk))
    assert set(Line.objects.values_list("state", flat=True)) == {"done"}
    return f"/api/v1/projects/{project['id']}"


def read(answer) -> bytes:
    return b"".join(answer)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
@pytest.mark.provokes("project.exported", "project.track_made", "track_not_found", "track_not_ready")
def test_what_is_made_of_spoken_lines(browser, spoken, voice, owner, monkeypatch):
    monkeypatch.setattr("watermark.api.ANSWER_WITHIN_S", 0.0)
    _the_zip(browser, spoken)
    track = _the_track(browser, spoken)
    _the_subtitles(browser, spoken)
    _after_a_revocation(browser, spoken, voice, owner, track)


def _the_zip(browser, spoken):
    answer = browser.get(f"{spoken}/archive")
    data = read(answer)
    assert answer["X-File-SHA256"] == hashlib.sha256(data).hexdigest()
    archive = zipfile.ZipFile(io.BytesIO(data))
    manifest = json.loads(archive.read("manifest.json"))
    assert [row["file"] for row in manifest["lines"]] == [
        "lines/0001-narrator-neutral.wav",
        "lines/0002-narrator-neutral.wav",
        "lines/0003-narrator-sad.wav",
    ]
    for row in manifest["lines"]:
        output = Output.objects.get(pk=row["record_id"])
        content = archive.read(row["file"])
        assert hashlib.sha256(content).hexdigest() == row["sha256"] == output.sha256
        assert aigc.read(content).produce_id == row["record_id"]
    table = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
    assert table[2]["text"].startswith("'=1+1") and table[1]["begins_ms"] == "4000"
    exported = Entry.objects.get(event="project.exported").content["data"]
    assert (exported["count"], exported["export_sha256"]) == (3, answer["X-File-SHA256"])
    assert Entry.objects.filter(event="output.downloaded").count() == 3


def _the_track(browser, spoken):
    assert code_of(browser.get(f"{spoken}/track")) == "track_not_found"
    asked = browser.post(f"{spoken}/track", {"format": "flac"}, JSON)
    assert (asked.status_code, asked.json()["state"]) == (202, "queued")
    assert browser.post(f"{spoken}/track", {"format": "flac"}, JSON).json()["id"] == asked.json()["id"]
    assert code_of(browser.get(f"{spoken}/track/audio?format=flac")) == "track_not_ready"
    tasks.track(asked.json()["id"])
    track = browser.get(f"{spoken}/track?format=flac").json()
    assert (track["state"], track["is_current"]) == ("ready", True), track["error"]
    data = read(browser.get(f"{spoken}/track/audio?format=flac"))
    assert hashlib.sha256(data).hexdigest() == track["sha256"]
    made = Entry.objects.get(event="project.track_made")
    assert (made.content["data"]["export_sha256"], made.pk) == (track["sha256"], track["log_entry"])
    samples, rate_hz = sf.read(io.BytesIO(data), dtype="float32")
    for line in Line.objects.select_related("job__output__mark"):
        output = line.job.output
        part = Track.objects.get().parts.get(number=line.number)
        start = round(part.start_ms * rate_hz / 1000)
        with default_storage.open(output.file) as file:
            own, own_rate_hz = sf.read(file, dtype="float32")
        assert own_rate_hz == rate_hz
        heard = samples[start : start + len(own)]
        assert np.abs(heard - own).max() < 2 / 32768  # the released samples, and nothing else
        found = read_back(
            heard, rate_hz, record_number=output.mark.record_number, keys=resident.mark_keys(),
            epoch=output.mark.epoch_id,
        )  # fmt: skip
        assert found.ok
    word = Line.objects.get(number=1)
    assert word.spoken_ms < 1000 and word.job.output.duration_ms >= 2500
    _what_verification_says(browser, data)
    return track


def _what_verification_says(browser, data):
    """The records of the lines, each for itself; of the track as such there is none."""
    given = {"file": SimpleUploadedFile("film.flac", data)}
    asked = browser.post("/api/v1/verify", given).json()["id"]
    tasks.verify(asked)
    report = browser.get(f"/api/v1/verifications/{asked}").json()["report"]
    named = [passage["record_id"] for passage in report["intervals"] if passage["kind"] == "ours"]
    # In order and each for itself; a mark in half a second of words is read back by whoever knows what to look for.
    lines = Line.objects.filter(number__gt=1).order_by("number")
    assert named == [str(pk) for pk in lines.values_list("job__output__id", flat=True)]
    assert (report["verdict"], report["reasons"]) == ("mixed_records", ["several_records"])


def _the_subtitles(browser, spoken):
    srt = browser.get(f"{spoken}/subtitles").content.decode()
    assert srt.startswith("1\n00:00:00,500 --> 00:00:00,9") and "Yes." in srt and "00:00:04," in srt
    assert browser.get(f"{spoken}/subtitles?format=vtt").content.startswith(b"WEBVTT")


def _after_a_revocation(browser, spoken, voice, owner, track):
    file = Track.objects.get(pk=track["id"]).file
    consent.revoke(principal=owner, voice_id=voice.id, reason="enough")
    assert code_of(browser.get(f"{spoken}/track/audio?format=flac")) == "consent_revoked"
    assert code_of(browser.get(f"{spoken}/archive")) == "nothing_to_export"
    assert not default_storage.exists(file)
    assert code_of(browser.get(f"{spoken}/track/audio?format=flac")) == "track_removed"


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
@pytest.mark.provokes("track_mark_unreadable", "track_removed")
def test_a_track_in_which_a_mark_is_drowned_is_not_made(browser, spoken, monkeypatch, voice, owner):
    monkeypatch.setattr(
        "worker.tracks._laid_out", lambda track, parts: (np.zeros(20 * RATE_HZ, np.float32) + 0.1, RATE_HZ)
    )
    tasks.track(browser.post(f"{spoken}/track", {"format": "wav"}, JSON).json()["id"])
    track = browser.get(f"{spoken}/track").json()
    assert (track["state"], track["error"]["measured"]) == ("failed", [1, 2, 3])
    assert browser.get(f"{spoken}/track/audio").status_code == 422
    monkeypatch.undo()
    tasks.track(browser.post(f"{spoken}/track", {"format": "wav"}, JSON).json()["id"])
    file = Track.objects.get(state="ready").file
    browser.post(f"/api/v1/jobs/{Line.objects.first().job_id}/take-down", {"reason": "mistake"}, JSON)
    tasks.sweep_uploads()
    assert not default_storage.exists(file)
    assert code_of(browser.get(f"{spoken}/track/audio")) == "track_removed"


@pytest.mark.provokes(
    "project_unfinished", "nothing_to_export", "track_too_long", "export_too_large", "worker_lost"
)
def test_what_cannot_be_made_is_refused(browser, make, monkeypatch):
    project = make(lines=[*rows(1), {"text": "At the end.", "begin_ms": 3 * 3600 * 1000}])
    url = f"/api/v1/projects/{project['id']}"
    assert code_of(browser.post(f"{url}/track", {}, JSON)) == "project_unfinished"
    assert code_of(browser.post(f"{url}/track", {"format": "mp3"}, JSON)) == "format_not_offered"
    assert code_of(browser.get(f"{url}/archive")) == "nothing_to_export"
    run_to_the_end(project["id"])
    assert code_of(browser.post(f"{url}/track", {}, JSON)) == "track_too_long"
    monkeypatch.setattr(exporting, "MAX_EXPORT_BYTES", 10)
    assert code_of(browser.get(f"{url}/archive")) == "export_too_large"
    monkeypatch.setattr(tracks, "MAX_TRACK_MS", 4 * 3600 * 1000)
    track = browser.post(f"{url}/track", {}, JSON).json()
    for _ in range(tracks.MAX_ATTEMPTS):
        assert services.begin_track(track_id=track["id"])
        Track.objects.update(heartbeat_at="2020-01-01T00:00:00Z")
        tasks.feed_projects()
    assert browser.get(f"{url}/track").json()["error"]["code"] == "worker_lost"


@pytest.mark.provokes("track_failed")
def test_an_unreadable_file_fails_the_track_and_says_so(browser, make):
    project = make(lines=rows(1))
    run_to_the_end(project["id"])  # its bytes are no sound
    url = f"/api/v1/projects/{project['id']}"
    tasks.track(browser.post(f"{url}/track", {}, JSON).json()["id"])
    assert browser.get(f"{url}/track").json()["error"]["code"] == "track_failed"


def test_a_report_of_use_for_a_rights_holder(browser, make, voice):
    project = make(lines=rows(3), purpose="dubbing")
    run_to_the_end(project["id"], duration_ms=20_000)
    url = f"/api/v1/projects/{project['id']}"
    browser.post(f"{url}/lines/1/redo")
    run_to_the_end(project["id"], duration_ms=20_000)
    paper = browser.get(f"{url}/usage").json()
    said = paper["receipt"]
    assert signature_is_valid(said, paper["signature"])
    assert (said["total"]["files"], said["total"]["minutes"]) == (4, "1.33")
    (of_voice,) = said["by_voice"]
    assert (of_voice["voice"]["id"], of_voice["lines"]) == (str(voice.pk), 4)
    assert [(row["name"], row["files"]) for row in of_voice["by_purpose"]] == [("dubbing", 4)]
    assert len(said["records"]) == 4
    logged = Entry.objects.get(event="usage.reported")
    assert (
        logged.subject == f"voice:{voice.pk}" and logged.content["data"]["report_sha256"] == paper["sha256"]
    )
    period = "since=2026-01-01&until=2026-12-31"
    only = browser.get(f"/api/v1/voices/{voice.pk}/usage?{period}&project=other").json()["receipt"]
    assert (only["project"], only["total"]["files"]) == ("other", 0)


def test_an_erased_voice_takes_texts_and_tracks_with_it(owner, voice, make):
    project = make(lines=rows(6))
    feed(project["id"])
    consent.erase_voice(principal=owner, voice_id=voice.pk)
    run_to_the_end(project["id"])
    assert set(Line.objects.values_list("text", flat=True)) == {""}
    assert "done" not in Line.objects.values_list("state", flat=True)


def test_no_cell_is_a_formula():
    rows_ = [
        {"a": text} for text in ("=1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "1", -5, None, 'say "a,b"')
    ]
    cells = [row[0] for row in csv.reader(io.StringIO(sheet(rows_, rows_[0]).decode("utf-8-sig")))][1:]
    assert cells == ["'=1", "'+1", "'-1", "'@x", "'\t=1", "' =1", "'＝1", "1", "-5", "", 'say "a,b"']
