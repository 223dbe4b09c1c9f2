"""The one writer of the tree: takes queued entries, appends leaves, signs a checkpoint, publishes it.

Order of one batch, and what a crash after each step leaves behind:

1. one transaction: queue -> leaves -> tiles -> checkpoint row. A crash before COMMIT leaves nothing.
2. the checkpoint's copy outside the database, by compare-and-swap, on disk. A crash before it leaves a
   checkpoint that nobody has seen; `recover` carries it out.
3. the publication row. Readers show published checkpoints only. A crash before it: `recover` adds it.

So whatever was shown is in the external copy, and a database that is behind or beside that copy (a
restored backup) is refused instead of being signed into a fork.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from audit import merkle
from audit.continuity import behind_sentence
from audit.external import CheckpointFile, write_durably
from audit.merkle import CompactRange
from audit.note import Checkpoint, NoteError, Signer
from audit.tree import StoredTree

LOCK_ID = 0x6173_7365_6E74_6C67  # "assentlg": one sequencer per database
BATCH_LIMIT = 5000


class SequencerRefusal(RuntimeError):
    """Signing would be wrong; a person has to look. The sentence says what was found."""


class ForkGuard(SequencerRefusal):
    """The database does not continue the checkpoint that is kept outside it."""


class BrokenLog(SequencerRefusal):
    """The stored log contradicts itself."""


@dataclass(frozen=True)
class Head:
    """The newest checkpoint row; ``note`` is None for the empty log, which is never signed."""

    size: int
    root: bytes
    range: CompactRange
    note: str | None


class Sequencer:
    """Sequences through the database alias ``using``, which must keep its session (no pooler)."""

    def __init__(
        self,
        *,
        signer: Signer,
        external: CheckpointFile,
        using: str = "sequencer",
        batch_limit: int = BATCH_LIMIT,
        next_signer: Callable[[], Signer | None] = lambda: None,
        finish_rotation: Callable[[], Signer] | None = None,
    ) -> None:
        self._signer = signer
        self._verifier = signer.verifier
        self._next_signer = next_signer
        self._finish_rotation = finish_rotation
        self._external = external
        self._using = using
        self._batch_limit = batch_limit
        self._head: Head | None = None

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        return connections[self._using]

    def try_lock(self) -> bool:
        """Become the only sequencer of this database, for as long as the session lives."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_ID])
            return cursor.fetchone()[0]

    def recover(self) -> int:
        """Check the stored log against itself and against the external copy; the size of the tree.

        Publishes a checkpoint that a crash left unpublished. Raises `SequencerRefusal`.
        """
        self._head = None
        head = self._load_head()
        tree = StoredTree(self._using)
        if tree.leaf_count() != head.size:
            raise BrokenLog(f"{tree.leaf_count()} leaves are stored, the checkpoint says {head.size}")
        if merkle.compact_range(head.size, tree.node).hashes != head.range.hashes:
            raise BrokenLog(f"the stored tree does not give the root of checkpoint {head.size}")
        self._check_external(head, tree)
        self._publish(head)
        self._head = head
        self._hand_over(head)
        return head.size

    def step(self) -> int:
        """Sequence one batch and publish it; the number of entries taken (0: the queue is empty)."""
        if self._head is None:
            raise RuntimeError("recover() comes first")
        if not self._queue_has_entries():
            return 0
        with transaction.atomic(using=self._using):
            head, taken = self._sequence_batch(self._head)
        if taken:
            self._publish(head)
            self._head = head
            self._hand_over(head)
        return taken

    def _hand_over(self, head: Head) -> None:
        """Once a published checkpoint bears both keys' signatures, the next key takes the present one's place."""
        following = self._next_signer()
        if following is None or head.note is None or self._finish_rotation is None:
            return
        _, signed = Checkpoint.open_signed(head.note, [self._verifier, following.verifier])
        if following.verifier in signed:
            self._signer = self._finish_rotation()
            self._verifier = self._signer.verifier

    def _signers(self, bodies: list[bytes]) -> list[Signer]:
        """The present key; and the next one where the batch says that it is the next one."""
        following = self._next_signer()
        if following is None:
            return [self._signer]
        named = following.verifier.key_id.hex()
        announced = any(
            data.get("kind") == "log" and data.get("key_id") == named
            for body in bodies
            if b'"event":"key.rotated"' in body
            for data in [json.loads(body)["data"]]
        )
        return [self._signer, following] if announced else [self._signer]

    def _queue_has_entries(self) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_pending)")
            return cursor.fetchone()[0]

    def _sequence_batch(self, known: Head) -> tuple[Head, int]:
        rows = self._take_queued()
        if not rows:
            return known, 0
        head = self._load_head()
        if (head.size, head.note) != (known.size, known.note):
            raise BrokenLog(f"the newest checkpoint is {head.size}, this sequencer last wrote {known.size}")
        if self._external.read() != head.note:
            raise ForkGuard(f"{self._external.path} no longer holds checkpoint {head.size}")

        leaves = [leaf for _, leaf, _ in rows]
        tree_range = CompactRange(head.size, head.range.hashes)
        for leaf in leaves:
            tree_range.append(leaf)
        with self._connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO audit_leaf ("index", entry_id, leaf_hash)'
                " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])",
                [list(range(head.size, tree_range.size)), [entry_id for entry_id, _, _ in rows], leaves],
            )
        tree = StoredTree(self._using)
        tree.add_full_tiles(head.size, tree_range.size)
        self._check_extends(head, tree_range, tree)

        note = Checkpoint(self._signer.name, tree_range.size, tree_range.root()).sign(
            *self._signers([body for _, _, body in rows])
        )
        with self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_checkpoint (size, root, range_hashes, note, created_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [tree_range.size, tree_range.root(), tree_range.to_bytes(), note, datetime.now(UTC)],
            )
        return Head(tree_range.size, tree_range.root(), tree_range, note), len(rows)

    def _take_queued(self) -> list[tuple[int, bytes, bytes]]:
        """Remove a batch from the queue; ``(entry id, leaf hash, body)`` by id, each hash computed anew."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM audit_pending WHERE entry_id IN"
                " (SELECT entry_id FROM audit_pending ORDER BY entry_id LIMIT %s) RETURNING entry_id",
                [self._batch_limit],
            )
            ids = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                "SELECT id, body, leaf_hash FROM audit_entry WHERE id = ANY(%s) ORDER BY id", [ids]
            )
            rows = cursor.fetchall()
        if len(rows) != len(ids):
            raise BrokenLog("a queued entry does not exist")
        for entry_id, body, stored in rows:
            if merkle.leaf_hash(bytes(body)) != bytes(stored):
                raise BrokenLog(f"the bytes of entry {entry_id} do not give its stored hash")
        return [(entry_id, bytes(stored), bytes(body)) for entry_id, body, stored in rows]

    def _load_head(self) -> Head:
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT size, root, range_hashes, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1"
            )
            row = cursor.fetchone()
        if row is None:
            return Head(0, merkle.EMPTY_ROOT, CompactRange(), None)
        size, root, range_hashes, note = row[0], bytes(row[1]), bytes(row[2]), row[3]
        try:
            signed = Checkpoint.open(note, self._verifier)
            tree_range = CompactRange.from_bytes(size, range_hashes)
        except NoteError as error:
            raise BrokenLog(f"checkpoint {size} is not signed by this log's key: {error}") from error
        except merkle.ProofError as error:
            raise BrokenLog(f"checkpoint {size}: {error}") from error
        if (signed.size, signed.root) != (size, root) or tree_range.root() != root:
            raise BrokenLog(f"checkpoint {size} contradicts its own note")
        return Head(size, root, tree_range, note)

    def _check_extends(self, head: Head, tree_range: CompactRange, tree: StoredTree) -> None:
        """The stored rows must prove that the new tree begins with the last signed one."""
        proof = merkle.consistency_proof(head.size, tree_range.size, tree.node)
        try:
            merkle.verify_consistency(
                old_size=head.size,
                old_root=head.root,
                new_size=tree_range.size,
                new_root=tree_range.root(),
                proof=proof,
            )
        except merkle.ProofError as error:
            raise BrokenLog(f"the new tree does not extend checkpoint {head.size}: {error}") from error

    def _check_external(self, head: Head, tree: StoredTree) -> None:
        note = self._external.read()
        if note is None:
            if self._published():
                raise ForkGuard(
                    f"{self._external.path} is missing although checkpoints were published: restore it, or"
                    " run `audit_sequencer --adopt` once if you are sure that this database lost nothing"
                )
            return
        try:
            outside = Checkpoint.open(note, self._verifier)
        except NoteError as error:
            raise ForkGuard(f"{self._external.path} is not a checkpoint of this log: {error}") from error
        if outside.size > head.size:
            raise ForkGuard(behind_sentence(outside.size, head.size))
        if merkle.compact_range(outside.size, tree.node).root() != outside.root:
            raise ForkGuard(f"the first {outside.size} entries are not those of the external checkpoint")

    def adopt(self) -> None:
        """Write the external copy anew from the database, when it was lost. A person's decision."""
        if self._external.read() is not None:
            raise SequencerRefusal(f"{self._external.path} exists: nothing to adopt")
        head = self._load_head()
        if head.note is not None:
            self._external.replace(expected=None, new=head.note)

    def lost(self) -> tuple[Checkpoint, int] | None:
        """The outside copy and the size of the database's newest checkpoint, where the copy is ahead; else None."""
        note = self._external.read()
        head = self._load_head()
        outside = Checkpoint.open(note, self._verifier) if note is not None else None
        return (outside, head.size) if outside is not None and outside.size > head.size else None

    def abandon(self) -> None:
        """Give up a copy that is ahead of the database, because what it names is lost for good.

        A person's decision. The copy is kept under another name, as evidence, and the database's newest
        checkpoint takes its place.
        """
        note = self._external.read()
        lost = self.lost()
        if note is None or lost is None:
            raise SequencerRefusal(f"{self._external.path} is not ahead of the database: nothing is lost")
        outside, _ = lost
        write_durably(
            self._external.path.with_name(f"abandoned-{outside.size}-{outside.root.hex()[:16]}"), note
        )
        head = self._load_head()
        if head.note is None:
            self._external.path.unlink()
        else:
            self._external.replace(expected=note, new=head.note)

    def _published(self) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_publication)")
            return cursor.fetchone()[0]

    def _publish(self, head: Head) -> None:
        """External copy first, then the row that lets readers see the checkpoint."""
        if head.note is None:
            return
        current = self._external.read()
        if current != head.note:
            expected = self._head.note if self._head is not None else current
            self._external.replace(expected=expected, new=head.note)
        with self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_publication (size, created_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                [head.size, datetime.now(UTC)],
            )
