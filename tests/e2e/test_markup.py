"""Marked-up text through the running service: each stretch in its style, one marked and logged file."""

from __future__ import annotations

import io

import httpx2 as httpx
import numpy as np
import pytest
import soundfile as sf

from tests.e2e.conftest import Seeded
from tests.e2e.test_jobs_and_verify import api, report, verify  # noqa: F401 - a fixture

pytestmark = pytest.mark.e2e
SSML = (
    "<speak>The letter came on a Tuesday.<break time='1500ms'/>[sad]Nobody opened it until the evening,[/sad] "
    "<prosody rate='slow'>and then the <phoneme ph='HH AW1 S'>house</phoneme> was quiet "
    "for a long time.</prosody></speak>"
)


def longest_silence_s(samples: np.ndarray, rate_hz: int) -> float:
    frame = rate_hz // 100
    level = np.abs(samples[: len(samples) // frame * frame]).reshape(-1, frame).max(axis=1)
    longest = run = 0
    for quiet in level < 0.02 * level.max():
        run = run + 1 if quiet else 0
        longest = max(longest, run)
    return longest / 100


def test_tags_and_ssml_are_spoken_and_marked_as_one_file(api, seeded: Seeded):  # noqa: F811
    body = {
        "voice": seeded.slug, "text": SSML, "input_type": "ssml", "style": "neutral", "format": "wav",
        "parameters": {"temperature": 0.6},
    }  # fmt: skip
    job = api.post("/api/v1/jobs", json=body)
    assert job.status_code == 201, job.text
    for _ in range(4):
        job = api.get(f"/api/v1/jobs/{job.json()['id']}", params={"wait_s": 60})
        if job.json()["state"] not in ("queued", "running"):
            break
    job = job.json()
    assert job["state"] == "released", job
    assert job["text"].startswith("The letter came on a Tuesday.") and "<" not in job["text"]
    assert {row["name"] for row in job["styles"]} == {"neutral", "sad"}
    assert any("draws nothing at random" in warning for warning in job["warnings"])
    assert any("takes no pronunciations" in warning for warning in job["warnings"])
    audio = api.get(job["output"]["audio"]).content
    samples, rate_hz = sf.read(io.BytesIO(audio))
    assert longest_silence_s(samples, rate_hz) == pytest.approx(1.5, abs=0.35)
    said = report(verify(seeded, audio))
    assert said["verdict"] == "issued", said
    assert said["records"][0]["record_id"] == job["output"]["id"]


def test_the_speech_route_takes_markup_too(api, seeded: Seeded):  # noqa: F811
    body = {
        "model": "assent", "voice": seeded.slug, "response_format": "wav", "input_type": "tags",
        "input": "The letter came on a Tuesday. [sad]Nobody opened it until the evening.[/sad]",
    }  # fmt: skip
    answer = api.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    assert report(verify(seeded, answer.content))["verdict"] == "issued"
    body["input"] = "The letter came. [jolly]Ho, ho![/jolly]"
    refused = api.post("/v1/audio/speech", json=body)
    assert refused.json()["error"]["code"] == "style_not_found"


def test_the_running_engine_says_what_it_supports(api):  # noqa: F811
    said: httpx.Response = api.get("/api/v1/engine")
    assert said.json()["name"] == "preview" and said.json()["supports"] == []
