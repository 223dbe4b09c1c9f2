"""Jobs over HTTP, and what verification says of their files: as released, coded, cut, joined, copied."""

from __future__ import annotations

import io
import time

import httpx2 as httpx
import numpy as np
import pytest
import soundfile as sf

from tests.e2e.conftest import Seeded

pytestmark = pytest.mark.e2e
TEXT = (
    "The letter came on a Tuesday. Nobody opened it until the evening, "
    "and then the house was quiet for a long time."
)


@pytest.fixture(scope="module")
def api(seeded: Seeded):
    with httpx.Client(
        base_url=seeded.url, headers={"Authorization": f"Bearer {seeded.key}"}, timeout=120
    ) as client:
        yield client


def speak(api: httpx.Client, seeded: Seeded, **more) -> dict:
    """A finished job."""
    answer = api.post("/api/v1/jobs", json={"voice": seeded.slug, "text": TEXT, "style": "sad", **more})
    assert answer.status_code == 201, answer.text
    job = answer.json()
    deadline = time.monotonic() + 120
    while job["state"] in ("queued", "running") and time.monotonic() < deadline:
        job = api.get(f"/api/v1/jobs/{job['id']}", params={"wait_s": 30}).json()
    return job


@pytest.fixture(scope="module")
def released(api, seeded):
    job = speak(api, seeded, format="wav")
    assert job["state"] == "released", job
    audio = api.get(job["output"]["audio"])
    assert audio.status_code == 200
    return job, audio.content


def verify(seeded: Seeded, data: bytes, name: str = "file.wav") -> httpx.Response:
    """Anybody may ask: no key is sent."""
    return httpx.post(f"{seeded.url}/api/v1/verify", files={"file": (name, data)}, timeout=120)


def report(answer: httpx.Response) -> dict:
    """The report, also of a file whose search takes longer than a request waits."""
    deadline = time.monotonic() + 240
    while answer.status_code == 202 and time.monotonic() < deadline:
        time.sleep(1)
        later = httpx.get(str(answer.request.url.join(answer.json()["url"])), timeout=60)
        answer = later if later.json().get("report") or later.status_code >= 400 else answer
    assert answer.status_code == 200, answer.text
    return answer.json()["report"]


def wav(samples: np.ndarray, rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, samples, rate_hz, format="WAV")
    return buffer.getvalue()


def test_a_job_shows_what_it_did(released):
    job, audio = released
    import hashlib

    assert job["output"]["sha256"] == hashlib.sha256(audio).hexdigest()
    assert job["engine"] and job["engine_version"]
    assert job["is_preview"] is True
    assert job["follow_report"]
    assert "keyed" in job["output"]["mark_layers"]
    assert job["output"]["is_labelled"]


def test_the_label_is_in_the_file(released):
    from synth.provenance import aigc

    job, audio = released
    label = aigc.read(audio)
    assert label is not None
    assert label.label == "1"
    assert label.produce_id == job["output"]["id"]


def test_our_own_file_is_issued(seeded, released):
    job, audio = released
    said = report(verify(seeded, audio))
    assert said["verdict"] == "issued", said
    (record,) = said["records"]
    assert record["record_id"] == job["output"]["id"]
    assert record["organisation"] == "Northwind Studio"
    assert record["consent"] == "live"
    assert record["is_preview"] is True
    assert record["same_bytes"] is True
    assert said["label"]["produce_id"] == record["record_id"]
    assert TEXT not in str(said)


@pytest.mark.parametrize("format_", ["mp3", "flac", "opus", "pcm"])
def test_every_format_is_marked(api, seeded, format_):
    job = speak(api, seeded, format=format_)
    assert job["state"] == "released", job
    audio = api.get(job["output"]["audio"]).content
    if format_ == "pcm":
        audio = wav(np.frombuffer(audio, dtype="<i2") / 32768, 24_000)
    said = report(verify(seeded, audio, f"file.{format_}"))
    assert said["verdict"] == "issued", said
    assert said["records"][0]["record_id"] == job["output"]["id"]


