"""Signed notes, checkpoints and entry proofs: interoperation, named bad vectors, hostile input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle
from audit.note import Checkpoint, NoteError, Signer, Verifier, open_note
from audit.proof import Proof
from tests.audit import slow_tree

VECTORS = Path(__file__).parent / "vectors"
SIGNER = Signer("test.example/log", bytes(range(32)))
VERIFIER = SIGNER.verifier

# The example of Go's golang.org/x/mod/sumdb/note: another implementation's key and signature.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
    "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def _checkpoint(size: int = 3) -> str:
    leaves = [slow_tree.leaf(b"%d" % number) for number in range(size)]
    return Checkpoint("test.example/log", size, slow_tree.root(leaves)).sign(SIGNER)


def test_a_note_of_another_implementation_opens() -> None:
    verifier = Verifier.from_vkey(GO_KEY)
    text, signed = open_note(GO_NOTE, [verifier])
    assert text.startswith("If you think") and signed == [verifier]
    assert verifier.vkey == GO_KEY


def test_sign_and_open() -> None:
    checkpoint = Checkpoint.open(_checkpoint(), Verifier.from_vkey(VERIFIER.vkey))
    assert (checkpoint.origin, checkpoint.size) == ("test.example/log", 3)
    assert "seed" not in repr(SIGNER)


def test_unknown_signatures_are_ignored_and_wrong_ones_are_not() -> None:
    note = _checkpoint()
    other = Signer("witness.example/w", b"w" * 32)
    cosigned = note + other.sign(note.partition("\n\n")[0] + "\n").rpartition("\n\n")[2]
    assert open_note(cosigned, [VERIFIER])[1] == [VERIFIER]
    assert len(open_note(cosigned, [VERIFIER, other.verifier])[1]) == 2
    with pytest.raises(NoteError, match="does not verify"):
        open_note(cosigned.replace("\n3\n", "\n4\n"), [other.verifier])


def test_a_log_signs_only_under_its_origin() -> None:
    with pytest.raises(NoteError):
        Checkpoint("another/log", 3, bytes(32)).sign(SIGNER)
    foreign = SIGNER.sign("another/log\n3\n" + "A" * 43 + "=\n")
    with pytest.raises(NoteError, match="not of"):
        Checkpoint.open(foreign, VERIFIER)


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row["name"]) for row in json.loads((VECTORS / "notes.json").read_text())],
)
def test_note_vectors(row: dict[str, Any]) -> None:
    if row["valid"]:
        assert Checkpoint.open(row["note"], VERIFIER).size == row["size"]
    else:
        with pytest.raises(NoteError):
            Checkpoint.open(row["note"], VERIFIER)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+AAAA",
        VERIFIER.vkey.replace("+", "+0", 1),
        VERIFIER.vkey[:-1],
        VERIFIER.vkey + "=",
        "other" + VERIFIER.vkey,
        VERIFIER.vkey.replace("test", "te st"),
    ],
)
def test_bad_verifier_keys(vkey: str) -> None:
    with pytest.raises(NoteError):
        Verifier.from_vkey(vkey)


@pytest.mark.parametrize("text", ["", "zz" * 32, "5a" * 31, "5a" * 33])
def test_bad_key_files(text: str) -> None:
    with pytest.raises(NoteError):
        Signer.from_hex("name", text)


def _proof(index: int = 2, size: int = 5) -> Proof:
    bodies = [b'{"n":%d}' % number for number in range(size)]
    leaves = [slow_tree.leaf(body) for body in bodies]
    note = Checkpoint("test.example/log", size, slow_tree.root(leaves)).sign(SIGNER)
    return Proof(bodies[index], index, tuple(slow_tree.path(index, leaves)), note)


def test_a_proof_survives_its_text_form() -> None:
    proof = Proof.parse(_proof().as_text())
    assert proof == _proof()
    assert proof.verify(VERIFIER).size == 5
    alone = Proof.parse(_proof(0, 1).as_text())
    assert alone.path == () and alone.verify(VERIFIER).size == 1


def test_a_proof_need_not_carry_its_entry() -> None:
    """The line extra is optional in c2sp.org/tlog-proof; the entry then comes apart."""
    proof = _proof()
    bare = "\n".join(line for line in proof.as_text().split("\n") if not line.startswith("extra "))
    assert Proof.parse(bare, proof.body) == proof
    assert Proof.parse(bare, proof.body).verify(VERIFIER).size == 5
    with pytest.raises(NoteError, match="none was given apart"):
        Proof.parse(bare)
    for text in (bare, proof.as_text()):
        with pytest.raises(merkle.ProofError):
            Proof.parse(text, b'{"n":3}').verify(VERIFIER)


@pytest.mark.parametrize(
    "change",
    [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("index 2", "index 3"),
        ("index 2", "index 02"),
        ("index 2", "index -2"),
        ("index 2", "index 99999999999999999999"),
        ("index 2\n", ""),
        ("extra ", "Extra "),
        ("extra eyJuIjoyfQ==", "extra eyJuIjozfQ=="),
        ("extra eyJuIjoyfQ==", "extra eyJuIjoyfR=="),
        ("\n\n", "\n"),
        ("\n5\n", "\n6\n"),
    ],
)
def test_a_changed_proof_is_refused(change: tuple[str, str]) -> None:
    text = _proof().as_text()
    assert change[0] in text
    with pytest.raises((NoteError, merkle.ProofError)):
        Proof.parse(text.replace(*change, 1)).verify(VERIFIER)


_NOTE_LIKE = st.lists(
    st.sampled_from(
        ["test.example/log", "3", "\n", "\n\n", "— ", " ", "AAAA", "=", "\x00", "é", "\ud800", "+"]
    )
    | st.text(max_size=8),
    max_size=20,
).map("".join)


@settings(max_examples=200)
@given(_NOTE_LIKE)
def test_hostile_notes_raise_only_note_errors(text: str) -> None:
    for read in (
        lambda: Checkpoint.open(text, VERIFIER),
        lambda: Checkpoint.parse(text),
        lambda: Verifier.from_vkey(text),
        lambda: Proof.parse(text),
    ):
        try:
            read()
        except NoteError:
            continue


@settings(max_examples=200)
@given(st.data())
def test_no_flipped_bit_of_a_proof_is_accepted(data: st.DataObject) -> None:
    original = _proof()
    raw = bytearray(original.as_text().encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        proof = Proof.parse(raw.decode())
        proof.verify(VERIFIER)
    except (UnicodeDecodeError, NoteError, merkle.ProofError):
        return
    # Only a signature line under another name may change unseen, and there is none here.
    raise AssertionError(f"byte {at} may be changed")
