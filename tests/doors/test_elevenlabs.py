"""Requests as programs for ElevenLabs' API send them, with a key of ours."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
import soundfile as sf
from django.test import Client

from accounts.consent.services import suspend
from synth.jobs.models import Output, SynthesisJob
from synth.spoken.characters import character_times
from synth.spoken.placing import Placed
from tests.doors.conftest import JSON, heard
from worker import rendering

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
TEXT = "Good morning."
DOOR = "/v1/text-to-speech/narrator"


@pytest.fixture
def program(key: str) -> Client:
    return Client(headers={"xi-api-key": key})


def detail(answer: Any) -> tuple[int, str]:
    said = answer.json()["detail"]
    assert said["message"]
    return answer.status_code, said["status"]


def test_voices_have_the_shape_that_these_programs_read(program, narrator):
    (voice,) = program.get("/v1/voices").json()["voices"]
    assert (voice["voice_id"], voice["name"], voice["labels"]) == ("narrator", "narrator", {"language": "en"})


def test_speech_comes_as_a_file(program, narrator, worker):
    body = {
        "text": TEXT, "model_id": "eleven_multilingual_v2", "language_code": "en-US", "seed": 2**31 + 5,
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "speed": 1.1}, "previous_text": "Hello.",
    }  # fmt: skip
    answer = program.post(f"{DOOR}?output_format=mp3_22050_32", body, JSON)
    data = heard(answer)
    assert sf.info(io.BytesIO(data)).format == "MP3" and answer["content-type"] == "audio/mpeg"
    job = SynthesisJob.objects.get()
    assert (job.text, job.speed, job.seed, job.language, job.is_streamed) == (TEXT, 1.1, 5, "en", False)
    assert answer["X-Ignored"] == "previous_text, stability, similarity_boost"
    assert answer["request-id"] == str(job.pk)


def test_a_stream_comes_while_it_is_made(program, narrator, worker):
    answer = program.post(f"{DOOR}/stream?output_format=opus_48000_64", {"text": TEXT, "style": "sad"}, JSON)
    assert heard(answer)[:4] == b"OggS"
    job = SynthesisJob.objects.get()
    assert job.is_streamed and job.style.name == "sad" and answer["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("measured", [True, False])
def test_each_character_has_its_time(program, narrator, worker, monkeypatch, measured):
    words = [[0, 4, 100, 500], [5, 12, 600, 1300]] if measured else None
    monkeypatch.setattr(rendering, "word_times", lambda text, segments: words)
    answer = program.post(f"{DOOR}/with-timestamps", {"text": TEXT}, JSON)
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert base64.b64decode(said["audio_base64"])[:3] in (b"ID3", b"\xff\xfb\x90")
    assert Output.objects.get().format == "mp3"
    assert (said["alignment"] is None) != measured and said["normalized_alignment"] is None
    if measured:
        alignment = said["alignment"]
        assert "".join(alignment["characters"]) == TEXT
        assert alignment["character_start_times_seconds"][:6] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
        assert alignment["character_end_times_seconds"][3:6] == [0.5, 0.6, 0.7]
        assert alignment["character_end_times_seconds"][-2:] == [1.3, 1.3]


def test_characters_that_no_word_holds_take_the_pauses():
    starts, ends = character_times('"A - b!"', [Placed(1, 2, 0.5, 1.0), Placed(5, 6, 1.6, 2.0)])
    assert starts == pytest.approx([0.5, 0.5, 1.0, 1.2, 1.4, 1.6, 2.0, 2.0])
    assert ends == pytest.approx([0.5, 1.0, 1.2, 1.4, 1.6, 2.0, 2.0, 2.0])
    assert character_times("?", []) == ([0.0], [0.0])
    # Words that were heard to overlap do not run backwards.
    starts, ends = character_times("a b", [Placed(0, 1, 0.0, 1.0), Placed(2, 3, 0.8, 0.9)])
    assert starts == sorted(starts) and ends == sorted(ends)


def test_refusals_have_their_envelope(owner, program, narrator):
    assert detail(Client().post(DOOR, {"text": TEXT}, JSON)) == (401, "not_authenticated")
    wrong = Client(headers={"xi-api-key": "nonsense"})
    assert detail(wrong.get("/v1/voices")) == (401, "invalid_api_key")
    assert detail(program.post(DOOR, {}, JSON)) == (400, "invalid_request")
    assert detail(program.post(DOOR, [1], JSON)) == (400, "invalid_request")
    assert detail(program.post(DOOR, {"text": TEXT, "voice_settings": 3}, JSON)) == (400, "invalid_request")
    assert detail(program.post(f"{DOOR}?output_format=ulaw_8000", {"text": TEXT}, JSON)) == (
        400,
        "format_not_offered",
    )
    assert detail(program.post("/v1/text-to-speech/nobody", {"text": TEXT}, JSON)) == (404, "voice_not_found")
    assert detail(program.get("/v1/text-to-speech/narrator/nowhere")) == (404, "not_found")
    suspend(principal=owner, voice_id=narrator.pk)
    assert detail(program.post(DOOR, {"text": TEXT}, JSON)) == (403, "voice_suspended")
    assert program.get("/v1/voices").json() == {"voices": []}
    assert not SynthesisJob.objects.exists()
    # The other doors know nothing of that header.
    assert program.get("/api/v1/jobs").status_code == 401
