"""The log's key is replaced without a break: one checkpoint bears both signatures, and strangers can follow."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from audit import exports, keys, offline, selectors, services, verification
from audit.models import Checkpoint as CheckpointRow
from audit.note import Checkpoint, NoteError, Signer, Verifier
from audit.offline import Fault, VerifyError
from audit.proof import Growth
from audit.sequencer import Sequencer
from tests.audit.conftest import write

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

Make = Callable[..., Sequencer]


@pytest.fixture
def sequencer(make_sequencer: Make) -> Sequencer:
    made = make_sequencer(next_signer=keys.next_signer, finish_rotation=keys.finish_rotation)
    assert made.try_lock()
    made.recover()
    return made


def drain(sequencer: Sequencer) -> None:
    while sequencer.step():
        pass


def rotate() -> None:
    call_command("audit_key", "rotate", stdout=io.StringIO())


def rotated(sequencer: Sequencer) -> tuple[Verifier, Verifier, str, str]:
    """Entries under one key, a rotation, entries under the next: both keys, a note of each."""
    write(3)
    drain(sequencer)
    old, first = keys.verifier(), selectors.published_checkpoint()
    assert first is not None
    rotate()
    write(2)
    drain(sequencer)
    write(4)
    drain(sequencer)
    last = selectors.published_checkpoint()
    assert last is not None
    return old, keys.verifier(), first.note, last.note


def test_the_sequencer_hands_over_with_the_batch_that_says_so(sequencer: Sequencer, log_home: Path) -> None:
    old, new, _first, _last = rotated(sequencer)
    assert old != new and keys.verifiers() == [old, new]
    notes = list(CheckpointRow.objects.order_by("size").values_list("note", flat=True))
    signed = [Checkpoint.open_signed(note, [old, new])[1] for note in notes]
    assert signed == [[old], [old, new], [new]]
    assert not keys.next_key_path().exists()
    assert keys.key_path().stat().st_mode & 0o777 == 0o600
    assert verification.verify_database(keys.verifiers()).tree.size == 10
    for proof in (services.proof_for(entry) for entry in write(1)):
        assert proof is None
    # A process that starts afresh goes on with the new key.
    again = Sequencer(signer=keys.signer(), external=keys.checkpoint_file())
    again.recover()
    drain(again)
    assert verification.verify_database(keys.verifiers()).tree.size == 11


@pytest.mark.provokes("key.rotated")
def test_a_crash_between_the_two_signatures_and_the_new_file_is_carried_out(
    make_sequencer: Make, log_home: Path
) -> None:
    def crash() -> Signer:
        raise OSError("the power went")

    broken = make_sequencer(next_signer=keys.next_signer, finish_rotation=crash)
    broken.recover()
    old = keys.verifier()
    rotate()
    with pytest.raises(OSError, match="power"):
        broken.step()
    assert keys.verifier() == old and keys.next_key_path().exists()
    again = make_sequencer(next_signer=keys.next_signer, finish_rotation=keys.finish_rotation)
    again.recover()
    assert keys.verifiers()[0] == old and keys.verifier() != old
    write(1)
    drain(again)
    assert verification.verify_database(keys.verifiers()).tree.size == 2


def test_a_key_that_was_laid_there_without_an_entry_signs_nothing(
    sequencer: Sequencer, log_home: Path
) -> None:
    old = keys.verifier()
    keys.next_key_path().write_text("11" * 32 + "\n")
    write(2)
    drain(sequencer)
    assert keys.verifier() == old and keys.verifiers() == [old]


@pytest.mark.provokes("rotation_waits")
def test_only_one_rotation_waits(sequencer: Sequencer) -> None:
    rotate()
    with pytest.raises(CommandError, match="waits"):
        rotate()


def test_an_export_verifies_by_both_keys_in_their_order_only(sequencer: Sequencer) -> None:
    old, new, first, _ = rotated(sequencer)
    lines = list(exports.export_lines(new))
    kept = Checkpoint.open(first, old)
    assert offline.verify_export(lines, [old, new], kept).tree.size == 10
    for wrong in ([new], [old], [new, old]):
        with pytest.raises(VerifyError) as fault:
            offline.verify_export(lines, wrong)
        assert fault.value.fault == Fault.SIGNATURE


def test_the_retired_key_signs_nothing_any_more(sequencer: Sequencer, log_home: Path) -> None:
    """Whoever stole the old key and rewrites the end of the log is found out by its place."""
    seed = keys.signer()
    old, new, _, last = rotated(sequencer)
    lines = [json.loads(line) for line in exports.export_lines(new)]
    head = Checkpoint.open(last, new)
    forged = [{"checkpoint": head.sign(seed)} if row == {"checkpoint": last} else row for row in lines]
    with pytest.raises(VerifyError) as fault:
        offline.verify_export([json.dumps(row) + "\n" for row in forged], [old, new])
    assert fault.value.fault == Fault.SIGNATURE


def test_strangers_get_every_key_and_the_proof_of_growth(
    sequencer: Sequencer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, first, _last = rotated(sequencer)
    client = Client()
    assert client.get("/audit/vkey").content.decode() == f"{new.vkey}\n"
    assert client.get("/audit/vkeys").content.decode() == f"{old.vkey}\n{new.vkey}\n"
    page = client.get("/log/checkpoint/").content.decode()
    assert page.count(old.key_id.hex()) == page.count(new.key_id.hex()) >= 1

    kept = Checkpoint.open(first, old)
    text = client.get(f"/audit/growth/{kept.size}").content.decode()
    assert Growth.parse(text).as_text() == text
    assert offline.verify_growth(text, kept, [old, new]).size == 10
    files = {"checkpoint": first, "growth": text, "both-keys": f"{old.vkey}\n{new.vkey}\n"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    arguments = ["verify-growth", "--since", f"{tmp_path}/checkpoint", "--proof", f"{tmp_path}/growth"]
    assert offline.main([*arguments, "--vkey", f"{tmp_path}/both-keys"]) == 0
    assert offline.main([*arguments, "--vkey", old.vkey, "--vkey", new.vkey]) == 0
    assert "grew from 3 to 10" in capsys.readouterr().out
    assert offline.main([*arguments, "--vkey", old.vkey]) == Fault.SIGNATURE


@pytest.mark.parametrize("size", range(11))
def test_growth_is_proved_from_every_size_and_from_no_other_tree(sequencer: Sequencer, size: int) -> None:
    write(10)
    drain(sequencer)
    key = keys.verifier()
    answer = Client().get(f"/audit/growth/{size}")
    leaves = [
        bytes(row.leaf_hash)
        for row in CheckpointRow._meta.apps.get_model("audit", "Leaf").objects.order_by("index")
    ]
    root = offline.merkle.root_of(leaves[:size])
    kept = Checkpoint(key.name, size, root)
    assert offline.verify_growth(answer.content.decode(), kept, key).size == 10
    with pytest.raises(VerifyError) as fault:
        offline.verify_growth(answer.content.decode(), Checkpoint(key.name, size, bytes(32)), key)
    assert fault.value.fault == Fault.HISTORY
    with pytest.raises(VerifyError) as fault:
        offline.verify_growth(answer.content.decode(), Checkpoint(key.name, size + 1, root), key)
    assert fault.value.fault == Fault.SIGNATURE


@pytest.mark.parametrize("size", ["11", "-1", "x", "01", "9" * 30, "1.0"])
def test_no_growth_from_what_is_no_size_of_this_log(sequencer: Sequencer, size: str) -> None:
    write(10)
    drain(sequencer)
    answer = Client().get(f"/audit/growth/{size}")
    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_not_found")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old 3",
        "old x\n\nnote",
        "new 3\n\nnote",
        "old 3\n!!\n\nnote",
        "old 3\n" + "AA==\n" * 64 + "\nnote",
    ],
)
def test_what_is_no_proof_of_growth_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Growth.parse(text)
