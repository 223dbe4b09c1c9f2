"""Checks the log in the database: everything the offline check does, and what only the rows can show."""

from __future__ import annotations

from datetime import UTC

from django.db import connections, transaction

from audit import merkle
from audit.merkle import TILE_HEIGHT, TILE_WIDTH
from audit.note import Checkpoint, LogKeys
from audit.offline import Fault, LogVerifier, VerifyError, parse_body
from audit.tree import split_hashes

_PAGE = 2000


def verify_database(
    keys: LogKeys,
    *,
    since: Checkpoint | None = None,
    external: Checkpoint | None = None,
    using: str = "default",
) -> LogVerifier:
    """Walk the stored log from its first leaf; raises `VerifyError` at the first fault.

    ``since`` and ``external`` are checkpoints kept outside the database (by an auditor, by the sequencer);
    the later one is compared, and the earlier one must be a prefix too.
    """
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            # One snapshot, while the sequencer goes on.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        walker = LogVerifier(keys, since)
        _walk_leaves(walker, using)
        walker.finish()
        if external is not None:
            _check_external(external, using)
        _check_tiles(walker.tree.size, using)
        _check_columns(using)
    return walker


def _walk_leaves(walker: LogVerifier, using: str) -> None:
    connection = connections[using]
    checkpoints: dict[int, tuple[bytes, bytes, str]]
    with connection.cursor() as cursor:
        while True:
            start = walker.tree.size
            cursor.execute(
                'SELECT l."index", l.leaf_hash, e.leaf_hash, e.body FROM audit_leaf l'
                ' JOIN audit_entry e ON e.id = l.entry_id WHERE l."index" >= %s ORDER BY l."index" LIMIT %s',
                [start, _PAGE],
            )
            rows = cursor.fetchall()
            cursor.execute(
                "SELECT size, root, range_hashes, note FROM audit_checkpoint WHERE size > %s AND size <= %s",
                [start, start + _PAGE],
            )
            checkpoints = {row[0]: (bytes(row[1]), bytes(row[2]), row[3]) for row in cursor.fetchall()}
            for index, leaf_hash, entry_hash, body in rows:
                if bytes(leaf_hash) != bytes(entry_hash):
                    raise VerifyError(Fault.LEAF, "leaf and entry hold different hashes", index)
                walker.leaf(index, bytes(leaf_hash), bytes(body))
                stored = checkpoints.pop(walker.tree.size, None)
                if stored is not None:
                    root, range_hashes, note = stored
                    checkpoint = walker.checkpoint(note)
                    if root != checkpoint.root or range_hashes != walker.tree.to_bytes():
                        raise VerifyError(
                            Fault.COLUMNS, f"the row of checkpoint {checkpoint.size} is wrong", index
                        )
            if checkpoints:
                raise VerifyError(
                    Fault.ORDER,
                    f"checkpoint {min(checkpoints)} covers leaves that are gone",
                    walker.tree.size,
                )
            if len(rows) < _PAGE:
                break
        cursor.execute("SELECT max(size) FROM audit_checkpoint")
        last = cursor.fetchone()[0] or 0
    if last > walker.tree.size:
        raise VerifyError(Fault.ORDER, f"checkpoint {last} covers leaves that are gone", walker.tree.size)


def _check_external(external: Checkpoint, using: str) -> None:
    """The first leaves must give the root of the copy that the sequencer keeps outside."""
    tree = merkle.CompactRange()
    with connections[using].cursor() as cursor:
        for start in range(0, external.size, _PAGE):
            cursor.execute(
                'SELECT leaf_hash FROM audit_leaf WHERE "index" >= %s AND "index" < %s ORDER BY "index"',
                [start, min(external.size, start + _PAGE)],
            )
            for (leaf_hash,) in cursor.fetchall():
                tree.append(bytes(leaf_hash))
    if tree.size < external.size:
        raise VerifyError(
            Fault.HISTORY,
            f"the external checkpoint has {external.size} entries, the database only {tree.size}",
            tree.size,
        )
    if tree.root() != external.root:
        raise VerifyError(
            Fault.HISTORY, f"the first {external.size} entries are not those of the external checkpoint", 0
        )


def _check_tiles(size: int, using: str) -> None:
    """Every full tile is stored, holds the hashes below it, and no further tile exists."""
    expected = 0
    level = 0
    with connections[using].cursor() as cursor:
        while count := size >> (TILE_HEIGHT * (level + 1)):
            below = (
                'SELECT leaf_hash FROM audit_leaf WHERE "index" >= %s AND "index" < %s ORDER BY "index"'
                if level == 0
                else "SELECT root FROM audit_tile"
                " WHERE level = %s AND number >= %s AND number < %s ORDER BY number"
            )
            for number in range(count):
                first = number * TILE_WIDTH
                bounds = [first, first + TILE_WIDTH]
                cursor.execute(below, bounds if level == 0 else [level - 1, *bounds])
                hashes = [bytes(row[0]) for row in cursor.fetchall()]
                cursor.execute(
                    "SELECT hashes, root FROM audit_tile WHERE level = %s AND number = %s", [level, number]
                )
                row = cursor.fetchone()
                if (
                    row is None
                    or split_hashes(bytes(row[0])) != hashes
                    or bytes(row[1]) != merkle.root_of(hashes)
                ):
                    raise VerifyError(
                        Fault.TILE,
                        f"tile {level}/{number} is missing or wrong",
                        first << (TILE_HEIGHT * level),
                    )
            expected += count
            level += 1
        cursor.execute("SELECT count(*) FROM audit_tile")
        if cursor.fetchone()[0] != expected:
            raise VerifyError(Fault.TILE, "there are tiles beyond the tree", size)


def _check_columns(using: str) -> None:
    """Columns repeat what the body says, for entries inside and outside the tree."""
    last = 0
    with connections[using].cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT id, event, organisation_id, subject, created_at, body, leaf_hash FROM audit_entry"
                " WHERE id > %s ORDER BY id LIMIT %s",
                [last, _PAGE],
            )
            rows = cursor.fetchall()
            if not rows:
                return
            for entry_id, event, organisation, subject, created_at, body, leaf_hash in rows:
                if merkle.leaf_hash(bytes(body)) != bytes(leaf_hash):
                    raise VerifyError(
                        Fault.LEAF, f"the bytes of entry {entry_id} do not give its hash", entry=entry_id
                    )
                content = parse_body(bytes(body), entry=entry_id)
                said = (
                    content.get("event"),
                    content.get("organisation"),
                    content.get("subject"),
                    content.get("time"),
                )
                time = created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                if said != (event, str(organisation) if organisation else None, subject, time):
                    raise VerifyError(
                        Fault.COLUMNS, f"the columns of entry {entry_id} contradict its body", entry=entry_id
                    )
            last = rows[-1][0]


def verify_queue(*, using: str = "sequencer") -> int:
    """Every entry is in the tree or in the queue; the number of queued ones. Needs the sequencer's rights."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT min(e.id) FROM audit_entry e LEFT JOIN audit_leaf l ON l.entry_id = e.id"
            " LEFT JOIN audit_pending p ON p.entry_id = e.id"
            " WHERE (l.entry_id IS NULL) = (p.entry_id IS NULL)"
        )
        lost = cursor.fetchone()[0]
        if lost is not None:
            raise VerifyError(
                Fault.QUEUE, f"entry {lost} is neither in the tree nor in the queue, or in both", entry=lost
            )
        cursor.execute("SELECT count(*) FROM audit_pending")
        return cursor.fetchone()[0]
