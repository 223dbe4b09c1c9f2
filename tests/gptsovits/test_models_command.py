"""`manage.py models`: the thin door to the store."""

from __future__ import annotations

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command


def models(*arguments: str) -> str:
    out = StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def test_list_add_verify(models_dir, tmp_path, settings):
    settings.ASSENT_MODELS_DIR = tmp_path
    assert "No version is complete." in models("list")
    assert "added gsv-v2final-pretrained/s2G2333k.pth" in models("add", str(models_dir / "gpt-sovits"))
    assert "Complete: v2." in models("list")
    assert "unchanged" in models("verify")
    (tmp_path / "gpt-sovits" / "gsv-v2final-pretrained" / "s2G2333k.pth").write_bytes(b"PK")
    with pytest.raises(CommandError, match="cannot be trusted"):
        models("verify")
    with pytest.raises(CommandError, match="no file of the published set"):
        models("add", str(tmp_path / "nowhere"))


@pytest.mark.django_db
def test_a_pair_needs_a_consenting_voice(tmp_path, settings, s1, s2):
    settings.ASSENT_MODELS_DIR = tmp_path
    with pytest.raises(CommandError, match="no live consent"):
        models("add", "--voice", str(uuid.uuid4()), "--s1", str(s1), "--s2", str(s2))
    assert not (tmp_path / "gpt-sovits").exists()
