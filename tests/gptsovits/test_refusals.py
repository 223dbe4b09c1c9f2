"""What the engine refuses comes out where the job is looked at. Its networks have random weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from synth.gptsovits import manifest, store, text2semantic
from synth.gptsovits.engine import GptSovitsEngine
from synth.gptsovits.spoken_text import ReadText
from tests import factories
from tests.gptsovits.conftest import letters, tiny_bert
from tests.promises import case
from tests.worker.test_unreadable import Doors
from worker import resident

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
CHINESE = "今天下雨了"


@pytest.fixture(scope="module")
def chinese_models(models_dir, tmp_path_factory) -> Path:
    folder, incoming = tmp_path_factory.mktemp("chinese"), tmp_path_factory.mktemp("bert")
    shutil.copytree(models_dir, folder, dirs_exist_ok=True)
    tiny_bert(incoming / manifest.BERT, CHINESE)
    store.Store(folder).add(incoming)
    return folder


@pytest.fixture
def doors(db) -> Doors:
    owner = factories.owner_principal()
    voice = factories.consented_voice(owner, languages=["en", "zh"])
    factories.approved_style(owner, voice)
    client = Client()
    client.force_login(owner.user)
    return Doors(client, str(voice.id))


@pytest.fixture
def speaking(models_dir, monkeypatch):
    """Engines that jobs are spoken by here; they end with the test."""
    engines: list[GptSovitsEngine] = []

    def use(folder: Path = models_dir, front_end=letters) -> GptSovitsEngine:
        engines.append(GptSovitsEngine(store.Store(folder), "v2", front_end=front_end))
        monkeypatch.setattr(resident, "engine", lambda: engines[-1])
        return engines[-1]

    yield use
    for engine in engines:
        engine.close()


def refused(doors: Doors, code: str, **asked) -> None:
    job = doors.render(**asked)
    assert (job["state"], job["error"]["code"]) == ("failed", code), job["error"]


def full(engine, monkeypatch):
    engine.networks.official.scheduler.max_waiting = 0


def stopping(engine, monkeypatch):
    engine.close()


def short_of_positions(engine, monkeypatch):
    monkeypatch.setattr(text2semantic, "MAX_POSITIONS", 8)


@pytest.mark.parametrize(
    "hinder",
    [
        case("engine_busy", full),
        case("engine_stopping", stopping),
        case("segment_too_long", short_of_positions),
    ],
)
def test_an_engine_that_cannot_take_it(doors, speaking, monkeypatch, hinder, request):
    hinder(speaking(), monkeypatch)
    refused(doors, request.node.callspec.id)


@pytest.mark.provokes("weights_missing")
def test_chinese_without_the_network_that_reads_it(doors, speaking):
    speaking()
    refused(doors, "weights_missing", language="zh", text=CHINESE)


@pytest.mark.provokes("nothing_to_speak")
def test_a_text_of_which_no_phone_is_left(doors, speaking):
    speaking(front_end=lambda *read: ReadText([]))
    refused(doors, "nothing_to_speak")


@pytest.mark.provokes("bert_alignment")
def test_phones_that_do_not_belong_to_the_characters(doors, speaking, chinese_models):
    def misaligned(text, language, *more):
        read = letters(text, language, *more)
        for sentence in read.sentences:
            sentence.pieces[:] = [
                replace(piece, norm_text=piece.norm_text[:-1], phones_per_character=[1] * len(piece.phones))
                for piece in sentence.pieces
            ]
        return read

    speaking(chinese_models, misaligned)
    refused(doors, "bert_alignment", language="zh", text=CHINESE)


@pytest.mark.provokes("clip_too_short")
def test_a_clip_of_which_hardly_anything_is_left(doors, speaking):
    from accounts.voices.models import Clip

    speaking()
    for clip in Clip.objects.exclude(file=""):
        default_storage.delete(clip.file.name)
        default_storage.save(clip.file.name, ContentFile(factories.wav(np.full(160, 0.1, np.float32))))
    refused(doors, "clip_too_short")


@pytest.mark.provokes("engine_device")
def test_a_device_that_is_not_there(doors, models_dir, monkeypatch, settings):
    from synth.gptsovits import engine

    monkeypatch.setattr(engine.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(resident, "engine", resident._Once(resident.engine._make))
    settings.ASSENT_MODELS_DIR, settings.ASSENT_ENGINE = models_dir, "gpt-sovits"
    settings.ASSENT_DEVICE = "cuda"
    refused(doors, "engine_device")
