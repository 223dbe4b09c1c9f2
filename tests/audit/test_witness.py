"""Witnesses: they sign only what continues what they saw, and the log shows what they signed."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.checks import run_checks
from django.test import Client

from audit import cosigning, keys, merkle, offline, selectors, services, witness
from audit.models import Cosignature
from audit.note import Checkpoint, NoteError, Signer, Verifier, Witness, WitnessVerifier, witnesses_of
from audit.offline import Fault
from audit.proof import Growth
from tests.audit.conftest import write
from worker import tasks

pytestmark = [
    pytest.mark.django_db(databases="__all__", transaction=True),
    pytest.mark.urls("tests.audit.urls"),
]
Run = Callable[..., int]
OURS = Signer("test.example/log", bytes([7] * 32))
NAME = "witness.example/w1"
NOW_S = 1_767_225_600


class Tree:
    """A log of numbered leaves, and its signed checkpoints."""

    def __init__(self, size: int, salt: str = "", signer: Signer = OURS) -> None:
        self.leaves = [merkle.leaf_hash(f"{salt}{number}".encode()) for number in range(size)]
        self.signer = signer

    def root(self, size: int) -> bytes:
        found = merkle.CompactRange()
        for leaf in self.leaves[:size]:
            found.append(leaf)
        return found.root()

    def note(self, size: int) -> str:
        return Checkpoint(self.signer.name, size, self.root(size)).sign(self.signer)

    def request(self, old: int, size: int, *, path: list[bytes] | None = None) -> str:
        def node(level: int, index: int) -> bytes:
            found = merkle.CompactRange()
            for leaf in self.leaves[index << level : (index + 1) << level]:
                found.append(leaf)
            return found.root()

        if path is None:
            path = merkle.consistency_proof(old, size, node) if old else []
        return Growth(old, tuple(path), self.note(size)).as_text()


@pytest.fixture
def cosigner(tmp_path: Path) -> witness.Cosigner:
    folder = tmp_path / "witness"
    folder.mkdir()
    return witness.Cosigner(Witness(NAME, bytes([9] * 32)), witness.Memory(folder), [OURS.verifier])


def test_a_cosignature_is_what_the_specification_says() -> None:
    """Made here from the specification's own words, without the module's code."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
    public = b"\x04" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(NAME.encode() + b"\n" + public).digest()[:4]
    body = Tree(3).note(3).rpartition("\n\n")[0] + "\n"
    signed = key.sign(f"cosignature/v1\ntime {NOW_S}\n{body}".encode())
    line = f"— {NAME} {base64.b64encode(key_id + NOW_S.to_bytes(8, 'big') + signed).decode()}\n"
    ours = Witness(NAME, bytes([9] * 32))
    assert ours.cosign(body, NOW_S) == line
    assert ours.verifier.vkey == f"{NAME}+{key_id.hex()}+{base64.b64encode(public).decode()}"
    note = Tree(3).note(3) + line
    assert witnesses_of(note, [WitnessVerifier.from_vkey(ours.verifier.vkey)]) == [ours.verifier]
    assert Checkpoint.open(note, OURS.verifier).size == 3, "readers pass over whom they do not know"
    with pytest.raises(NoteError):
        Verifier.from_vkey(ours.verifier.vkey)  # a witness is no log
    with pytest.raises(NoteError):
        WitnessVerifier.from_vkey(OURS.verifier.vkey)


def test_it_signs_what_continues_what_it_saw(cosigner: witness.Cosigner) -> None:
    tree = Tree(9)
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 9)):
        line = cosigner.add_checkpoint(tree.request(old, size), NOW_S)
        assert witnesses_of(tree.note(size) + line, [cosigner.witness.verifier])
    assert cosigner.memory.note(OURS.name) == tree.note(9)


def refusal(cosigner: witness.Cosigner, body: str) -> tuple[int, str]:
    with pytest.raises(witness.Refused) as refused:
        cosigner.add_checkpoint(body, NOW_S)
    return refused.value.status, refused.value.body


