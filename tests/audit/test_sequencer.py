"""The sequencer: order, proofs, tiles, competition, and what it refuses to sign."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InterfaceError, connections, transaction

from audit import keys, selectors, services, verification
from audit.actors import SYSTEM
from audit.external import CheckpointFile, ExternalChanged
from audit.merkle import CompactRange
from audit.models import Checkpoint as CheckpointRow
from audit.models import Entry, Leaf, Tile
from audit.note import Checkpoint, Signer
from audit.proof import Proof
from audit.sequencer import BrokenLog, ForkGuard, Sequencer, SequencerRefusal
from tests.audit import slow_tree
from tests.audit.conftest import bulk, write

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

Make = Callable[..., Sequencer]
Run = Callable[..., int]


def _verify() -> int:
    """Every check there is; the size of the tree."""
    note = keys.checkpoint_file().read()
    external = Checkpoint.open(note, keys.verifier()) if note else None
    walked = verification.verify_database(keys.verifier(), external=external)
    verification.verify_queue()
    return walked.tree.size


def test_every_entry_gets_a_leaf_and_a_proof(sequence: Run) -> None:
    entries = write(20)
    assert services.proof_for(entries[0]) is None
    assert sequence(batch_limit=7) == 20
    leaves = list(Leaf.objects.order_by("index"))
    assert [leaf.index for leaf in leaves] == list(range(20))
    assert [leaf.entry_id for leaf in leaves] == [entry.pk for entry in entries]
    assert list(CheckpointRow.objects.order_by("size").values_list("size", flat=True)) == [7, 14, 20]
    newest = selectors.published_checkpoint()
    assert newest is not None
    assert bytes(newest.root) == slow_tree.root([bytes(entry.leaf_hash) for entry in entries])
    for entry in entries:
        proof = services.proof_for(entry)
        assert proof is not None
        assert Proof.parse(proof.as_text()).verify(keys.verifier()).size == 20
    assert _verify() == 20


def test_growth_keeps_old_checkpoints_valid(sequence: Run) -> None:
    kept: list[Checkpoint] = []
    for _ in range(6):
        write(random.Random(len(kept)).randint(1, 60))
        sequence()
        note = keys.checkpoint_file().read()
        assert note is not None
        kept.append(Checkpoint.open(note, keys.verifier()))
    for checkpoint in kept:
        verification.verify_database(keys.verifier(), since=checkpoint)


def test_full_tiles_are_stored_as_they_fill(sequence: Run) -> None:
    bulk(700)
    sequence(batch_limit=100)
    tiles = Tile.objects.order_by("level", "number").values_list("level", "number")
    assert list(tiles) == [(0, 0), (0, 1)]
    assert _verify() == 700


@pytest.mark.slow
def test_upper_tiles(sequence: Run) -> None:
    bulk(256 * 256 + 300)
    size = sequence()
    assert size == 65_836
    assert Tile.objects.filter(level=1).get().number == 0
    assert Tile.objects.filter(level=0).count() == 257
    tree = CompactRange()
    for leaf_hash in Leaf.objects.order_by("index").values_list("leaf_hash", flat=True):
        tree.append(bytes(leaf_hash))
    newest = selectors.published_checkpoint()
    assert newest is not None and bytes(newest.root) == tree.root()
    for entry in (Entry.objects.order_by("id").first(), Entry.objects.order_by("id").last()):
        assert entry is not None
        proof = services.proof_for(entry)
        assert proof is not None and proof.verify(keys.verifier()).size == size
    verification._check_tiles(size, "default")
    assert sequence() == size


def test_rollbacks_leave_gaps_that_do_not_matter(sequence: Run) -> None:
    for number in range(12):
        try:
            with transaction.atomic():
                services.record(event="voice.registered", actor=SYSTEM, data={})
                if number % 3 == 0:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            continue
    assert Entry.objects.latest("id").pk > Entry.objects.count()
    assert sequence() == 8 == _verify()


def test_an_entry_that_commits_late_is_not_skipped(sequence: Run) -> None:
    """A lower id may become visible after a higher one was sequenced."""
    opened, go_on = threading.Event(), threading.Event()

    def slow_writer() -> None:
        try:
            with transaction.atomic():
                services.record(event="voice.registered", actor=SYSTEM, data={"index": 1})
                opened.set()
                go_on.wait(20)
        finally:
            connections["default"].close()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert opened.wait(20)
    late = write(1, data={"index": 2})[0]
    assert sequence() == 1
    go_on.set()
    thread.join()
    assert sequence() == 2
    order = list(Leaf.objects.order_by("index").values_list("entry_id", flat=True))
    assert order[0] == late.pk and order[1] < late.pk
    assert _verify() == 2


def test_only_one_sequencer_works(make_sequencer: Make) -> None:
    assert make_sequencer().try_lock()
    answers: list[bool] = []

    def other() -> None:
        try:
            answers.append(make_sequencer().try_lock())
        finally:
            connections["sequencer"].close()

    for _ in range(2):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        connections["sequencer"].close()  # the first one's session ends, and its lock with it
    assert answers == [False, True]


def test_a_stale_sequencer_cannot_write(make_sequencer: Make, sequence: Run) -> None:
    """One that lost its lock unnoticed: the head it knows is old, and so is the copy it expects."""
    write(3)
    stale = make_sequencer()
    stale.recover()
    sequence()
    write(2)
    with pytest.raises(BrokenLog, match="newest checkpoint"):
        stale.step()
    assert sequence() == 5 == _verify()


def test_writers_and_competing_sequencers_under_fire(make_sequencer: Make, log_home: Path) -> None:
    """Two sequencers with their sessions cut at random, six writers with rollbacks: none lost or doubled."""
    acknowledged: list[int] = []
    stop = threading.Event()
    cuts = 0

    def writer(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(25):
                try:
                    with transaction.atomic():
                        entry = services.record(event="voice.registered", actor=SYSTEM, data={"index": seed})
                        if chance.random() < 0.1:
                            raise ZeroDivisionError
                    acknowledged.append(entry.pk)
                except ZeroDivisionError:
                    continue
        finally:
            connections["default"].close()

    def sequencer() -> None:
        while not stop.is_set():
            try:
                one = make_sequencer(batch_limit=5)
                if one.try_lock():
                    one.recover()
                    while not stop.is_set():
                        one.step()
                        time.sleep(0.002)
                time.sleep(0.01)
            except (DatabaseError, InterfaceError):
                pass
            finally:
                connections["sequencer"].close()

    workers = [threading.Thread(target=writer, args=(seed,)) for seed in range(6)]
    sequencers = [threading.Thread(target=sequencer) for _ in range(2)]
    for thread in [*sequencers, *workers]:
        thread.start()
    chance = random.Random(1)
    while any(thread.is_alive() for thread in workers):
        cuts += _cut_sequencers()
        time.sleep(chance.uniform(0.01, 0.06))
    stop.set()
    for thread in [*workers, *sequencers]:
        thread.join()
    assert cuts > 0
    last = make_sequencer()
    # The server gives a cut session's lock back when its process ends, which is soon and not at once.
    for _ in range(200):
        if locked := last.try_lock():
            break
        time.sleep(0.05)
    assert locked
    last.recover()
    while last.step():
        pass
    sequenced = set(Leaf.objects.values_list("entry_id", flat=True))
    assert set(acknowledged) <= sequenced == set(Entry.objects.values_list("id", flat=True))
    assert _verify() == len(sequenced)


def _cut_sequencers() -> int:
    """End another session of the sequencer's role (a role may end its own)."""
    with connections["sequencer"].cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            " LIMIT 1) AS other"
        )
        return cursor.fetchone()[0]


