"""An unmodified `openai` client speaks into a file, and reads every refusal from its own envelope."""

from __future__ import annotations

import io

import openai
import pytest
import soundfile as sf

from tests.e2e.conftest import Seeded

pytestmark = pytest.mark.e2e
TEXT = "The harbour was quiet, and the boats had not come home."


@pytest.fixture
def client(seeded: Seeded) -> openai.OpenAI:
    return openai.OpenAI(api_key=seeded.key, base_url=f"{seeded.url}/v1", timeout=180)


def counting(client: openai.OpenAI) -> tuple[openai.OpenAI, list[str]]:
    """A client that notes every request it sends, retries included."""
    import httpx2 as httpx

    seen: list[str] = []
    http = httpx.Client(event_hooks={"request": [lambda request: seen.append(str(request.url))]}, timeout=180)
    return client.with_options(http_client=http), seen


def test_speaks_into_a_file(client, seeded, tmp_path):
    target = tmp_path / "speech.wav"
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice=seeded.slug, input=TEXT, response_format="wav", extra_body={"style": "sad"}
    ) as response:
        response.stream_to_file(target)
        assert response.headers["content-type"] == "audio/wav"
        assert response.headers["x-watermark-id"]
    samples, rate_hz = sf.read(target)
    assert len(samples) / rate_hz > 1.5


@pytest.mark.parametrize("format_", ["mp3", "flac", "opus"])
def test_every_format_decodes(client, seeded, format_):
    answer = client.audio.speech.create(
        model="gpt-4o-mini-tts",
        voice={"id": seeded.voice},
        input=TEXT,
        response_format=format_,  # type: ignore[arg-type]
    )
    samples, rate_hz = sf.read(io.BytesIO(answer.content))
    assert len(samples) / rate_hz > 1.5


def test_pcm_is_24_khz_16_bit_mono(client, seeded):
    answer = client.audio.speech.create(model="tts-1", voice=seeded.slug, input=TEXT, response_format="pcm")
    assert len(answer.content) % 2 == 0
    assert len(answer.content) / 2 / 24_000 > 1.5


def test_instructions_choose_a_style_and_unknown_ones_are_said_to_be_ignored(client, seeded):
    sad = client.audio.speech.with_raw_response.create(
        model="tts-1",
        voice=seeded.slug,
        input=TEXT,
        instructions="Speak sadly, please.",
        response_format="wav",
    )
    assert "x-style-ignored" not in sad.headers
    odd = client.audio.speech.with_raw_response.create(
        model="tts-1", voice=seeded.slug, input=TEXT, instructions="Like a pirate.", response_format="wav"
    )
    assert odd.headers["x-style-ignored"] == "true"


def test_server_sent_events_carry_the_audio(client, seeded):
    import base64
    import json

    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice=seeded.slug, input=TEXT, response_format="wav", stream_format="sse"
    ) as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]
    assert events[-1]["type"] == "speech.audio.done"
    audio = b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta")
    assert audio[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"voice": "nobody"}, openai.NotFoundError, "voice_not_found"),
        ({"response_format": "aac"}, openai.BadRequestError, "format_not_offered"),
        ({"input": " "}, openai.BadRequestError, None),
        ({"input": "x" * 5000}, openai.BadRequestError, "text_too_long"),
        ({"speed": 4.5}, openai.BadRequestError, "speed_out_of_range"),
        ({"extra_body": {"style": "furious"}}, openai.NotFoundError, "style_not_found"),
        ({"extra_body": {"purpose": "political"}}, openai.PermissionDeniedError, "scope_violation"),
    ],
)
def test_refusals_are_read_by_the_sdk_and_not_retried(client, seeded, change, kind, code):
    quiet, seen = counting(client)
    request = {"model": "tts-1", "voice": seeded.slug, "input": TEXT, **change}
    with pytest.raises(kind) as refused:
        quiet.audio.speech.create(**request)
    if code:
        assert refused.value.code == code
    assert refused.value.body["message"]
    assert refused.value.request_id
    assert len(seen) == 1


def test_a_wrong_key_is_an_authentication_error(seeded):
    stranger = openai.OpenAI(api_key="assent_wrong", base_url=f"{seeded.url}/v1")
    with pytest.raises(openai.AuthenticationError):
        stranger.audio.speech.create(model="tts-1", voice=seeded.slug, input=TEXT)


def test_models_and_voices_are_listed(client, seeded):
    assert "tts-1" in {model.id for model in client.models.list()}
    voices = client.get("/audio/voices", cast_to=dict)
    assert seeded.voice in {voice["id"] for voice in voices["voices"]}
