"""A log that cannot be signed on: said at once everywhere, nothing is spoken, and a person decides how to go on."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.people.services import create_key
from audit import continuity, keys, verification
from audit.models import Checkpoint as CheckpointRow
from audit.models import Entry
from audit.note import Checkpoint
from synth.errors import Unavailable
from tests import factories
from tests.audit.conftest import SEED_HEX, write
from worker import doctor, inspection

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

Run = Callable[..., int]


@pytest.fixture
def restored(sequence: Run, log_home: Path) -> Checkpoint:
    """Twelve entries, and a copy outside that says there were twenty: the database came from an older backup."""
    write(12)
    sequence()
    ahead = Checkpoint(keys.signer().name, 20, b"\x77" * 32)
    keys.checkpoint_file().path.write_text(ahead.sign(keys.signer()))
    return ahead


def sequencer_once() -> None:
    call_command("audit_sequencer", "--once", stdout=io.StringIO())


def recover(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit", "recover", *arguments, stdout=out)
    return out.getvalue()


def test_a_log_that_goes_on_interrupts_nothing(sequence: Run, client: Client) -> None:
    assert continuity.interruption() is None, "before the first entry"
    write(3)
    sequence()
    write(1)
    assert continuity.interruption() is None
    assert client.get("/readyz").json()["parts"]["log"] is True
    assert inspection.log_warning() is None
    assert recover() == "The log goes on.\n"


@pytest.mark.usefixtures("restored")
def test_a_database_behind_its_checkpoint_is_said_before_anything_starts(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": True, "broker": True, "log": False}
    warning = inspection.log_warning()
    assert warning is not None and "has 20 entries, the database only 12" in warning
    assert [finding.level for finding in doctor.log() if finding.subject == "log"] == ["problem"]


@pytest.mark.provokes("log_interrupted")
@pytest.mark.usefixtures("restored")
def test_nothing_is_spoken_but_proofs_and_verification_go_on(client: Client, log_home: Path) -> None:
    for name in ("receipt-signing.key", "mark-master.key"):
        (log_home / "keys" / name).write_text(SEED_HEX)
    owner = factories.owner_principal()
    voice = factories.consented_voice(owner)
    _, secret = create_key(principal=owner, name="test", scopes=["speech:write"])
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"voice": str(voice.id), "text": "The parcel arrived."}
    answer = client.post("/api/v1/jobs", body, content_type="application/json", headers=headers)
    assert answer.status_code == 503
    assert answer.json()["code"] == "log_interrupted"
    assert answer["Retry-After"] == "60"
    assert not Entry.objects.filter(event="synthesis.authorised").exists()
    assert client.get("/audit/checkpoint").status_code == 200
    assert client.get("/verify").status_code == 200


def test_an_equal_size_with_another_root_is_seen(sequence: Run) -> None:
    write(5)
    sequence()
    other = Checkpoint(keys.signer().name, 5, b"\x11" * 32)
    keys.checkpoint_file().path.write_text(other.sign(keys.signer()))
    assert "are not those of the checkpoint" in str(continuity.interruption())


def test_a_copy_that_is_no_checkpoint_is_seen(sequence: Run) -> None:
    write(5)
    sequence()
    keys.checkpoint_file().path.write_text("not a note")
    assert "is not a checkpoint of this log" in str(continuity.interruption())


def test_whatever_the_sequencer_refuses_interrupts_until_it_signs_again(sequence: Run) -> None:
    write(4)
    sequence()
    copy = keys.checkpoint_file().path
    note = copy.read_text()
    copy.unlink()
    with pytest.raises(CommandError) as refused:
        sequencer_once()
    assert refused.value.returncode == 3
    with pytest.raises(Unavailable) as error:
        continuity.require()
    assert error.value.code == "log_interrupted"
    assert "is missing although checkpoints were published" in error.value.message
    copy.write_text(note)
    sequencer_once()
    assert continuity.interruption() is None


def test_the_ways_on_are_offered_and_none_is_taken_by_itself(restored: Checkpoint) -> None:
    told = recover()
    assert "restored from an older backup" in told
    assert "--adopt" in told and "--accept-loss" in told
    note = keys.checkpoint_file().read()
    assert note is not None and Checkpoint.open(note, keys.verifier()) == restored


@pytest.mark.provokes("log.loss_accepted")
def test_an_accepted_loss_is_written_into_the_log_and_the_copy_is_kept(restored: Checkpoint) -> None:
    recover("--accept-loss")
    assert continuity.interruption() is None
    sequencer_once()
    entry = Entry.objects.get(event="log.loss_accepted")
    assert entry.content["data"] == {
        "size": 12, "previous_size": 20, "root_sha256": restored.root.hex(),
    }  # fmt: skip
    kept = list(keys.log_folder().glob("abandoned-20-*"))
    assert [Checkpoint.open(path.read_text(), keys.verifier()) for path in kept] == [restored]
    note = keys.checkpoint_file().read()
    assert note is not None
    external = Checkpoint.open(note, keys.verifier())
    assert verification.verify_database(keys.verifier(), external=external).tree.size == 13
    assert CheckpointRow.objects.order_by("-size").first().size == 13  # type: ignore[union-attr]


def test_a_loss_that_is_none_is_not_accepted(sequence: Run) -> None:
    write(4)
    sequence()
    with pytest.raises(CommandError, match="nothing is lost"):
        recover("--accept-loss")
    with pytest.raises(CommandError, match="nothing to adopt"):
        recover("--adopt")
    assert not Entry.objects.filter(event="log.loss_accepted").exists()


def test_a_lost_copy_is_adopted(sequence: Run) -> None:
    write(4)
    sequence()
    note = keys.checkpoint_file().read()
    keys.checkpoint_file().path.unlink()
    recover("--adopt")
    assert keys.checkpoint_file().read() == note
