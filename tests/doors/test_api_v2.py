"""Requests as programs for GPT-SoVITS' api_v2 send them, with a key in the header or in the address."""

from __future__ import annotations

import base64
import io
import json
import logging
import struct
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import soundfile as sf
from django.test import Client

from accounts.people.models import ApiKey
from synth.jobs import api_v2_request
from synth.jobs.models import Output, SynthesisJob
from tests import factories
from tests.doors.conftest import JSON, heard
from tests.worker.test_streaming import asked_of_the_server
from tests.worker.test_unreadable import RATE_HZ, talk

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
TEXT = "Good morning."


@pytest.fixture
def bot(key: str) -> Client:
    return Client(headers={"authorization": f"Bearer {key}"})


# ---- the recorded requests


def test_1_a_bot_that_writes_every_value_as_text(bot, narrator, worker):
    answer = bot.get(
        "/tts?text=Good+morning.&text_lang=en&ref_audio_path=narrator&prompt_lang=en&prompt_text=&top_k=5&top_p=1.0"
        "&temperature=1.0&text_split_method=cut3&batch_size=1&batch_threshold=0.75&split_bucket=true&speed_factor=1"
        "&fragment_interval=0.3&seed=-1&media_type=wav&streaming_mode=false&parallel_infer=true"
        "&repetition_penalty=1.35"
    )
    samples, rate_hz = sf.read(io.BytesIO(heard(answer)))
    assert rate_hz == RATE_HZ and len(samples) / rate_hz == pytest.approx(3.0, abs=0.1)
    assert answer["content-type"] == "audio/wav" and answer["X-Watermark-Id"] == str(Output.objects.get().pk)
    job = SynthesisJob.objects.get()
    assert (job.text, job.language, job.voice_id, job.style.name) == (TEXT, "en", narrator.pk, "neutral")
    assert job.parameters == {
        "top_k": 5, "top_p": 1.0, "temperature": 1.0, "repetition_penalty": 1.35, "cut_method": "cut3",
    }  # fmt: skip
    assert job.speed == 1.0 and not job.is_streamed and job.api_key == ApiKey.objects.get()


def test_2_the_inference_plug_in(bot, narrator, worker):
    answer = bot.get("/tts?text=Good+morning.&character=narrator&emotion=sad")
    assert heard(answer)[:4] == b"RIFF"
    job = SynthesisJob.objects.get()
    assert job.style.name == "sad"
    # The defaults of that program, not those of ours.
    assert job.parameters == {
        "top_k": 15, "top_p": 1.0, "temperature": 1.0, "repetition_penalty": 1.35, "cut_method": "cut5",
    }  # fmt: skip


def test_3_a_chat_front_end_in_a_page_of_its_own(key, narrator, worker):
    base = f"/k/{key}"
    page = Client(headers={"origin": "http://127.0.0.1:8000"})
    speakers = page.get(f"{base}/speakers")
    assert speakers.json() == [{"name": name, "voice_id": name} for name in ("narrator", "narrator/sad")]
    asked = page.options(f"{base}/", headers={"access-control-request-method": "POST"})
    assert asked.status_code == 204 and asked["access-control-allow-origin"] == "*"
    assert "content-type" in asked["access-control-allow-headers"]
    body = {
        "text": TEXT, "prompt_text": "narrator", "ref_audio_path": "./x/narrator.wav", "text_lang": "en",
        "prompt_lang": "en", "text_split_method": "cut5", "batch_size": 1, "media_type": "ogg",
        "streaming_mode": "true",
    }  # fmt: skip
    answer = page.post(f"{base}/", body, JSON)
    assert heard(answer)[:4] == b"OggS"
    assert answer["content-type"] == "audio/ogg" and answer["access-control-allow-origin"] == "*"
    assert answer["X-Ignored"] == "prompt_text, prompt_lang, text_split_method"
    job = SynthesisJob.objects.get()
    assert job.is_streamed and job.voice == narrator and job.format == "opus"


