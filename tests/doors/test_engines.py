"""What an engine, a mark or a signer refuses comes out where the job is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from audit.actors import SYSTEM
from synth.engines.base import OWN_WEIGHTS, Speech
from synth.engines.content import espeak, flite
from synth.engines.preview import PreviewEngine
from synth.provenance import credentials
from tests import factories
from tests.doors.conftest import code_of
from tests.doors.test_jobs import ask, error_of
from tests.promises import case
from tests.worker.test_unreadable import RATE_HZ, Says, talk
from watermark.codec import audioseal_checkpoint
from worker import resident, tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def spoken(browser: Any, voice: Any, **asked: Any) -> str:
    """Code of the error that the job ended with."""
    answer = ask(browser, voice, **asked)
    assert answer.status_code == 201, answer.content
    tasks.render(answer.json()["id"])
    return error_of(browser, answer.json()["id"])


@pytest.fixture
def anew(monkeypatch):
    """What a worker keeps loaded, made again in this test."""

    def forget(name: str) -> None:
        monkeypatch.setattr(resident, name, resident._Once(getattr(resident, name)._make))

    return forget


@pytest.fixture
def speaking(monkeypatch):
    """The jobs are spoken by this engine, without the public mark: its networks cost more than all the rest."""

    def use(engine: Any) -> None:
        monkeypatch.setattr(resident, "engine", lambda: engine)
        monkeypatch.setattr(resident, "public_mark", lambda: None)

    return use


# ---- which engine


@pytest.mark.parametrize(
    "configured",
    [
        case("unknown_engine", {"ASSENT_ENGINE": "loud"}),
        case("engine_mode", {"ASSENT_ENGINE_MODE": "slow"}),
        case("engine_unavailable", {"ASSENT_ENGINE": "gpt-sovits"}),
        case("engine_unavailable", {"ASSENT_ENGINE": "kokoro"}),
    ],
)
def test_a_worker_without_the_engine_that_it_was_told_to_use(
    browser, voice, settings, tmp_path, anew, configured, request
):
    for name, value in ({"ASSENT_MODELS_DIR": tmp_path} | configured).items():
        setattr(settings, name, value)
    anew("engine")
    assert spoken(browser, voice) in request.node.callspec.id


# ---- speech by rule


def no_program(monkeypatch):
    for room, name in ((flite, "program"), (espeak, "program"), (espeak, "loader_installed")):
        monkeypatch.setattr(room, name, lambda: None)


def a_broken_program(monkeypatch):
    no_program(monkeypatch)
    monkeypatch.setattr(espeak, "program", lambda: "/bin/false")


def as_installed(monkeypatch):
    """The clip is English and is read; the kanji are not."""


def english_alone(monkeypatch):
    no_program(monkeypatch)
    monkeypatch.setattr(flite, "program", lambda: "/bin/false")


@pytest.mark.parametrize(
    ("installed", "asked"),
    [
        case("no_content_voice", no_program, {}),
        case("content_failed", a_broken_program, {}),
        case("needs_kana", as_installed, {"language": "ja", "text": "今日は雨です"}),
        case("language_not_offered", english_alone, {"language": "ja", "text": "きょうはあめです"}),
    ],
)
def test_the_preview_engine_cannot_pronounce_it(
    owner, browser, monkeypatch, speaking, installed, asked, request
):
    voice = factories.consented_voice(owner, languages=["en", "ja"])
    factories.approved_style(owner, voice)
    installed(monkeypatch)
    speaking(PreviewEngine())
    assert spoken(browser, voice, **asked) == request.node.callspec.id


@pytest.mark.provokes("clip_silent")
def test_a_style_without_sound(owner, browser, voice, speaking):
    speaking(PreviewEngine())
    factories.approved_style(owner, voice, name="mute", samples=np.zeros(4 * RATE_HZ, np.float32))
    assert spoken(browser, voice, style="mute") == "clip_silent"


@pytest.mark.provokes("nothing_to_speak")
def test_a_text_of_characters_that_nobody_says(browser, voice):
    assert code_of(ask(browser, voice, text="ⅳ")) == "nothing_to_speak"


# ---- marks and signatures


@pytest.mark.parametrize("bytes_there", [case("checkpoint_missing", None), case("checkpoint_altered", b"?")])
def test_a_public_mark_that_is_not_the_pinned_one(
    browser, voice, monkeypatch, settings, tmp_path, speaking, anew, bytes_there, request
):
    public_mark = resident._Once(resident.public_mark._make)
    speaking(Says(talk()))
    monkeypatch.setattr(resident, "public_mark", public_mark)
    if bytes_there is None:
        settings.ASSENT_AUDIOSEAL_CHECKPOINT = str(tmp_path)
    else:
        name = audioseal_checkpoint.GENERATOR_FILE
        (tmp_path / name).write_bytes(bytes_there)
        monkeypatch.setattr(audioseal_checkpoint, "default_checkpoint", lambda: (tmp_path, {name: "0" * 64}))
    assert spoken(browser, voice) == request.node.callspec.id


@pytest.mark.provokes("credentials_key_missing")
def test_a_worker_without_the_key_of_the_credentials(browser, voice, settings, tmp_path, speaking, anew):
    speaking(Says(talk()))
    resident.mark_keys()  # of the folder that is there
    settings.ASSENT_KEYS_DIR = tmp_path
    anew("authority")
    assert spoken(browser, voice) == "credentials_key_missing"


@pytest.mark.provokes("credentials_failed")
@pytest.mark.parametrize("format", ["wav", "opus"])
def test_credentials_that_cannot_be_read_back(browser, voice, monkeypatch, speaking, format):
    speaking(Says(talk()))
    monkeypatch.setattr(credentials, "validate", lambda *args, **more: None)
    assert spoken(browser, voice, format=format) == "credentials_failed"


# ---- a voice's own weights


class SaysWithOwnWeights(Says):
    """Speaks with files of these hashes; `meanwhile` is done while it speaks."""

    supports = frozenset({OWN_WEIGHTS})

    def __init__(self, digest: str, **more: Any) -> None:
        super().__init__(talk(), **more)
        self.digest = digest

    def speak(self, request, *, on_progress=None, should_stop=None, weights_of=None):
        self.meanwhile()
        used = {"s1": self.digest, "s2": self.digest}
        return Speech(self.samples, RATE_HZ, "take", details={"weights": used} if weights_of else {})

    def forget(self, voice: str) -> None:
        pass


@pytest.fixture
def fine_tuned(owner):
    """A voice with weights of its own, and its neutral style."""
    voice = factories.consented_voice(owner, custom_weights=True)
    factories.approved_style(owner, voice)
    digests = {"s1_sha256": "1" * 64, "s2_sha256": "1" * 64}
    factories.consent.add_weights(actor=SYSTEM, voice_id=voice.pk, **digests)
    return voice


@pytest.mark.provokes("weights_changed")
def test_speech_of_other_files_than_the_owner_was_told_of(browser, fine_tuned, speaking):
    speaking(SaysWithOwnWeights("2" * 64))
    assert spoken(browser, fine_tuned) == "weights_changed"


@pytest.mark.provokes("weights_removed", "voice.weights_removed")
def test_weights_that_the_operator_removes_while_they_speak(
    browser, fine_tuned, settings, tmp_path, speaking
):
    settings.ASSENT_MODELS_DIR = tmp_path

    def remove():
        call_command("models", "remove", "--voice", str(fine_tuned.pk))

    speaking(SaysWithOwnWeights("1" * 64, meanwhile=remove))
    assert spoken(browser, fine_tuned) == "weights_removed"
