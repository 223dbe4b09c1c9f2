"""Backups as an operator and the clock take them: each one, and each failure, stands in the log."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from accounts.people.models import User
from audit import keys as log_keys
from audit.models import Entry
from synth.local import keys as key_files
from synth.local.backups import manifest, sealing, taking
from worker.tasks import backup

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes guessing slow would make the tests slow."""
    monkeypatch.setattr(sealing, "SCRYPT_N", 1 << 4)


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    settings.ASSENT_DATA_DIR = tmp_path / "data"
    settings.ASSENT_KEYS_DIR = tmp_path / "data" / "keys"
    settings.MEDIA_ROOT = tmp_path / "data" / "media"
    settings.ASSENT_MODELS_DIR = tmp_path / "models"
    settings.ASSENT_BACKUP_PASSPHRASE = PASSPHRASE
    settings.ASSENT_BACKUP_DIR = str(tmp_path / "backups")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ASSENT_DATA_DIR.mkdir()
    key_files.ensure_keys(settings.ASSENT_KEYS_DIR, settings.ASSENT_DATA_DIR)
    return tmp_path


@pytest.mark.provokes("backup.completed", "backup.restored")
def test_a_backup_is_verified_and_logged_and_so_is_a_restore(home: Path) -> None:
    call_command("audit_sequencer", "--once", stdout=io.StringIO())
    out = io.StringIO()
    call_command("backup", str(home / "backups"), stdout=out)
    (folder,) = manifest.backups(home / "backups")
    assert "with keys; verified" in out.getvalue()
    taking.check(folder, passphrase=PASSPHRASE)
    said = Entry.objects.get(event="backup.completed").content["data"]
    assert said["manifest_sha256"] == manifest.digest(folder).hex()
    call_command("audit_sequencer", "--once", stdout=io.StringIO())
    call_command("restored", folder.name, "--taken-at", "2026-11-30T00:00:00+00:00", stdout=io.StringIO())
    said = Entry.objects.get(event="backup.restored").content["data"]
    assert said["size"] == 1 and said["source"] == folder.name


@pytest.mark.provokes("backup.failed")
def test_a_scheduled_backup_that_fails_is_told_to_administrators(home: Path) -> None:
    User.objects.create_user("boss@example.org", is_staff=True)
    log_keys.key_path().unlink()
    log_keys.key_path().mkdir()  # a key that cannot be read
    backup()
    assert [letter.to for letter in mail.outbox] == [["boss@example.org"]]
    assert "The keys cannot be read" in mail.outbox[0].body
    assert Entry.objects.filter(event="backup.failed").count() == 1
    assert manifest.backups(home / "backups") == []


def test_a_backup_without_a_passphrase_must_be_asked_for(home: Path, settings: Any) -> None:
    settings.ASSENT_BACKUP_PASSPHRASE = ""
    with pytest.raises(CommandError, match="--without-keys"):
        call_command("backup", str(home / "backups"), stdout=io.StringIO())
    call_command("backup", str(home / "backups"), "--without-keys", stdout=io.StringIO())
    (folder,) = manifest.backups(home / "backups")
    assert not manifest.Manifest.read(folder).has_keys