def test_4_an_avatar_skips_44_bytes_and_plays_the_rest(bot, narrator, worker):
    body = {
        "text": TEXT, "text_lang": "en", "ref_audio_path": "narrator", "prompt_lang": "en", "streaming_mode": 3,
        "media_type": "wav", "min_chunk_length": 16, "overlap_length": 2,
    }  # fmt: skip
    data = heard(bot.post("/tts", body, JSON))
    assert (data[:4], data[8:16], data[36:40]) == (b"RIFF", b"WAVEfmt ", b"data")
    channels, rate_hz, _bytes_per_s, _block, bits = struct.unpack("<HIIHH", data[22:36])
    assert (channels, rate_hz, bits) == (1, RATE_HZ, 16)
    samples = np.frombuffer(data[44:], "<i2") / 32768
    original = talk(3.0)
    assert len(samples) == pytest.approx(len(original), abs=RATE_HZ // 10)
    count = min(len(samples), len(original))
    assert np.corrcoef(samples[:count], original[:count])[0, 1] > 0.9, "nothing but the speech"
    output = Output.objects.get()
    assert output.format == "wav_bare" and not output.is_labelled
    # The same without a head; as a file, and while it is made.
    raw = {**body, "media_type": "raw"}
    assert abs(len(heard(bot.post("/tts", raw, JSON))) - len(data[44:])) <= RATE_HZ // 5
    answer = bot.post("/tts", {**raw, "streaming_mode": False}, JSON)
    whole = np.frombuffer(heard(answer), "<i2") / 32768
    assert answer["content-type"] == "audio/raw" and answer["X-Sample-Rate"] == str(RATE_HZ)
    assert np.corrcoef(whole[:count], original[: len(whole[:count])])[0, 1] > 0.9


@pytest.mark.parametrize("door", ["set_gpt_weights?weights_path=", "set_sovits_weights?weights_path="])
def test_5_and_6_switching_at_the_start(bot, narrator, door):
    for named in ("narrator", "GPT_weights_v2/narrator.ckpt", "narrator/sad", str(narrator.pk)):
        answer = bot.get(f"/{door}{quote(named)}")
        assert (answer.status_code, answer.json()) == (200, {"message": "success"}), named
    for named in ("", "nobody", "narrator/jolly"):
        answer = bot.get(f"/{door}{named}")
        assert answer.status_code == 400 and answer.json()["message"]


@pytest.mark.provokes("control_not_offered", "voice_not_found", "style_not_found")
def test_7_to_9_nothing_is_stopped_and_no_path_is_opened(bot, narrator):
    for client in (bot, Client()):
        answer = client.get("/control?command=exit")
        assert (answer.status_code, answer.json()["Exception"]) == (403, "control_not_offered")
    assert bot.post("/control", {"command": "restart"}, JSON).status_code == 403
    answer = bot.get("/set_refer_audio?refer_audio_path=/etc/passwd")
    assert (answer.status_code, answer.json()["code"]) == (400, "voice_not_found")
    assert bot.get("/set_refer_audio?refer_audio_path=narrator").json() == {"message": "success"}
    key_file = {
        "text": "x",
        "text_lang": "en",
        "ref_audio_path": "../../keys/mark-master.key",
        "prompt_lang": "en",
    }
    answer = bot.post("/tts", key_file, JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "voice_not_found")
    assert answer.json()["message"] == "There is no such voice. There are: narrator."
    assert bot.get("/set_refer_audio?refer_audio_path=narrator/jolly").json()["code"] == "style_not_found"
    assert not SynthesisJob.objects.exists()


# ---- where the key stands


def test_a_key_in_the_user_part_of_the_address(key, narrator):
    """Programs send it as basic authentication, as the name or the password."""
    for name in (f"{key}:", f"bot:{key}"):
        sent = base64.b64encode(name.encode()).decode()
        assert Client(headers={"authorization": f"Basic {sent}"}).get("/speakers").status_code == 200
    # A proxy's own is none of ours.
    other = base64.b64encode(b"ada:lovelace").decode()
    answer = Client(headers={"authorization": f"Basic {other}"}).get("/speakers")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    for garbled in ("Basic ???", "Basic \xe9"):
        assert Client(headers={"authorization": garbled}).get("/speakers").status_code == 401


@pytest.mark.provokes("invalid_api_key")
def test_no_key_and_a_bad_key(owner, narrator):
    answer = Client().get("/tts?text=Good+morning.&ref_audio_path=narrator")
    assert answer.status_code == 401 and answer["www-authenticate"] == "Bearer"
    assert answer.json()["message"]
    for bad in ("nonsense", "assent_0123456789ab_x", "assent_012345678%00ab_x"):
        answer = Client().get(f"/k/{bad}/tts?text=Good+morning.&ref_audio_path=narrator")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_api_key")
    # A signed-in person's browser is not made to speak by a link.
    browser = Client()
    browser.force_login(owner.user)
    assert browser.get("/tts?text=Good+morning.&ref_audio_path=narrator").status_code == 401
    assert not SynthesisJob.objects.exists()


def test_a_key_in_the_address_reaches_every_door_and_no_log(key, narrator, caplog):
    caplog.set_level(logging.DEBUG)
    client = Client(headers={"authorization": "Bearer sk-dummy"})  # what a program must send, it sends
    assert client.get(f"/k/{key}/v1/models").status_code == 200
    assert client.get(f"/k/{key}//speakers").status_code == 200
    answers = [
        client.get(f"/k/{key}/{path}")
        for path in ("tts", "nowhere", "v1/nowhere", "studio", "control", "set_gpt_weights", "")
    ]
    answers.append(client.get(f"/k/{key}"))
    for answer in answers:
        assert key not in answer.content.decode() and key not in json.dumps(dict(answer.headers))
    assert key not in caplog.text and "/nowhere" in caplog.text
    assert answers[-1].status_code == answers[-2].status_code == 200, "the home page, for whoever looks"


@pytest.mark.parametrize("prefix", ["", "/assent"])
def test_the_server_takes_the_key_out_of_the_address(key, narrator, settings, prefix):
    settings.FORCE_SCRIPT_NAME = prefix or None
    messages = asked_of_the_server(
        "GET", f"{prefix}/k/{key}/speakers", [], b"", gone_after=lambda message: "body" in message
    )
    assert messages[0]["status"] == 200
    assert json.loads(b"".join(m.get("body", b"") for m in messages[1:]))[0]["name"] == "narrator"


def test_the_home_page_is_a_page(browser_only):
    answer = browser_only.get("/")
    assert answer.status_code == 200 and answer["content-type"].startswith("text/html")
    assert browser_only.head("/").status_code == 200
    assert browser_only.post("/", {"text": TEXT}).status_code == 401
    assert browser_only.put("/").status_code == 405


@pytest.fixture
def browser_only(db: None) -> Client:
    return Client(enforce_csrf_checks=True)


# ---- what is refused, and what is ignored


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "invalid_request"),
    ({"text": "?!"}, "text_empty"),
    ({"text": "a" * 5000}, "text_too_long"),
    ({"text": "我们用语音合成说话。"}, "language_mismatch"),
    ({"ref_audio_path": None}, "invalid_request"),
    ({"ref_audio_path": "../.."}, "voice_not_found"),
    ({"ref_audio_path": "narrator\u0000"}, "invalid_request"),
    ({"text_lang": "klingon"}, "invalid_request"),
    ({"text_lang": "zh"}, "scope_violation"),
    ({"media_type": "aac"}, "format_not_offered"),
    ({"media_type": "exe"}, "invalid_request"),
    ({"streaming_mode": 4}, "invalid_request"),
    ({"top_k": "many"}, "invalid_request"),
    ({"top_k": 0}, "parameter_out_of_range"),
    ({"temperature": "nan"}, "invalid_request"),
    ({"text_split_method": "cut9"}, "parameter_unknown"),
    ({"speed_factor": "9"}, "speed_out_of_range"),
    ({"emotion": "jolly"}, "style_not_found"),
    ({"purpose": "political"}, "scope_violation"),
]


