"""`manage.py models`: the thin door to the store."""

from __future__ import annotations

import hashlib
import os
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.consent import services as consent
from accounts.consent.models import VoiceWeights
from synth.gptsovits.store import Store
from tests import factories
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
