"""Writing entries: vocabulary, canonical bytes, idempotency, and what the database itself refuses."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import rfc8785
from django.db import DatabaseError, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit import events, rights, selectors, services
from audit.actors import ANONYMOUS, SYSTEM, Actor
from audit.events import BadEvent
from audit.models import Entry
from tests.audit.conftest import write
from tests.conftest import _superuser

everywhere = pytest.mark.django_db(databases="__all__")
committed = pytest.mark.django_db(databases="__all__", transaction=True)


@committed
def test_record_needs_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="atomic"):
        services.record(event="voice.registered", actor=SYSTEM, data={})


@everywhere
def test_the_body_is_canonical_and_complete() -> None:
    organisation = uuid4()
    user = Actor("user", str(uuid4()))
    with transaction.atomic():
        entry = services.record(
            event="consent.approved",
            actor=user,
            organisation_id=organisation,
            subject="voice:1",
            data={"reasons": ["b", "a"], "consent_version": 2, "automatic": True, "note_commitment": None},
        )
    stored = Entry.objects.get(pk=entry.pk)
    body = bytes(stored.body)
    assert rfc8785.dumps(json.loads(body)) == body
    assert bytes(stored.leaf_hash) == hashlib.sha256(b"\x00" + body).digest() == bytes(entry.leaf_hash)
    content = stored.content
    assert content["actor"] == {"kind": "user", "id": user.id}
    assert content["organisation"] == str(organisation) and content["subject"] == "voice:1"
    assert content["data"]["reasons"] == ["b", "a"]
    assert datetime.fromisoformat(content["time"]) == stored.created_at
    assert len(content["nonce"]) == 32
    assert stored.organisation_id == organisation


@everywhere
def test_equal_events_have_unequal_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still(datetime):  # so that they do not differ by their time alone
        @classmethod
        def now(cls, tz: Any = None) -> Still:
            return cls(2026, 1, 1, tzinfo=tz)

    monkeypatch.setattr(services, "datetime", Still)
    first, second = write(2, data={"voice_id": "v"})
    assert bytes(first.leaf_hash) != bytes(second.leaf_hash)


@everywhere
def test_the_same_key_gives_the_same_entry() -> None:
    first, second = write(2, idempotency_key="job-1:completed")
    assert first.pk == second.pk and bytes(first.body) == bytes(second.body)
    assert Entry.objects.count() == 1
    with pytest.raises(BadEvent, match="already names"):
        write(1, idempotency_key="job-1:completed", event="consent.approved")


@committed
def test_concurrent_writers_of_one_key_share_one_entry() -> None:
    found: list[int] = []
    gate = threading.Barrier(6)

    def work() -> None:
        gate.wait()
        try:
            found.extend(entry.pk for entry in write(3, idempotency_key="once"))
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 18 and len(set(found)) == 1
    assert Entry.objects.count() == 1


@committed
def test_an_entry_falls_with_its_transaction() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.record(event="voice.registered", actor=SYSTEM, data={})
        raise ZeroDivisionError
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("voice.invented", {}),
        ("voice.registered", {"person_name": "x"}),
        ("voice.registered", {"voice_id": "Ada Lovelace"}),
        ("voice.registered", {"voice_id": "ada@example.org"}),
        ("voice.registered", {"voice_id": "张三"}),
        ("voice.registered", {"voice_id": "line\nbreak"}),
        ("voice.registered", {"voice_id": "x" * 513}),
        ("voice.registered", {"count": 1.5}),
        ("voice.registered", {"count": 2**53}),
        ("voice.registered", {"text_sha256": "abc"}),
        ("voice.registered", {"text_sha256": "A" * 64}),
        ("voice.registered", {"voice_id": uuid4()}),
        ("voice.registered", {"gates": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}}),
        ("voice.registered", {"gates": [{"name": "a sentence with spaces"}]}),
        ("voice.registered", {"gates": {"a key": 1}}),
        ("synthesis.completed", {"job_id": "1"}),
    ],
)
def test_what_may_not_stand_in_the_log(event: str, data: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        events.check(event, data)


@given(st.text(max_size=30))
def test_no_text_with_spaces_letters_of_names_or_addresses_passes(text: str) -> None:
    try:
        events.check("voice.registered", {"voice_id": text})
    except BadEvent:
        return
    assert text.isascii() and not any(char.isspace() or char == "@" for char in text)


@everywhere
@pytest.mark.parametrize("options", [{"subject": "a voice"}, {"actor": Actor("user", "ada@example.org")}])
def test_subject_and_actor_are_identifiers_too(options: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        write(1, **options)


@everywhere
def test_large_entries_are_refused() -> None:
    with pytest.raises(BadEvent, match="bytes"):
        write(1, data={"warnings": ["x" * 500] * 140})


def test_actors() -> None:
    assert (SYSTEM.kind, ANONYMOUS.kind) == ("system", "anonymous")
    with pytest.raises(ValueError, match="kind"):
        Actor("robot", "1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="id"):
        Actor("user")


def test_every_event_speaks_both_languages() -> None:
    for name, event in events.EVENTS.items():
        assert event.name == name
        assert event.sentence("en").isascii() and event.sentence("en").endswith(".")
        assert not event.sentence("zh-hans").isascii() and event.sentence("zh-hans").endswith("。")


def test_commitments() -> None:
    salt = services.new_salt()
    made = services.commitment("Bonjour é", salt=salt)
    assert len(made) == 64 and made == services.commitment("Bonjour e\u0301", salt=salt)
    assert services.commitment("Bonsoir é", salt=salt) != made
    assert services.commitment("Bonjour é", salt=services.new_salt()) != made
    events.check("voice.registered", {"text_commitment": made})
    with pytest.raises(ValueError, match="salt"):
        services.commitment("x", salt=b"short")


@everywhere
def test_selectors_narrow() -> None:
    ours, theirs = uuid4(), uuid4()
    write(2, organisation_id=ours, subject="voice:1")
    write(1, organisation_id=theirs, subject="voice:2", event="consent.approved")
    assert selectors.entries_for(organisation_id=ours).count() == 2
    assert selectors.entries_for(organisation_ids={theirs}).get().event == "consent.approved"
    assert selectors.entries_for(subject="voice:2").count() == 1
    assert selectors.entries_for(event="voice.registered").count() == 2
    assert selectors.entries_for(events=["voice.registered", "consent.approved"]).count() == 3
    now = datetime.now(UTC)
    assert selectors.entries_for(since=now).count() == 0
    assert selectors.entries_for(until=now + timedelta(seconds=1)).count() == 3
    ids = list(selectors.entries_for().values_list("id", flat=True))
    assert ids == sorted(ids, reverse=True)


# What the database refuses, whoever asks.

_CHANGES = [
    "UPDATE audit_entry SET event = 'x'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry CASCADE",
    "DELETE FROM audit_pending",
    "INSERT INTO audit_pending (entry_id) VALUES (1)",
    "INSERT INTO audit_leaf VALUES (0, '\\x00', 1)",
    "INSERT INTO audit_checkpoint VALUES (1, '\\x00', '\\x00', '', now())",
    "INSERT INTO audit_tile VALUES (0, 0, '\\x00', '\\x00')",
    "INSERT INTO audit_publication VALUES (1, now())",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_leaf_hash",
    "DROP TABLE audit_entry CASCADE",
    "CREATE RULE quiet AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    "CREATE TRIGGER quiet BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_deny()",
    "SET session_replication_role = replica",
    "SELECT setval(pg_get_serial_sequence('audit_entry', 'id'), 1)",
]


def _refused(alias: str, statement: str) -> str:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(using=alias):
        connections[alias].cursor().execute(statement)
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg2.Error)
    return cause.pgcode or ""


@everywhere
@pytest.mark.parametrize("statement", _CHANGES)
def test_the_application_may_only_insert_and_read(statement: str) -> None:
    write()
    assert _refused("default", statement) == "42501"


@everywhere
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_entry (event, body, leaf_hash, created_at) VALUES ('x', '{}', '\\x00', now())",
        "UPDATE audit_leaf SET leaf_hash = leaf_hash",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_tile",
        "INSERT INTO audit_pending (entry_id) VALUES (1)",
        "ALTER TABLE audit_leaf DISABLE TRIGGER ALL",
    ],
)
def test_the_sequencer_may_only_build_the_tree(statement: str) -> None:
    assert _refused("sequencer", statement) == "42501"


@everywhere
@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET event = 'x'", "DELETE FROM audit_entry"])
def test_even_the_owner_meets_the_triggers(statement: str) -> None:
    with transaction.atomic(using="owner"):
        services.record(event="voice.registered", actor=SYSTEM, data={}, using="owner")
        assert _refused("owner", statement) == "42501"


@everywhere
@pytest.mark.parametrize(
    "table", ["audit_entry", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_publication"]
)
def test_no_table_of_the_log_can_be_emptied_by_its_owner(table: str) -> None:
    assert _refused("owner", f"TRUNCATE {table} CASCADE") == "42501"


@everywhere
def test_a_wrong_hash_cannot_be_stored() -> None:
    entry = write()[0]
    with pytest.raises(DatabaseError, match="audit_entry_leaf_hash"), transaction.atomic():
        Entry.objects.create(
            event=entry.event, body=bytes(entry.body), leaf_hash=bytes(32), created_at=entry.created_at
        )


@everywhere
@pytest.mark.parametrize("column", ["event", "organisation_id", "subject", "created_at"])
def test_columns_cannot_contradict_the_body(column: str) -> None:
    entry = write(1, organisation_id=uuid4(), subject="voice:1")[0]
    values = {
        "event": entry.event,
        "organisation_id": entry.organisation_id,
        "subject": entry.subject,
        "created_at": entry.created_at,
        "body": bytes(entry.body),
        "leaf_hash": bytes(entry.leaf_hash),
    }
    wrong = {
        "event": "voice.deleted",
        "organisation_id": None,
        "subject": "voice:2",
        "created_at": entry.created_at + timedelta(microseconds=1),
    }
    Entry.objects.create(**values)
    with pytest.raises(DatabaseError, match="columns_match_body"), transaction.atomic():
        Entry.objects.create(**{**values, column: wrong[column]})


@everywhere
def test_the_application_cannot_choose_an_id() -> None:
    entry = write()[0]
    with pytest.raises(DatabaseError, match="id"), transaction.atomic():
        Entry.objects.create(
            id=10**6,
            event=entry.event,
            body=bytes(entry.body),
            leaf_hash=bytes(entry.leaf_hash),
            created_at=entry.created_at,
        )


@everywhere
def test_rights_are_separated_here() -> None:
    assert rights.separated(connections["default"])
    assert not rights.separated(connections["owner"])
    assert rights.apply(connections["default"]) == []
    assert rights.apply(connections["owner"]) == ["assent_app", "assent_sequencer"]


@committed
def test_rights_follow_the_roles_that_the_connections_name(settings: Any) -> None:
    """Other role names than ours are protected alike, and what anybody else was given to write is taken back."""
    admin = _superuser(connections["default"].settings_dict["NAME"])
    others = {"default": "speaks", "sequencer": "signs", "stranger": "meddles"}
    grants = "SELECT has_table_privilege(%s, %s, %s)"

    def may(role: str, table: str, right: str) -> bool:
        with admin.cursor() as cursor:
            cursor.execute(grants, [role, table, right])
            return bool(cursor.fetchone()[0])

    try:
        with admin.cursor() as cursor:
            for name in others.values():
                cursor.execute(f"CREATE ROLE {name}")
                cursor.execute(
                    f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON audit_entry, audit_leaf TO {name}"
                )
        for alias in rights.RIGHTS:
            settings.DATABASES[alias]["USER"], others[f"kept-{alias}"] = (
                others[alias], settings.DATABASES[alias]["USER"],
            )  # fmt: skip
        assert rights.apply(connections["owner"]) == ["speaks", "signs"]
        assert may("speaks", "audit_entry", "INSERT") and may("speaks", "audit_entry", "SELECT")
        assert may("signs", "audit_leaf", "INSERT") and may("signs", "audit_pending", "DELETE")
        assert may("meddles", "audit_entry", "SELECT")
        for role in ("speaks", "signs", "meddles"):
            for right in ("UPDATE", "DELETE", "TRUNCATE"):
                assert not may(role, "audit_entry", right), (role, right)
                assert not may(role, "audit_leaf", right), (role, right)
        assert not may("speaks", "audit_pending", "DELETE")
        assert not may("meddles", "audit_entry", "INSERT")
    finally:
        for alias in rights.RIGHTS:
            settings.DATABASES[alias]["USER"] = others.get(f"kept-{alias}", settings.DATABASES[alias]["USER"])
        rights.apply(connections["owner"])
        connections["owner"].close()
        with admin.cursor() as cursor:
            for name in ("speaks", "signs", "meddles"):
                cursor.execute(f"DROP OWNED BY {name}")
                cursor.execute(f"DROP ROLE {name}")
        admin.close()


@committed
def test_a_temporary_table_cannot_stand_in_for_the_queue(sequence: Callable[..., int]) -> None:
    with transaction.atomic():
        connections["default"].cursor().execute("CREATE TEMPORARY TABLE audit_pending (entry_id bigint)")
        services.record(event="voice.registered", actor=SYSTEM, data={})
    assert sequence() == 1
