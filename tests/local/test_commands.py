"""The commands that prepare and examine an installation."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.people.models import User
from audit import keys as log_keys
from audit import rights
from audit.note import Checkpoint
from synth.common import wakeup
from synth.local.keys import ensure_keys
from worker import doctor, inspection
from worker.management.commands import prepare

pytestmark = pytest.mark.django_db(databases=["default", "owner", "sequencer"])


@pytest.fixture
def folders(tmp_path, settings):
    """A data folder of this test's own, with keys."""
    settings.ASSENT_DATA_DIR = tmp_path
    settings.ASSENT_KEYS_DIR = tmp_path / "keys"
    settings.ASSENT_MODELS_DIR = tmp_path / "models"
    settings.STATIC_ROOT = tmp_path / "static"
    ensure_keys(tmp_path / "keys", tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def levels(check) -> list[tuple[str, str]]:
    return [(finding.level, finding.subject) for finding in check()]


# -- first start --


def test_first_admin_link_is_fresh_each_time_and_ends_with_the_first_administrator():
    first, second = run("first_admin_link").strip(), run("first_admin_link").strip()
    assert first.startswith("http://localhost")
    assert first != second
    User.objects.create_user("admin@example.org", is_staff=True)
    with pytest.raises(CommandError, match="an administrator already"):
        run("first_admin_link")


def test_prepare_tells_the_link_and_what_is_active_as_one_line_of_json(folders, monkeypatch):
    monkeypatch.setattr(prepare, "collect_static_if_changed", lambda: False)
    facts = json.loads(run("prepare", "--json").strip().splitlines()[-1])
    assert "/first-administrator/" in facts["admin_link"]
    assert [line.split()[0] for line in facts["active"]] == ["Engine", "Mark", "Log", "Consent", "Models"]
    assert facts["active"][-1].endswith(
        "missing: speaker, kokoro, whisper-base; `manage.py models fetch` brings them"
    )


def test_static_files_are_collected_when_something_changed(folders, monkeypatch):
    calls = []

    def collect(*args, **kwargs):
        calls.append(args)
        Path(folders / "static").mkdir(exist_ok=True)

    monkeypatch.setattr(prepare, "call_command", collect)
    assert prepare.collect_static_if_changed() is True
    assert prepare.collect_static_if_changed() is False
    monkeypatch.setattr(prepare, "_static_fingerprint", lambda: "another")
    assert prepare.collect_static_if_changed() is True
    assert len(calls) == 2


def test_the_preview_engine_is_named_with_the_programs_that_pronounce(folders, settings, monkeypatch):
    settings.ASSENT_ENGINE = "auto"
    monkeypatch.setattr(
        inspection.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "flite" else None
    )
    assert (
        inspection.engine_line()
        == "Engine    preview, pronounced by flite; no GPT-SoVITS weights are installed"
    )
    monkeypatch.setattr(inspection.shutil, "which", lambda name: None)
    assert "bundled eSpeak NG" in inspection.engine_line()


# -- doctor --


def test_every_fault_comes_with_a_remedy(folders, settings):
    settings.ASSENT_BASE_URL = "http://10.1.2.3:8000"
    (folders / "keys" / "receipt-signing.key").unlink()
    found = [
        finding for check in (doctor.keys, doctor.web, doctor.gates, doctor.storage) for finding in check()
    ]
    faults = [finding for finding in found if finding.level in ("warning", "problem")]
    assert {finding.subject for finding in faults} >= {"keys", "web", "gates"}
    assert all(finding.remedy for finding in faults)


def test_keys_open_to_others_are_a_problem(folders):
    assert ("problem", "keys") not in levels(doctor.keys)
    (folders / "keys" / "mark-master.key").chmod(0o644)
    assert ("problem", "keys") in levels(doctor.keys)


def test_a_damaged_key_is_a_finding_and_not_the_end(folders, monkeypatch):
    (folders / "keys" / "mark-master.key").write_text("short")
    monkeypatch.setattr(doctor, "CHECKS", (doctor.keys, doctor.python))
    findings = list(doctor.examine())
    assert any(finding.level == "problem" and "mark-master.key" in finding.text for finding in findings)
    assert findings[-1].subject in ("packages", "python"), "the next check was made all the same"


def test_the_logs_rights_are_told_apart(settings):
    assert ("ok", "log rights") in levels(doctor.database)


def test_one_role_for_everything_is_told(monkeypatch):
    monkeypatch.setattr(rights, "separated", lambda connection: False)
    assert ("warning", "log rights") in levels(doctor.database)


def test_a_broker_that_is_away_is_a_problem(monkeypatch):
    import redis

    nowhere = redis.Redis(unix_socket_path="/nonexistent/valkey.sock")
    monkeypatch.setattr(wakeup, "client", lambda: nowhere)
    (finding,) = doctor.broker()
    assert (finding.level, finding.subject) == ("problem", "broker")
    assert "make up" in finding.remedy


def test_a_checkpoint_ahead_of_the_database_means_lost_entries(folders):
    signer = log_keys.signer()
    note = Checkpoint(signer.name, 7, b"\x01" * 32).sign(signer)
    log_keys.checkpoint_file().replace(expected=None, new=note)
    findings = list(doctor.log())
    assert findings[0].level == "problem"
    assert "has 7 entries, the database only 0" in findings[0].text


def test_the_exit_status_says_whether_something_is_broken(monkeypatch):
    fine = doctor.Finding("warning", "x", "loose", "mend it")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([fine]),))
    assert "0 problems, 1 warnings" in run("doctor")
    broken = doctor.Finding("problem", "x", "broken", "mend it")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([broken]),))
    with pytest.raises(SystemExit):
        run("doctor")


def test_the_environment_table_has_every_name():
    from synth.conf.env import TABLE

    text = run("doctor", "--environment")
    assert all(f"| `{row.name}` |" in text for row in TABLE)