# The copy outside the database.


def _restore_older_backup(size: int) -> None:
    """What pg_restore of a backup taken at ``size`` leaves: the rows of then, written as administrator."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute('SELECT entry_id FROM audit_leaf WHERE "index" >= %s', [size])
        gone = [row[0] for row in cursor.fetchall()]
        tables = ("audit_publication", "audit_checkpoint", "audit_tile", "audit_leaf", "audit_entry")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_deny_change")
        cursor.execute("DELETE FROM audit_publication WHERE size > %s", [size])
        cursor.execute("DELETE FROM audit_checkpoint WHERE size > %s", [size])
        cursor.execute('DELETE FROM audit_leaf WHERE "index" >= %s', [size])
        cursor.execute("DELETE FROM audit_pending WHERE entry_id = ANY(%s)", [gone])
        cursor.execute("DELETE FROM audit_entry WHERE id = ANY(%s)", [gone])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_deny_change")
    connections["owner"].close()


def test_a_restored_backup_is_not_signed_into_a_fork(sequence: Run) -> None:
    write(30)
    sequence()
    write(20)
    sequence()
    _restore_older_backup(30)
    write(25)
    with pytest.raises(ForkGuard, match="older backup"):
        sequence()
    newest = selectors.published_checkpoint()
    assert newest is not None and newest.size == 30
    with pytest.raises(verification.VerifyError, match="external checkpoint has 50"):
        _verify()


def test_other_entries_of_the_same_size_are_refused(sequence: Run, log_home: Path) -> None:
    write(5)
    sequence()
    forged = Checkpoint("test.example/log", 3, bytes(32)).sign(keys.signer())
    keys.checkpoint_file().path.write_text(forged)
    with pytest.raises(ForkGuard, match="first 3 entries"):
        sequence()


@pytest.mark.parametrize("content", ["", "garbage", "test.example/log\n5\nAAAA\n\n"])
def test_a_damaged_copy_is_refused(sequence: Run, content: str) -> None:
    write(5)
    sequence()
    keys.checkpoint_file().path.write_text(content)
    with pytest.raises(ForkGuard, match="not a checkpoint"):
        sequence()


def test_a_lost_copy_needs_a_person(make_sequencer: Make, sequence: Run) -> None:
    write(5)
    sequence()
    keys.checkpoint_file().path.unlink()
    with pytest.raises(ForkGuard, match="missing"):
        sequence()
    make_sequencer().adopt()
    assert sequence() == 5 == _verify()
    with pytest.raises(SequencerRefusal, match="nothing to adopt"):
        make_sequencer().adopt()


def test_a_copy_that_changes_under_way_stops_the_batch(make_sequencer: Make) -> None:
    write(2)
    sequencer = make_sequencer()
    sequencer.try_lock()
    sequencer.recover()
    sequencer.step()
    keys.checkpoint_file().path.write_text(Checkpoint("test.example/log", 1, bytes(32)).sign(keys.signer()))
    write(2)
    with pytest.raises(ForkGuard, match="no longer holds"):
        sequencer.step()
    assert Leaf.objects.count() == 2


def test_another_key_does_not_go_on(sequence: Run) -> None:
    write(2)
    sequence()
    keys.key_path().write_text("77" * 32)
    with pytest.raises(BrokenLog, match="key"):
        sequence()


def test_rows_that_contradict_the_checkpoint_stop_the_start(make_sequencer: Make, sequence: Run) -> None:
    write(3)
    sequence()
    extra = write(1)[0]
    with connections["sequencer"].cursor() as cursor:
        cursor.execute(
            'INSERT INTO audit_leaf ("index", entry_id, leaf_hash) VALUES (3, %s, %s)', [extra.pk, bytes(32)]
        )
    with pytest.raises(BrokenLog, match="4 leaves are stored"):
        make_sequencer().recover()


def test_a_checkpoint_that_is_not_what_its_note_says_stops_the_start(
    make_sequencer: Make, sequence: Run
) -> None:
    """The note is signed; the row beside it is what the tree goes on from."""
    write(3)
    sequence()
    with connections["sequencer"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_checkpoint (size, root, range_hashes, note, created_at)"
            " SELECT 4, %s, %s, note, now() FROM audit_checkpoint ORDER BY size DESC LIMIT 1",
            [bytes(32), bytes(32)],
        )
    with pytest.raises(BrokenLog, match="contradicts its own note"):
        make_sequencer().recover()


def test_compare_and_swap(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "log" / "checkpoint")
    file.replace(expected=None, new="one")
    file.replace(expected="one", new="two")
    for expected in ("one", None):
        with pytest.raises(ExternalChanged):
            file.replace(expected=expected, new="three")
    assert file.read() == "two"


# The commands.


@pytest.mark.provokes("log.exported")
def test_commands_end_to_end(log_home: Path, tmp_path: Path) -> None:
    write(12)
    call_command("audit_sequencer", "--once")
    assert (log_home / "log" / "vkey").read_text().strip() == keys.verifier().vkey
    out = io.StringIO()
    call_command("audit_verify", stdout=out)
    assert "OK: 12 entries" in out.getvalue() and "external copy agrees" in out.getvalue()
    dump = tmp_path / "dump.jsonl"
    call_command("audit_export", "--out", str(dump), stdout=io.StringIO())
    assert Entry.objects.latest("id").event == "log.exported"
    call_command("audit_verify", "--dump", str(dump), stdout=out)
    keys.key_path().unlink()  # the public key stays behind for the web process
    call_command("audit_verify", "--dump", str(dump), stdout=out)
    other = Signer("test.example/log", b"o" * 32).verifier.vkey
    with pytest.raises(CommandError) as caught:
        call_command("audit_verify", "--dump", str(dump), "--vkey", other)
    assert caught.value.returncode == 15


def test_an_organisation_sees_only_hashes_of_others(sequence: Run, tmp_path: Path) -> None:
    from uuid import uuid4

    from audit import exports, offline

    ours = uuid4()
    write(2, organisation_id=ours)
    write(3, organisation_id=uuid4())
    write(1)
    sequence()
    lines = list(exports.export_lines(keys.verifier(), organisation_id=ours))
    walked = offline.verify_export(lines, keys.verifier())
    assert (walked.tree.size, walked.bodies) == (6, 2)


def test_the_command_says_why_it_refuses(sequence: Run) -> None:
    write(2)
    sequence()
    connections["sequencer"].close()
    keys.checkpoint_file().path.unlink()
    with pytest.raises(CommandError, match="missing") as caught:
        call_command("audit_sequencer", "--once")
    assert caught.value.returncode == 3
    call_command("audit_sequencer", "--once", "--adopt")


def test_status(sequence: Run, settings: Any) -> None:
    assert selectors.log_status().keeps_up
    write(3)
    status = selectors.log_status()
    assert (status.size, status.waiting) == (0, 3)
    sequence()
    status = selectors.log_status()
    assert (status.size, status.waiting, status.keeps_up) == (3, 0, True)