def test_it_signs_nothing_else_and_forgets_nothing(cosigner: witness.Cosigner) -> None:
    tree, other = Tree(9), Tree(9, "rewritten ")
    cosigner.add_checkpoint(tree.request(0, 5), NOW_S)
    assert refusal(cosigner, tree.request(3, 9)) == (409, "5\n")
    assert refusal(cosigner, tree.request(0, 9)) == (409, "5\n")
    assert refusal(cosigner, other.request(5, 5, path=[])) == (409, "5\n")
    assert refusal(cosigner, other.request(5, 9))[0] == 422
    assert refusal(cosigner, tree.request(5, 9, path=[]))[0] == 422
    assert refusal(cosigner, tree.request(6, 5, path=[]))[0] == 400
    assert refusal(cosigner, "old 5\n\nnothing\n")[0] in (400, 404)
    assert refusal(cosigner, "new 5")[0] == 400
    foreign = Tree(9, signer=Signer(OURS.name, bytes([8] * 32)))
    assert refusal(cosigner, foreign.request(5, 9))[0] == 403
    unknown = Tree(9, signer=Signer("elsewhere.example/log", bytes([8] * 32)))
    assert refusal(cosigner, unknown.request(0, 9))[0] == 404
    assert cosigner.memory.note(OURS.name) == tree.note(5)


