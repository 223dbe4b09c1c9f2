"""The offline checker, run as strangers run it, on files that must verify for ever."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import offline
from audit.note import Checkpoint, Signer, Verifier
from audit.offline import Fault, VerifyError

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]
VERIFIER = Verifier.from_vkey((GOLDEN / "vkey").read_text())
LINES = (GOLDEN / "log.jsonl").read_text().splitlines(keepends=True)
GOLDEN_ROOT = "44010aa0ae86547b859cc39e1ea0490f2160326a6361349c652cf0dc4b0287e8"


def _run(*arguments: str | Path) -> int:
    return offline.main([str(argument) for argument in arguments])


def test_the_golden_log_verifies_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    code = _run(
        "verify", "--dump", GOLDEN / "log.jsonl", "--vkey", GOLDEN / "vkey", "--since", GOLDEN / "checkpoint"
    )
    assert code == 0
    assert f"40 entries (37 readable), 7 checkpoints, root {GOLDEN_ROOT}" in capsys.readouterr().out


def test_the_golden_output_verifies_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--proof", GOLDEN / "output.tlog-proof", "--vkey", VERIFIER.vkey)
    assert _run("verify-output", GOLDEN / "output.wav", *arguments) == 0
    assert "as leaf 21" in capsys.readouterr().out


def test_any_entry_can_be_shown_with_its_proof(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    proof = GOLDEN / "output.tlog-proof"
    assert _run("verify-proof", "--proof", proof, "--vkey", GOLDEN / "vkey") == 0
    assert '"output_id": "output-21"' in capsys.readouterr().out
    moved = tmp_path / "moved"
    moved.write_text(proof.read_text().replace("index 21", "index 20"))
    assert _run("verify-proof", "--proof", moved, "--vkey", GOLDEN / "vkey") == Fault.INCLUSION


def test_it_runs_without_django_and_without_a_database(tmp_path: Path) -> None:
    """As a stranger would: the module alone, with everything else of the project out of reach."""
    (tmp_path / "audit").mkdir()
    for name in ("__init__", "merkle", "note", "proof", "offline"):
        (tmp_path / "audit" / f"{name}.py").write_text((ROOT / "audit" / f"{name}.py").read_text())
    (tmp_path / "django.py").write_text("raise ImportError('no framework here')")
    output = tmp_path / "output.wav"
    output.write_bytes((GOLDEN / "output.wav").read_bytes())
    command = [sys.executable, "-m", "audit.offline", "verify-output", str(output)]
    command += ["--proof", str(GOLDEN / "output.tlog-proof"), "--vkey", str(GOLDEN / "vkey")]
    good = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    output.write_bytes(output.read_bytes() + b"\0")
    bad = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert bad.returncode == Fault.OUTPUT
    assert "not the one released" in bad.stderr


def _rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LINES]


def _verify(rows: list[dict[str, Any]], since: Checkpoint | None = None) -> None:
    offline.verify_export([json.dumps(row) + "\n" for row in rows], VERIFIER, since)


def _at(rows: list[dict[str, Any]], index: int) -> int:
    return next(number for number, row in enumerate(rows) if row.get("leaf") == index)


def _edit_body(rows: list[dict[str, Any]]) -> None:
    row = rows[_at(rows, 9)]
    row["body"] = base64.b64encode(base64.b64decode(row["body"]).replace(b"voice", b"vouce")).decode()


def _edit_body_and_hash(rows: list[dict[str, Any]]) -> None:
    _edit_body(rows)
    row = rows[_at(rows, 9)]
    row["hash"] = offline.merkle.leaf_hash(base64.b64decode(row["body"])).hex()


def _edit_hash_of_withheld(rows: list[dict[str, Any]]) -> None:
    rows[_at(rows, 12)]["hash"] = "00" * 32


def _swap(rows: list[dict[str, Any]]) -> None:
    first, second = _at(rows, 20), _at(rows, 21)
    rows[first], rows[second] = rows[second], rows[first]


def _swap_renumbered(rows: list[dict[str, Any]]) -> None:
    _swap(rows)
    rows[_at(rows, 20)]["leaf"], rows[_at(rows, 21)]["leaf"] = 21, 20


def _drop_leaf(rows: list[dict[str, Any]]) -> None:
    del rows[_at(rows, 5)]


def _repeat_leaf(rows: list[dict[str, Any]]) -> None:
    rows.insert(_at(rows, 5), rows[_at(rows, 5)])


def _drop_end(rows: list[dict[str, Any]]) -> None:
    rows.pop()


def _drop_last_checkpoint(rows: list[dict[str, Any]]) -> None:
    rows.pop(-2)


def _wrong_end(rows: list[dict[str, Any]]) -> None:
    rows[-1]["end"] = 39


def _after_end(rows: list[dict[str, Any]]) -> None:
    rows.append(rows[-1])


def _foreign_signature(rows: list[dict[str, Any]]) -> None:
    text = rows[-2]["checkpoint"].partition("\n\n")[0] + "\n"
    rows[-2]["checkpoint"] = Signer("golden.example/log", b"x" * 32).sign(text)


def _move_checkpoint(rows: list[dict[str, Any]]) -> None:
    rows.insert(_at(rows, 30), rows.pop(-2))


def _other_origin(rows: list[dict[str, Any]]) -> None:
    rows[0]["origin"] = "another.example/log"


def _other_format(rows: list[dict[str, Any]]) -> None:
    rows[0]["format"] = "assent-log-export/2"


def _not_canonical(rows: list[dict[str, Any]]) -> None:
    row = rows[_at(rows, 9)]
    body = base64.b64decode(row["body"]).replace(b":", b": ", 1)
    row["body"] = base64.b64encode(body).decode()
    row["hash"] = offline.merkle.leaf_hash(body).hex()


@pytest.mark.parametrize(
    ("tamper", "fault", "index"),
    [
        (_edit_body, Fault.LEAF, 9),
        (_edit_body_and_hash, Fault.ROOT, 8),
        (_edit_hash_of_withheld, Fault.ROOT, 8),
        (_not_canonical, Fault.CANONICAL, 9),
        (_swap, Fault.ORDER, 21),
        (_swap_renumbered, Fault.ROOT, 19),
        (_drop_leaf, Fault.ORDER, 6),
        (_repeat_leaf, Fault.ORDER, 5),
        (_drop_end, Fault.FORMAT, 40),
        (_wrong_end, Fault.ORDER, 40),
        (_after_end, Fault.FORMAT, None),
        (_drop_last_checkpoint, Fault.UNSIGNED, 32),
        (_foreign_signature, Fault.SIGNATURE, None),
        (_move_checkpoint, Fault.ORDER, 30),
        (_other_origin, Fault.FORMAT, None),
        (_other_format, Fault.FORMAT, None),
    ],
)
def test_each_change_of_an_export_is_named(
    tamper: Callable[[list[dict[str, Any]]], None], fault: Fault, index: int | None
) -> None:
    rows = _rows()
    _verify(rows)
    tamper(rows)
    with pytest.raises(VerifyError) as caught:
        _verify(rows)
    assert (caught.value.fault, caught.value.leaf) == (fault, index)


def test_a_cut_log_that_is_sound_is_caught_only_by_a_kept_checkpoint() -> None:
    rows = _rows()
    cut = [*rows[: _at(rows, 7) + 2], {"end": 8}]
    _verify(cut)  # the honest limit: by itself it is a good log of 8 entries
    kept = Checkpoint.open((GOLDEN / "checkpoint").read_text(), VERIFIER)
    with pytest.raises(VerifyError) as caught:
        _verify(cut, kept)
    assert (caught.value.fault, caught.value.leaf) == (Fault.HISTORY, 8)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"a":1.5}',
        b'{"a":NaN}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":"\\u0041"}',
        b'{"a":1}\n',
        b'{"a":-0}',
        b'{"a":1e3}',
        b'{"a":9007199254740993}',
        b'{"a":-9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"\xff",
        b"[" * 5000,
    ],
)
def test_bodies_that_are_not_canonical(body: bytes) -> None:
    with pytest.raises(VerifyError) as caught:
        offline.parse_body(body, 3)
    assert caught.value.fault is Fault.CANONICAL


def test_the_largest_integers_that_every_reader_sees_alike() -> None:
    assert offline.parse_body(b'{"a":9007199254740991,"b":-9007199254740991}')["a"] == 2**53 - 1


@settings(max_examples=150)
@given(st.integers(0, len(LINES) - 1), st.binary(max_size=40), st.integers(0, 200))
def test_a_hostile_export_raises_only_verify_errors(line: int, junk: bytes, at: int) -> None:
    lines = list(LINES)
    text = lines[line].encode()
    lines[line] = (text[:at] + junk + text[at + len(junk) :]).decode(errors="replace")
    try:
        offline.verify_export(lines, VERIFIER)
    except VerifyError:
        return
    if lines[line] == LINES[line] or line == 0:
        return
    # The only other unseen change: white space between the values of a row.
    assert json.loads(lines[line]) == json.loads(LINES[line])


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["verify", "--dump", "missing", "--vkey", str(GOLDEN / "vkey")], Fault.FORMAT),
        (["verify", "--dump", str(GOLDEN / "log.jsonl"), "--vkey", "nonsense"], Fault.FORMAT),
        (["verify", "--dump", str(GOLDEN / "output.wav"), "--vkey", str(GOLDEN / "vkey")], Fault.FORMAT),
        (
            [
                "verify-output",
                "missing",
                "--proof",
                str(GOLDEN / "output.tlog-proof"),
                "--vkey",
                VERIFIER.vkey,
            ],
            Fault.FORMAT,
        ),
        (
            ["verify-output", str(GOLDEN / "vkey"), "--proof", str(GOLDEN / "vkey"), "--vkey", VERIFIER.vkey],
            Fault.FORMAT,
        ),
    ],
)
def test_wrong_files_have_a_sentence_not_a_traceback(arguments: list[str], fault: Fault) -> None:
    assert offline.main(arguments) == fault