def test_every_refusal_is_one_that_these_clients_show(bot, narrator):
    for change, code in REFUSED:
        body = {"text": TEXT, "text_lang": "en", "ref_audio_path": "narrator", **change}
        answer = bot.post("/tts", body, JSON)
        assert (answer.status_code, answer.json().get("Exception")) == (400, code), (change, answer.content)
        assert isinstance(answer.json()["message"], str)
    assert not SynthesisJob.objects.exists()


def test_bodies_and_methods_that_do_not_fit(bot):
    for answer in (
        bot.post("/tts", b"[1]", JSON),
        bot.post("/tts", b"{", JSON),
        bot.post("/tts", {"text": "x"}),
        bot.delete("/tts"),
        bot.get("/tts"),
    ):
        assert answer.status_code == 400 and answer.json()["message"], answer.content


@pytest.mark.provokes("consent_missing", "synthesis.refused")
def test_a_voice_without_consent(owner, bot):
    factories.voices.register_voice(principal=owner, name="mute", person_name="A", language="en")
    answer = bot.get("/tts?text=Good+morning.&text_lang=en&ref_audio_path=mute")
    assert (answer.status_code, answer.json()["code"]) == (400, "consent_missing")
    assert bot.get("/speakers").json() == []


def test_what_changes_nothing_is_named(bot, narrator, worker, monkeypatch):
    monkeypatch.setattr(api_v2_request, "engine_supports", lambda: {"top_k"})
    body = {
        "text": TEXT, "text_lang": "auto", "ref_audio_path": "narrator", "top_k": "5", "top_p": ".9",
        "aux_ref_audio_paths": ["sad"], "batch_size": 4, "sample_steps": 32, "loudness": 3, "né\n": 1,
    }  # fmt: skip
    answer = bot.post("/tts", body, JSON)
    assert answer["X-Ignored"] == "aux_ref_audio_paths, batch_size, top_p, loudness"
    job = SynthesisJob.objects.get()
    assert job.language == "en" and 0 <= job.seed < 2**31


MEANT = {
    "narrator": ("narrator", ""),
    "narrator/sad": ("narrator", "sad"),
    "./x/narrator.wav": ("narrator", ""),
    "C:\\voices\\narrator.wav": ("narrator", ""),
    "./x/narrator/sad.wav": ("narrator", "sad"),
    "narrator/narrator.wav": ("narrator", ""),
    "narrator/jolly": ("narrator", "jolly"),
    "narrator.wav/x.wav": ("x", ""),
    "..": ("..", ""),
}


def test_which_voice_a_path_means(owner, narrator):
    assert {path: api_v2_request.meant_by(owner, path) for path in MEANT} == MEANT
