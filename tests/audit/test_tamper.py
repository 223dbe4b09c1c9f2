"""What an administrator who switches the triggers off can do, and which check sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from audit import keys, verification
from audit.merkle import CompactRange, leaf_hash
from audit.models import Entry, Leaf
from audit.note import Checkpoint, Signer
from audit.offline import Fault, VerifyError
from tests.audit.conftest import bulk, write

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

Cursor = Any
Run = Callable[..., int]
SIZE = 300
TABLES = ("audit_entry", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_publication")


@pytest.fixture
def tamper(sequence: Run) -> Iterator[Callable[[Callable[[Cursor], None]], None]]:
    """A log of 300 entries in three batches, and a way to do anything to its rows."""
    bulk(SIZE)
    assert sequence(batch_limit=100) == SIZE

    def run(change: Callable[[Cursor], None]) -> None:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            change(cursor)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in TABLES:
                for trigger in ("audit_deny_change", "audit_deny_truncate"):
                    cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
            cursor.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_enqueue")

    before = _constraints()
    yield run
    after = _constraints()
    with connections["owner"].cursor() as cursor:  # the tables outlive this test
        for (table, name), definition in before.items():
            if (table, name) not in after:
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")
    connections["owner"].close()


def _constraints() -> dict[tuple[str, str], str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid = ANY(%s::regclass[])",
            [list(TABLES)],
        )
        return {(table, name): definition for table, name, definition in cursor.fetchall()}


def _entry_at(index: int) -> Entry:
    # On the connection that holds the locks of the change.
    return Entry.objects.using("owner").get(leaf__index=index)


def _body_and_hash_of(cursor: Cursor, index: int) -> None:
    entry = _entry_at(index)
    body = bytes(entry.body).replace(f'"index":{index}'.encode(), b'"index":999')
    cursor.execute(
        "UPDATE audit_entry SET body = %s, leaf_hash = %s WHERE id = %s", [body, leaf_hash(body), entry.pk]
    )


def edit_body_past_the_constraint(cursor: Cursor) -> None:
    cursor.execute("ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_leaf_hash")
    body = bytes(_entry_at(150).body).replace(b'"index":150', b'"index":151')
    cursor.execute("UPDATE audit_entry SET body = %s WHERE id = %s", [body, _entry_at(150).pk])


def edit_body_and_hash(cursor: Cursor) -> None:
    _body_and_hash_of(cursor, 150)


def edit_body_hash_and_leaf(cursor: Cursor) -> None:
    _body_and_hash_of(cursor, 150)
    cursor.execute(
        'UPDATE audit_leaf l SET leaf_hash = e.leaf_hash FROM audit_entry e WHERE e.id = l.entry_id AND l."index" = 150'
    )


def swap_two_leaves(cursor: Cursor) -> None:
    first, second = _entry_at(10), _entry_at(11)
    cursor.execute('DELETE FROM audit_leaf WHERE "index" IN (10, 11)')
    for index, entry in ((10, second), (11, first)):
        cursor.execute(
            "INSERT INTO audit_leaf VALUES (%s, %s, %s)", [index, bytes(entry.leaf_hash), entry.pk]
        )


def delete_in_the_middle(cursor: Cursor) -> None:
    pk = _entry_at(40).pk
    cursor.execute('DELETE FROM audit_leaf WHERE "index" = 40')
    cursor.execute("DELETE FROM audit_entry WHERE id = %s", [pk])


def delete_and_close_the_gap(cursor: Cursor) -> None:
    delete_in_the_middle(cursor)
    cursor.execute('UPDATE audit_leaf SET "index" = "index" - 1000 WHERE "index" > 40')
    cursor.execute('UPDATE audit_leaf SET "index" = "index" + 999 WHERE "index" < 0')


def drop_shape_check(cursor: Cursor) -> None:
    cursor.execute("ALTER TABLE audit_leaf DROP CONSTRAINT audit_leaf_shape")


def delete_the_tail_leaves(cursor: Cursor) -> None:
    cursor.execute('DELETE FROM audit_leaf WHERE "index" >= 250')


def change_a_column(cursor: Cursor) -> None:
    cursor.execute("ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_columns_match_body")
    cursor.execute("UPDATE audit_entry SET subject = 'voice:other' WHERE id = %s", [_entry_at(150).pk])


def change_a_tile(cursor: Cursor) -> None:
    cursor.execute("UPDATE audit_tile SET hashes = set_byte(hashes, 3200, 255 - get_byte(hashes, 3200))")


def delete_a_tile(cursor: Cursor) -> None:
    cursor.execute("DELETE FROM audit_tile")


def add_a_tile(cursor: Cursor) -> None:
    cursor.execute("INSERT INTO audit_tile SELECT 0, 7, hashes, root FROM audit_tile")


def change_a_root(cursor: Cursor) -> None:
    cursor.execute("UPDATE audit_checkpoint SET root = sha256(root) WHERE size = 200")


def change_a_range(cursor: Cursor) -> None:
    cursor.execute("UPDATE audit_checkpoint SET range_hashes = range_hashes || root WHERE size = 200")


def sign_with_another_key(cursor: Cursor) -> None:
    cursor.execute("SELECT note FROM audit_checkpoint WHERE size = 200")
    text = cursor.fetchone()[0].partition("\n\n")[0] + "\n"
    note = Signer("test.example/log", b"x" * 32).sign(text)
    cursor.execute("UPDATE audit_checkpoint SET note = %s WHERE size = 200", [note])


def delete_the_last_checkpoint(cursor: Cursor) -> None:
    cursor.execute("DELETE FROM audit_publication WHERE size = 300")
    cursor.execute("DELETE FROM audit_checkpoint WHERE size = 300")


@pytest.mark.parametrize(
    ("changes", "fault", "index"),
    [
        ([edit_body_past_the_constraint], Fault.LEAF, 150),
        ([edit_body_and_hash], Fault.LEAF, 150),
        ([edit_body_hash_and_leaf], Fault.ROOT, 100),
        ([swap_two_leaves], Fault.ROOT, 0),
        ([delete_in_the_middle], Fault.ORDER, 41),
        ([drop_shape_check, delete_and_close_the_gap], Fault.ROOT, 0),
        ([delete_the_tail_leaves], Fault.ORDER, 250),
        ([change_a_column], Fault.COLUMNS, None),
        ([change_a_tile], Fault.TILE, 0),
        ([delete_a_tile], Fault.TILE, 0),
        ([add_a_tile], Fault.TILE, SIZE),
        ([change_a_root], Fault.COLUMNS, 199),
        ([change_a_range], Fault.COLUMNS, 199),
        ([sign_with_another_key], Fault.SIGNATURE, None),
        ([delete_the_last_checkpoint], Fault.UNSIGNED, 200),
    ],
    ids=lambda value: value[-1].__name__ if isinstance(value, list) else None,
)
def test_the_verifier_names_class_and_place(
    tamper: Callable[[Callable[[Cursor], None]], None],
    changes: list[Callable[[Cursor], None]],
    fault: Fault,
    index: int | None,
) -> None:
    verification.verify_database(keys.verifier())
    for change in changes:
        tamper(change)
    with pytest.raises(VerifyError) as caught:
        verification.verify_database(keys.verifier())
    assert caught.value.fault is fault
    if index is not None:
        assert caught.value.leaf == index


def test_a_stolen_queue_entry_is_seen_by_the_queue_check(
    tamper: Callable[[Callable[[Cursor], None]], None],
) -> None:
    late = write()[0]
    assert verification.verify_queue() == 1
    tamper(lambda cursor: cursor.execute("DELETE FROM audit_pending"))
    with pytest.raises(VerifyError) as caught:
        verification.verify_queue()
    assert (caught.value.fault, caught.value.entry) == (Fault.QUEUE, late.pk)


def _outside() -> Checkpoint:
    note = keys.checkpoint_file().read()
    assert note is not None
    return Checkpoint.open(note, keys.verifier())


def test_a_clean_cut_shows_only_against_the_external_checkpoint(
    tamper: Callable[[Callable[[Cursor], None]], None],
) -> None:
    """The honest limit of any log: its own rows cannot tell that the newest ones are gone."""

    def cut(cursor: Cursor) -> None:
        delete_the_last_checkpoint(cursor)
        cursor.execute("DELETE FROM audit_tile")
        cursor.execute('DELETE FROM audit_leaf WHERE "index" >= 200 RETURNING entry_id')
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM audit_entry WHERE id = ANY(%s)", [ids])

    tamper(cut)
    verification.verify_database(keys.verifier())
    for known in ({"since": _outside()}, {"external": _outside()}):
        with pytest.raises(VerifyError) as caught:
            verification.verify_database(keys.verifier(), **known)
        assert (caught.value.fault, caught.value.leaf) == (Fault.HISTORY, 200)


def test_a_rewrite_signed_with_the_real_key_shows_only_against_the_external_checkpoint(
    tamper: Callable[[Callable[[Cursor], None]], None],
) -> None:
    def rewrite(cursor: Cursor) -> None:
        _body_and_hash_of(cursor, 7)
        cursor.execute(
            "UPDATE audit_leaf l SET leaf_hash = e.leaf_hash FROM audit_entry e WHERE e.id = l.entry_id"
        )
        cursor.execute('SELECT leaf_hash FROM audit_leaf ORDER BY "index"')
        leaves = [bytes(row[0]) for row in cursor.fetchall()]
        tree = CompactRange()
        for number, leaf in enumerate(leaves, 1):
            tree.append(leaf)
            if number == 256:
                cursor.execute(
                    "UPDATE audit_tile SET hashes = %s, root = %s", [b"".join(leaves[:256]), tree.root()]
                )
            if number in (100, 200, 300):
                note = Checkpoint("test.example/log", number, tree.root()).sign(keys.signer())
                cursor.execute(
                    "UPDATE audit_checkpoint SET root = %s, range_hashes = %s, note = %s WHERE size = %s",
                    [tree.root(), tree.to_bytes(), note, number],
                )

    outside = _outside()
    tamper(rewrite)
    assert Leaf.objects.count() == SIZE
    verification.verify_database(keys.verifier())
    for known in ({"since": outside}, {"external": outside}):
        with pytest.raises(VerifyError) as caught:
            verification.verify_database(keys.verifier(), **known)
        assert (caught.value.fault, caught.value.leaf) == (Fault.HISTORY, 0)