@pytest.fixture
def asked(log_home: Path, tmp_path: Path, settings: Any) -> Iterator[witness.Cosigner]:
    """A witness of this test's log, served and configured."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    cosigner = witness.Cosigner(Witness(NAME, bytes([9] * 32)), witness.Memory(folder), [keys.verifier()])
    with witness.server(cosigner, "127.0.0.1", 0) as door:
        thread = threading.Thread(target=door.serve_forever, daemon=True)
        thread.start()
        settings.ASSENT_WITNESSES = f"{cosigner.witness.verifier.vkey} http://127.0.0.1:{door.server_port}"
        settings.ASSENT_WITNESS_QUORUM = 1
        yield cosigner
        door.shutdown()
        thread.join()


def check(proof: str, tmp_path: Path, *more: str) -> int:
    (tmp_path / "proof").write_text(proof)
    return offline.main(
        ["verify-proof", "--proof", str(tmp_path / "proof"), "--vkey", keys.verifier().vkey, *more]
    )


def test_proofs_bear_what_witnesses_signed(
    client: Client, sequence: Run, asked: witness.Cosigner, tmp_path: Path, capsys: Any
) -> None:
    entries = write(3)
    sequence()
    tasks.cosign()
    note = client.get("/audit/checkpoint").content.decode()
    assert witnesses_of(note, [asked.witness.verifier])
    # What came since is signed by the log alone: a proof of what the witness saw stays under what it signed.
    more = write(2)
    sequence()
    made = services.proof_for(entries[0])
    assert made is not None and Checkpoint.open(made.checkpoint, keys.verifier()).size == 3
    vkey = asked.witness.verifier.vkey
    assert check(made.as_text(), tmp_path, "--witness", vkey) == 0
    assert "Cosigned by 1 of 1 witnesses." in capsys.readouterr().out
    newest = services.proof_for(more[1])
    assert newest is not None
    assert check(newest.as_text(), tmp_path, "--witness", vkey) == Fault.WITNESS
    assert check(newest.as_text(), tmp_path, "--witness", vkey, "--quorum", "0") == 0
    another = Witness("another.example/w", bytes([4] * 32)).verifier.vkey
    assert check(made.as_text(), tmp_path, "--witness", vkey, "--witness", another) == Fault.WITNESS
    assert check(made.as_text(), tmp_path, "--witness", vkey, "--witness", another, "--quorum", "1") == 0
    moved = made.as_text().replace(note.splitlines()[-1][-12:], "AAAAAAAAAAA=")
    assert check(moved, tmp_path, "--witness", vkey) == Fault.SIGNATURE
    tasks.cosign()
    assert check(_text(services.proof_for(more[1])), tmp_path, "--witness", vkey) == 0
    page = client.get("/log/checkpoint/").content.decode()
    assert NAME in page and "signed at 5 entries" in page


def _text(proof: Any) -> str:
    return str(proof.as_text())


def test_a_log_that_lost_what_was_signed_is_told_where_its_witness_stands(
    sequence: Run, asked: witness.Cosigner
) -> None:
    write(3)
    sequence()
    assert cosigning.ask_all() == 1 and cosigning.ask_all() == 0
    Cosignature.objects.all().delete()
    write(4)
    sequence()
    assert cosigning.ask_all() == 1
    assert Cosignature.objects.get().checkpoint_id == 7


def test_a_witness_that_saw_another_log_signs_nothing(
    sequence: Run, asked: witness.Cosigner, caplog: pytest.LogCaptureFixture
) -> None:
    write(3)
    sequence()
    others = Tree(2, signer=keys.signer())
    asked.add_checkpoint(others.request(0, 2), NOW_S)
    assert cosigning.ask_all() == 0
    assert "did not cosign checkpoint 3" in caplog.text and "422" in caplog.text
    longer = Tree(9, signer=keys.signer())
    asked.memory.path(longer.signer.name).write_text(longer.note(9))
    assert cosigning.ask_all() == 0
    assert "it saw 9 entries, the log has 3" in caplog.text


class Rogue(BaseHTTPRequestHandler):
    answer = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)


@pytest.mark.parametrize("answer", [b"", b"welcome\n", b"\xff\n", "— somebody.example/w AAAAAAAA\n".encode()])
def test_what_is_no_cosignature_is_not_kept(
    sequence: Run, log_home: Path, settings: Any, answer: bytes
) -> None:
    write(1)
    sequence()
    with HTTPServer(("127.0.0.1", 0), type("Other", (Rogue,), {"answer": answer})) as door:
        threading.Thread(target=door.serve_forever, daemon=True).start()
        vkey = Witness(NAME, bytes([9] * 32)).verifier.vkey
        settings.ASSENT_WITNESSES = f"{vkey} http://127.0.0.1:{door.server_port}"
        assert cosigning.ask_all() == 0
        door.shutdown()
    assert cosigning.ask_all() == 0, "nor where nobody answers"
    assert not Cosignature.objects.exists()


def test_the_server_answers_nothing_else(asked: witness.Cosigner, settings: Any) -> None:
    url = settings.ASSENT_WITNESSES.split()[1]
    assert cosigning._post(f"{url}/elsewhere", "")[0] == 404
    assert cosigning._post(url, "x" * (witness.MAX_PROOF_BYTES + 1))[0] == 400


def test_witnesses_that_cannot_be_asked_stop_the_start(settings: Any) -> None:
    vkey = Witness(NAME, bytes([9] * 32)).verifier.vkey
    for witnesses, quorum in (
        ("nonsense http://localhost", 0),
        (vkey, 0),
        (f"{vkey} http://a, {vkey} http://b", 0),
        (f"{vkey} http://a", 2),
        (f"{OURS.verifier.vkey} http://a", 0),
    ):
        settings.ASSENT_WITNESSES, settings.ASSENT_WITNESS_QUORUM = witnesses, quorum
        assert [error.id for error in run_checks(tags=["security"]) if error.id == "assent.E006"]
    settings.ASSENT_WITNESSES, settings.ASSENT_WITNESS_QUORUM = f"{vkey} https://a", 1
    assert not [error for error in run_checks(tags=["security"]) if error.id == "assent.E006"]


@pytest.fixture
def from_elsewhere(
    client: Client, monkeypatch: pytest.MonkeyPatch, log_home: Path, tmp_path: Path
) -> list[str]:
    """The command line of somebody who watches this log, which answers through the test's client."""

    class Answer:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *exception: object) -> None: ...

        def read(self, size: int) -> bytes:
            return bytes(self.answer.content)[:size]

    def urlopen(url: str, timeout: float) -> Answer:
        answer = client.get(url.removeprefix("https://log.example"))
        if answer.status_code != 200:
            import io
            from email.message import Message
            from urllib.error import HTTPError

            raise HTTPError(url, answer.status_code, "", Message(), io.BytesIO(answer.content))
        return Answer(answer)

    monkeypatch.setattr(witness.urllib.request, "urlopen", urlopen)
    return [
        "watch", "--dir", str(tmp_path / "kept"), "--log", keys.verifier().vkey, "--url", "https://log.example/",
    ]  # fmt: skip