def test_a_cut_file_is_edited(seeded, released):
    samples, rate_hz = sf.read(io.BytesIO(released[1]))
    said = report(verify(seeded, wav(samples[: len(samples) * 2 // 3], rate_hz)))
    assert said["verdict"] == "issued_edited", said
    assert "length_changed" in said["reasons"]


def test_a_file_spliced_into_other_sound_is_partial(seeded, released):
    from tests.e2e.material import style_clip

    samples, rate_hz = sf.read(io.BytesIO(released[1]))
    other, other_rate_hz, _ = style_clip("neutral")
    from synth.audio.resample import resample

    other = resample(np.asarray(other, dtype=np.float32), other_rate_hz, rate_hz)
    joined = np.concatenate([other, samples.astype(np.float32), other])
    said = report(verify(seeded, wav(joined, rate_hz)))
    assert said["verdict"] == "partial", said
    unmarked = [i for i in said["intervals"] if i["kind"] == "unmarked"]
    start_s = len(other) / rate_hz
    assert any(i["start_s"] < 0.5 and abs(i["end_s"] - start_s) < 0.8 for i in unmarked), unmarked


def test_unmarked_speech_is_not_found_and_never_called_genuine(seeded):
    from tests.e2e.material import style_clip

    samples, rate_hz, _ = style_clip("neutral")
    said = report(verify(seeded, wav(np.tile(samples, 2), rate_hz)))
    assert said["verdict"] in ("no_watermark", "inconclusive")
    assert "does not mean the audio is real" in said["sentence"]["en"] or said["verdict"] == "inconclusive"


def test_too_short_is_inconclusive(seeded):
    samples = np.random.default_rng(1).normal(0, 0.05, 8000)
    assert report(verify(seeded, wav(samples, 16000)))["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"not audio at all, sorry" * 40, "unreadable_audio"),
        (b"", None),
        (b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\x00" * 200, None),
    ],
)
def test_bad_files_get_a_clear_error(seeded, data, code):
    answer = verify(seeded, data)
    assert 400 <= answer.status_code < 500, answer.text
    body = answer.json()
    assert body["detail"]
    if code:
        assert body["code"] == code


def test_verification_is_logged_and_nothing_is_kept(seeded, released):
    report(verify(seeded, released[1]))
    kept = seeded.service.python(
        "from synth.common import uploads\n"
        "from django.core.files.storage import default_storage as s\n"
        "from audit.models import Entry\n"
        "answer = {'files': s.listdir(uploads.FOLDER)[1] if s.exists(uploads.FOLDER) else [],"
        " 'entries': Entry.objects.filter(event='verification.queried').count()}"
    )
    assert kept["files"] == []
    assert kept["entries"] >= 1


def test_an_output_can_be_proved_offline(api, seeded, released, tmp_path):
    import subprocess
    import sys

    from tests.service import ROOT

    job, audio = released
    (tmp_path / "speech.wav").write_bytes(audio)
    deadline = time.monotonic() + 20
    proof = api.get(job["output"]["log_proof"])
    while proof.status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.3)
        proof = api.get(job["output"]["log_proof"])
    assert proof.status_code == 200, proof.text
    (tmp_path / "proof").write_bytes(proof.content)
    vkey = httpx.get(f"{seeded.url}/audit/vkey").text.strip()
    command = [
        sys.executable, "-m", "audit.offline", "verify-output", str(tmp_path / "speech.wav"),
        "--proof", str(tmp_path / "proof"), "--vkey", vkey,
    ]  # fmt: skip
    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    (tmp_path / "speech.wav").write_bytes(audio[:-2] + b"\x00\x01")
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode != 0


def test_idempotent_submission(api, seeded):
    headers = {"Idempotency-Key": f"test-{time.time_ns()}"}
    body = {"voice": seeded.slug, "text": "Once is enough, said the clerk.", "style": "neutral"}
    first = api.post("/api/v1/jobs", json=body, headers=headers).json()
    second = api.post("/api/v1/jobs", json=body, headers=headers).json()
    assert first["id"] == second["id"]


def test_cancelling_a_job_over_http(api, seeded):
    long_text = " ".join([TEXT] * 15)
    job = api.post("/api/v1/jobs", json={"voice": seeded.slug, "text": long_text, "style": "sad"}).json()
    answer = api.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert answer.status_code == 200
    deadline = time.monotonic() + 60
    state = answer.json()["state"]
    while state not in ("cancelled", "released") and time.monotonic() < deadline:
        state = api.get(f"/api/v1/jobs/{job['id']}", params={"wait_s": 10}).json()["state"]
    assert state == "cancelled"
    assert api.get(f"/api/v1/jobs/{job['id']}/audio").status_code == 404


def test_the_list_is_paged(api, seeded, released):
    page = api.get("/api/v1/jobs", params={"limit": 1}).json()
    assert len(page["data"]) == 1
    assert page["next_before"]
    older = api.get("/api/v1/jobs", params={"limit": 1, "before": page["next_before"]}).json()
    assert older["data"][0]["id"] != page["data"][0]["id"]
    assert api.get("/api/v1/jobs", params={"limit": 0}).status_code == 400


def test_without_a_key_there_is_nothing_to_see(seeded, released):
    job, _ = released
    for path in ("/api/v1/jobs", f"/api/v1/jobs/{job['id']}", f"/api/v1/jobs/{job['id']}/audio"):
        assert httpx.get(seeded.url + path).status_code == 401
