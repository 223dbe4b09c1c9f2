"""The log watches itself: what an administrator of the database can do is seen, told, and never signed over."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from accounts.people.models import User
from audit import continuity, guards, keys, watch
from audit.models import Entry
from audit.note import Checkpoint
from tests.audit.conftest import write
from worker import doctor
from worker.tasks import verify_log

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
Run = Callable[..., int]


def owner(*statements: str) -> None:
    """As whoever owns the tables."""
    with connections["owner"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def log(sequence: Run, log_home: Path, settings: Any) -> Iterator[Path]:
    """Twelve entries in the tree, and an administrator with a letter box; the guards are put back afterwards."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.create_user("boss@example.org", is_staff=True)
    write(12)
    sequence()
    yield log_home
    guards.mend()
    connections["owner"].close()


def edit_body() -> None:
    owner(
        "ALTER TABLE audit_entry DISABLE TRIGGER audit_deny_change",
        "ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_leaf_hash",
        """UPDATE audit_entry SET body = convert_to(replace(convert_from(body, 'UTF8'),
           '"index":5', '"index":6'), 'UTF8') WHERE id = (SELECT min(id) + 5 FROM audit_entry)""",
        "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_deny_change",
        "ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_leaf_hash"
        " CHECK (leaf_hash = sha256('\\x00'::bytea || body)) NOT VALID",
    )


def subjects() -> set[str]:
    return {finding.subject for finding in doctor.log() if finding.level == "problem"}


@pytest.mark.provokes("log.checked")
def test_a_whole_log_is_said_to_be_whole(log: Path) -> None:
    verify_log()
    result = watch.last()
    assert result is not None and result.is_clean and result.size == 12
    assert Entry.objects.get(event="log.checked").content["data"]["code"] == "whole"
    assert mail.outbox == [] and subjects() == set()


def test_an_edited_body_is_told_by_mail_and_never_signed_over(log: Path, client: Client) -> None:
    edit_body()
    verify_log()
    assert "LEAF" in mail.outbox[0].body and mail.outbox[0].to == ["boss@example.org"]
    assert "does not verify" in str(continuity.interruption())
    assert client.get("/readyz").json()["parts"]["log"] is False
    write(1)
    with pytest.raises(CommandError) as refused:
        call_command("audit_sequencer", "--once", stdout=io.StringIO())
    assert refused.value.returncode == 3
    assert keys.checkpoint_file().read() is not None
    assert Checkpoint.open(str(keys.checkpoint_file().read()), keys.verifier()).size == 12
    assert {"log", "log guards", "log check"} <= subjects()


def test_a_running_sequencer_stops_at_what_the_check_found(log: Path) -> None:
    continuity.leave_fault("LEAF [leaf 5]: found meanwhile")
    write(1)
    with pytest.raises(CommandError, match="found meanwhile"):
        call_command("audit_sequencer", "--once", stdout=io.StringIO())
    watch.check_all()
    call_command("audit_sequencer", "--once", stdout=io.StringIO())
    assert continuity.interruption() is None, "a check that finds nothing lets the log go on"


def test_a_start_samples_bodies_against_leaves(log: Path) -> None:
    edit_body()
    write(1)
    with pytest.raises(CommandError, match="LEAF"):
        call_command("audit_sequencer", "--once", stdout=io.StringIO())
    assert "LEAF" in str(continuity.interruption())


GUARDS = {
    "trigger audit_deny_change of audit_leaf is gone": ["DROP TRIGGER audit_deny_change ON audit_leaf"],
    "trigger audit_enqueue of audit_entry is not enabled always": [
        "ALTER TABLE audit_entry ENABLE TRIGGER audit_enqueue"
    ],
    "trigger audit_deny_truncate of audit_tile is another one": [
        "DROP TRIGGER audit_deny_truncate ON audit_tile",
        "CREATE TRIGGER audit_deny_truncate BEFORE TRUNCATE ON audit_tile EXECUTE FUNCTION audit_enqueue()",
    ],
    "trigger audit_deny_change of audit_tile is another one": [
        "CREATE SCHEMA IF NOT EXISTS elsewhere",
        "CREATE OR REPLACE FUNCTION elsewhere.audit_deny() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'",
        "DROP TRIGGER audit_deny_change ON audit_tile",
        "CREATE TRIGGER audit_deny_change BEFORE UPDATE OR DELETE ON audit_tile FOR EACH ROW"
        " EXECUTE FUNCTION elsewhere.audit_deny()",
    ],
    "function audit_deny is another one": [
        "CREATE OR REPLACE FUNCTION audit_deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    ],
}


@pytest.mark.parametrize("sentence", GUARDS)
def test_a_guard_that_was_taken_away_is_seen_and_put_back(log: Path, sentence: str) -> None:
    owner(*GUARDS[sentence])
    assert guards.missing() == [sentence]
    assert subjects() == {"log guards"}
    call_command("audit", "mend", stdout=io.StringIO())
    assert guards.missing() == []


def test_a_constraint_that_was_dropped_is_seen(log: Path) -> None:
    owner("ALTER TABLE audit_leaf DROP CONSTRAINT audit_leaf_shape")
    try:
        assert guards.missing() == ["constraint audit_leaf_shape of audit_leaf is gone"]
        out = io.StringIO()
        with pytest.raises(CommandError, match="Not mended"):
            call_command("audit", "mend", stdout=out)
        assert out.getvalue() == "", "nobody is told that it was mended"
    finally:
        owner(
            "ALTER TABLE audit_leaf ADD CONSTRAINT audit_leaf_shape CHECK (index >= 0 AND octet_length(leaf_hash) = 32)"
        )


def test_an_entry_that_was_never_queued_is_found_and_queued(log: Path, sequence: Run) -> None:
    owner("ALTER TABLE audit_entry DISABLE TRIGGER audit_enqueue")
    write(2)
    owner("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_enqueue")
    (sentence,) = guards.left_behind()
    assert sentence.startswith("2 entries were never queued")
    call_command("audit", "mend", stdout=io.StringIO())
    assert sequence() == 14


def test_publications_that_were_deleted_are_seen(log: Path) -> None:
    owner(
        "ALTER TABLE audit_publication DISABLE TRIGGER audit_deny_change",
        "DELETE FROM audit_publication",
        "ALTER TABLE audit_publication ENABLE ALWAYS TRIGGER audit_deny_change",
        "ALTER TABLE audit_checkpoint DISABLE TRIGGER audit_deny_change",
        "UPDATE audit_checkpoint SET created_at = created_at - interval '1 hour'",
        "ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_deny_change",
    )
    (sentence,) = guards.left_behind()
    assert "signed but not shown" in sentence


def test_a_rewritten_tree_of_equal_size_is_seen_by_its_root(log: Path) -> None:
    """All of it re-signed with the log's own key: only the copy outside differs."""
    note = Checkpoint(keys.signer().name, 12, b"\x11" * 32).sign(keys.signer())
    keys.checkpoint_file().path.write_text(note)
    call_command("audit", "mend", stdout=io.StringIO())
    result = watch.check_all()
    assert "HISTORY" in result.fault or "ROOT" in result.fault
    assert "log" in subjects()
