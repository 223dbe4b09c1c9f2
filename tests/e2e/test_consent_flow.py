"""A voice registered over HTTP with a real (synthetic-voice) recording of a real challenge; and every way to fail."""

from __future__ import annotations

import io
import time

import httpx2 as httpx
import numpy as np
import pytest
import soundfile as sf

from tests import takes
from tests.e2e.conftest import Seeded

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def studio(seeded: Seeded) -> dict:
    """An organisation whose name and person the committed takes can say, with a key."""
    return seeded.service.python(
        "from tests import factories, takes\n"
        "from accounts.people.services import create_key\n"
        "from accounts.people.permissions import SCOPES\n"
        "owner = factories.owner_principal(takes.ORGANISATION)\n"
        "_, secret = create_key(principal=owner, name='t', scopes=sorted(SCOPES))\n"
        "answer = {'key': secret}"
    )


@pytest.fixture(scope="module")
def api(seeded: Seeded, studio: dict):
    with httpx.Client(
        base_url=seeded.url, headers={"Authorization": f"Bearer {studio['key']}"}, timeout=120
    ) as client:
        yield client


def register(api: httpx.Client, person: str = takes.PERSON) -> str:
    answer = api.post("/api/v1/voices", json={"name": "My voice", "person_name": person, "language": "en"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def challenge(api: httpx.Client, voice: str) -> dict:
    answer = api.post(f"/api/v1/voices/{voice}/challenges", json={})
    assert answer.status_code == 201, answer.text
    return answer.json()


def wav(samples: np.ndarray, rate_hz: int = takes.RATE_HZ) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, np.clip(samples, -1, 1), rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def answer_challenge(api: httpx.Client, challenge_id: str, data: bytes) -> dict:
    """Upload and wait for the decision."""
    asked = api.get(f"/api/v1/challenges/{challenge_id}").json()
    declared = [declaration["code"] for declaration in asked["attestations"]]
    sent = api.post(
        f"/api/v1/challenges/{challenge_id}/recording",
        files={"file": ("take.wav", data)},
        data={"source": "microphone", "scope_sha256": asked["scope_sha256"], "attestations": declared},
    )
    assert sent.status_code in (200, 201, 202), sent.text
    submission = sent.json()
    deadline = time.monotonic() + 90
    while submission["state"] in ("queued", "checking") and time.monotonic() < deadline:
        time.sleep(0.5)
        submission = api.get(f"/api/v1/submissions/{submission['id']}").json()
    return submission


def codes(submission: dict) -> set[str]:
    return {reason["code"] for reason in submission["reasons"]}


def test_a_genuine_recording_is_approved_and_the_voice_speaks(api, seeded):
    voice = register(api)
    asked = challenge(api, voice)
    take = takes.take(asked["statement"], "slt", seed=1)
    submission = answer_challenge(api, asked["id"], wav(take.samples))
    assert submission["state"] == "approved", submission
    measured = {gate["name"]: gate for gate in submission["gates"]}
    assert measured["snr"]["limit"] is not None
    receipt = api.get(f"/api/v1/voices/{voice}/consent").json()
    assert receipt["receipt"]

    style = takes.style_clip("slt", "sad")
    added = api.post(
        f"/api/v1/voices/{voice}/styles",
        files={"file": ("sad.wav", wav(style.samples))},
        data={"name": "sad", "emotion": "sad", "language": "en", "transcript": style.transcript},
    )
    assert added.status_code in (200, 201, 202), added.text
    deadline = time.monotonic() + 60
    state = {}
    while time.monotonic() < deadline:
        rows = api.get(f"/api/v1/voices/{voice}/styles").json()
        rows = rows if isinstance(rows, list) else rows["data"]
        state = rows[0]
        if state["state"] not in ("queued", "checking"):
            break
        time.sleep(0.5)
    assert state["state"] == "approved", state

    job = api.post(
        "/api/v1/jobs",
        json={"voice": voice, "text": "I waited by the window until the lights went out.", "style": "sad"},
    ).json()
    job = api.get(f"/api/v1/jobs/{job['id']}", params={"wait_s": 60}).json()
    assert job["state"] == "released", job
    assert job["follow_report"]["similarity"] is not None

    revoked = api.post(f"/api/v1/voices/{voice}/revoke", json={"reason": "enough"})
    assert revoked.status_code == 200, revoked.text
    refused = api.post("/api/v1/jobs", json={"voice": voice, "text": "Not any more.", "style": "sad"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "consent_revoked"
    assert api.get(f"/api/v1/jobs/{job['id']}/audio").status_code == 403


def test_our_own_output_is_no_consent_and_no_style(api, seeded):
    """Speech that this platform made, offered as the recording of a person."""
    with httpx.Client(
        base_url=seeded.url, headers={"Authorization": f"Bearer {seeded.key}"}, timeout=120
    ) as speaker:
        job = speaker.post(
            "/api/v1/jobs",
            json={
                "voice": seeded.slug,
                "text": "The garden is green, and the gate stands open. Nobody has come by all day long.",
                "style": "neutral",
                "format": "wav",
            },
        ).json()
        job = speaker.get(f"/api/v1/jobs/{job['id']}", params={"wait_s": 60}).json()
        audio = speaker.get(job["output"]["audio"]).content
    voice = register(api)
    submission = answer_challenge(api, challenge(api, voice)["id"], audio)
    assert submission["state"] == "rejected"
    assert "synthetic_source" in codes(submission), submission


def test_a_replayed_recording_is_rejected(api, seeded):
    voice = register(api)
    asked = challenge(api, voice)
    take = takes.take(asked["statement"], "rms", seed=5)
    first = answer_challenge(api, asked["id"], wav(take.samples))
    assert first["state"] == "approved", first
    again = challenge(api, voice)
    replay = answer_challenge(api, again["id"], wav(take.samples * 0.8))
    assert replay["state"] == "rejected"
    assert "replayed_recording" in codes(replay), replay


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("words", "challenge_words_wrong"),
        ("noise", "too_noisy"),
        ("clip", "clipped"),
        ("short", "too_short"),
        ("garbage", "unreadable_audio"),
    ],
)
def test_rejections_have_their_own_code(api, seeded, spoil, code):
    voice = register(api)
    asked = challenge(api, voice)
    statement = challenge(api, voice)["statement"] if spoil == "words" else asked["statement"]
    samples = takes.take(statement, "kal16", seed=11).samples
    if spoil == "noise":
        level = np.sqrt(np.mean(samples**2))
        samples = samples + np.random.default_rng(3).normal(0, level / 2, len(samples)).astype(np.float32)
    if spoil == "clip":
        samples = np.clip(samples * 12 / np.abs(samples).max(), -1, 1)
    if spoil == "short":
        samples = samples[: takes.RATE_HZ * 2]
    data = b"\x00garbage" * 500 if spoil == "garbage" else wav(samples)
    submission = answer_challenge(api, asked["id"], data)
    assert submission["state"] == "rejected", submission
    assert code in codes(submission), codes(submission)
