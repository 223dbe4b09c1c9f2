"""The drill: a backup while jobs are submitted, restored elsewhere; what was released verifies, the log goes on."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.e2e.conftest import Seeded
from tests.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PASSPHRASE = "correct horse battery"
ENTRIES = "from audit.models import Entry\nanswer = [bytes(e.leaf_hash).hex() for e in Entry.objects.order_by('id')]"


def speak(seeded: Seeded, text: str) -> httpx.Response:
    return httpx.post(
        f"{seeded.url}/v1/audio/speech",
        headers={"Authorization": f"Bearer {seeded.key}"},
        json={"model": "assent", "voice": seeded.slug, "input": text, "response_format": "wav"},
        timeout=120,
    )


def test_a_backup_taken_under_load_makes_the_installation_elsewhere(seeded: Seeded, tmp_path: Path) -> None:
    before = speak(seeded, "The parcel arrived before the storm.")
    assert before.status_code == 200, before.text
    acknowledged = seeded.service.python(ENTRIES)

    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            speak(seeded, "Somebody else speaks meanwhile.")

    loader = threading.Thread(target=load)
    loader.start()
    seeded.service.environment["ASSENT_BACKUP_PASSPHRASE"] = PASSPHRASE
    try:
        seeded.service.manage("backup", str(tmp_path / "backups"))
    finally:
        done.set()
        loader.join()

    elsewhere = Service(tmp_path / "elsewhere", ASSENT_BACKUP_PASSPHRASE=PASSPHRASE)
    # the same log: its name is the host's, and the host is the same
    assert "Restored what was there" in elsewhere.manage("restore", str(tmp_path / "backups"))
    elsewhere.start()
    try:
        answer = httpx.post(
            f"{elsewhere.base_url}/api/v1/verify", files={"file": ("a.wav", before.content)}, timeout=120
        )
        assert answer.json()["report"]["verdict"] == "issued", answer.text
        there = elsewhere.python(ENTRIES)
        assert there[: len(acknowledged)] == acknowledged, "nothing acknowledged before the backup is missing"
        restored = Seeded(elsewhere, seeded.key, seeded.voice, seeded.slug, seeded.email)
        assert speak(restored, "And the log goes on.").status_code == 200
        assert elsewhere.manage("audit_verify").startswith("OK")
    finally:
        elsewhere.stop()