def test_who_watches_keeps_what_it_saw_and_tells_a_rewritten_log(
    sequence: Run, from_elsewhere: list[str], tmp_path: Path, capsys: Any
) -> None:
    write(3)
    sequence()
    assert witness.main(from_elsewhere) == 0
    write(2)
    sequence()
    assert witness.main(from_elsewhere) == 0
    assert "has 5 entries, and begins with the 3 that were kept" in capsys.readouterr().out
    (kept,) = (tmp_path / "kept").glob("*.checkpoint")
    ours = kept.read_text()
    kept.write_text(Tree(5, "rewritten ", keys.signer()).note(5))
    assert witness.main(from_elsewhere) == Fault.HISTORY
    kept.write_text(Tree(9, "cut off ", keys.signer()).note(9))
    assert witness.main(from_elsewhere) == Fault.HISTORY
    kept.write_text(ours)
    assert witness.main(from_elsewhere) == 0


def test_a_witness_keeps_its_key(tmp_path: Path, capsys: Any) -> None:
    made = ["key", "--name", NAME, "--dir", str(tmp_path)]
    assert witness.main(made) == 0
    assert WitnessVerifier.from_vkey(capsys.readouterr().out.strip()).name == NAME
    assert (tmp_path / witness.KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert witness.main(made) == 1
    assert witness.main(["key", "--name", "two words", "--dir", str(tmp_path / "other")]) == 1
    assert not (tmp_path / "other" / witness.KEY_FILE).exists()


def test_it_runs_with_these_files_alone(tmp_path: Path) -> None:
    """Those that its own page names, on a machine without Django."""
    (tmp_path / "audit").mkdir()
    for name in ("__init__", "external", "merkle", "note", "offline", "proof", "witness"):
        shutil.copy(Path(witness.__file__).with_name(f"{name}.py"), tmp_path / "audit")
    done = subprocess.run(
        [sys.executable, "-m", "audit.witness", "key", "--name", NAME, "--dir", "kept"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith(f"{NAME}+"), done.stderr


def test_nothing_of_an_answer_is_kept_but_its_signature(sequence: Run, log_home: Path, settings: Any) -> None:
    """What a witness slips in beside it would be read by everybody beneath the note."""
    write(2)
    sequence()
    ours = Witness(NAME, bytes([9] * 32))
    newest = selectors.published_checkpoint()
    assert newest is not None
    right = ours.cosign(newest.note.rpartition("\n\n")[0] + "\n", NOW_S)
    slipped = newest.note + "— slipped in\n"
    other = ours.cosign(slipped, NOW_S)
    for body, kept in ((f"— slipped in\n\n{other}", ""), (f"{other}{right}{right}— more AAAAAAAA\n", right)):
        with HTTPServer(("127.0.0.1", 0), type("Other", (Rogue,), {"answer": body.encode()})) as door:
            threading.Thread(target=door.serve_forever, daemon=True).start()
            settings.ASSENT_WITNESSES = f"{ours.verifier.vkey} http://127.0.0.1:{door.server_port}"
            cosigning.ask_all()
            door.shutdown()
        assert "".join(Cosignature.objects.values_list("lines", flat=True)) == kept


def test_what_speaks_no_http_holds_up_no_other(sequence: Run, asked: witness.Cosigner, settings: Any) -> None:
    write(1)
    sequence()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-x\r\n")

        threading.Thread(target=greet, daemon=True).start()
        broken = Witness("broken.example/w", bytes([3] * 32)).verifier.vkey
        settings.ASSENT_WITNESSES = (
            f"{broken} http://127.0.0.1:{server.getsockname()[1]}, {settings.ASSENT_WITNESSES}"
        )
        assert cosigning.ask_all() == 1


def test_who_is_no_witness_any_more_counts_for_no_quorum(
    sequence: Run, asked: witness.Cosigner, settings: Any
) -> None:
    (entry,) = write(1)
    sequence()
    cosigning.ask_all()
    first = services.proof_for(entry)
    write(1)
    sequence()
    newest = selectors.published_checkpoint()
    Cosignature.objects.create(checkpoint=newest, witness="former.example/w", lines="")
    assert services.proof_for(entry) == first
