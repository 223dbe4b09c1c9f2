"""Signed reports of verifications: what is signed, and checking one without this service.

    python -m watermark.reports REPORT.json --vkey KEY [--log-vkey KEY] [--file AUDIO]

Needs Python, `cryptography` and these files: `watermark/__init__.py`, this one, and `audit/__init__.py`, `merkle.py`,
`note.py`, `offline.py`, `proof.py`. ``KEY`` is a verifier key or a file that holds it; get both from somewhere other
than whoever gave you the report.

A report file is JSON with three members: ``report``, what is said; ``signature``, a signed note (c2sp.org/signed-note)
over the SHA-256 of the report's canonical form; ``log_proof``, the proof that the log holds an entry which commits to
that same SHA-256, or null where the report was fetched before the log had placed it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.note import LogKeys, NoteError, Signer, Verifier, open_note
from audit.offline import Fault, VerifyError, verify_proof

FORMAT = "assent-verification-report/1"
EVENT = "verification.queried"
MAX_REPORT_BYTES = 1024 * 1024


class ReportError(ValueError):
    """What is presented is no report at all; the sentence says why."""


def canonical(report: Any) -> bytes:
    """The bytes that are hashed and signed: RFC 8785's form, for text, whole numbers, lists and tables with ASCII
    keys, which is all that a report holds. Raises `ReportError` for anything else."""
    _check(report, 0)
    try:
        data = json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, TypeError, UnicodeError) as error:
        raise ReportError("it has no canonical form") from error
    if len(data) > MAX_REPORT_BYTES:
        raise ReportError("it is too long for a report")
    return data


def sha256_of(report: Any) -> str:
    """SHA-256 of the canonical form, hexadecimal."""
    return hashlib.sha256(canonical(report)).hexdigest()


def note_text(report: Any) -> str:
    """The text that the signature is over."""
    return f"{FORMAT}\n{sha256_of(report)}\n"


def sign(report: dict[str, Any], signer: Signer) -> str:
    """The signed note for ``report``."""
    return signer.sign(note_text(report))


@dataclass(frozen=True)
class Check:
    """What can be said of a report. ``faults``: codes, none when it holds. ``logged``: the log's proof holds; None
    where there is none to check, or no key to check it with."""

    report: dict[str, Any]
    faults: tuple[str, ...]
    logged: bool | None

    @property
    def valid(self) -> bool:
        return not self.faults


def check(envelope: Any, *, verifier: Verifier, log_verifier: LogKeys | None) -> Check:
    """Check a report file, read from JSON. Raises `ReportError` for what is no report file.

    Faults: ``signature_invalid`` (not signed by this key), ``report_altered`` (signed, but as another text),
    ``proof_invalid`` (the log's proof does not hold), ``proof_of_another`` (it holds, for something else).
    """
    if not isinstance(envelope, dict) or not isinstance(envelope.get("report"), dict):
        raise ReportError("it is not a report of this kind")
    report, signature, proof = envelope["report"], envelope.get("signature"), envelope.get("log_proof")
    if report.get("format") != FORMAT:
        raise ReportError("it is not a report of this kind")
    if not isinstance(signature, str) or not isinstance(proof, str | None):
        raise ReportError("its signature or its proof is missing")
    expected = note_text(report)
    faults: list[str] = []
    try:
        text, _ = open_note(signature, [verifier])
        if text != expected:
            faults.append("report_altered")
    except NoteError:
        faults.append("signature_invalid")
    logged: bool | None = None
    if proof and log_verifier is not None:
        fault = _proof_fault(report, proof, log_verifier)
        logged = fault is None
        faults += [fault] if fault else []
    return Check(report, tuple(faults), logged)


def _proof_fault(report: dict[str, Any], proof: str, verifier: LogKeys) -> str | None:
    try:
        _, entry = verify_proof(proof, verifier)
    except VerifyError:
        return "proof_invalid"
    return None if commits_to(entry, report) else "proof_of_another"


def commits_to(entry: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether a log entry is that of the query which ``report`` answers, and commits to its bytes."""
    data = entry.get("data")
    return (
        entry.get("event") == EVENT
        and entry.get("subject") == f"verification:{report.get('id')}"
        and isinstance(data, dict)
        and data.get("report_sha256") == sha256_of(report)
    )


def _check(value: Any, depth: int) -> None:
    if depth > 16:
        raise ReportError("it is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ReportError("a name in it is not ASCII")
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) >= 1 << 53):
        raise ReportError("a number in it is not a whole number of usual size")
    elif value is not None and not isinstance(value, str | int):
        raise ReportError("it holds something that is no JSON")


# ------------------------------------------------------------------ command line
FAULTS = {
    "signature_invalid": (Fault.SIGNATURE, "the signature is not by this key, or not over any report"),
    "report_altered": (Fault.OUTPUT, "the report was changed after it was signed"),
    "proof_invalid": (Fault.INCLUSION, "the log's proof does not hold under this key"),
    "proof_of_another": (Fault.OUTPUT, "the log's proof is of another report"),
}


def _read_key(text: str) -> Verifier:
    path = Path(text)
    try:
        return Verifier.from_vkey(path.read_text(encoding="utf-8") if path.is_file() else text)
    except (OSError, ValueError) as error:
        raise ReportError(f"the key: {error}") from None


def _verify(options: argparse.Namespace) -> tuple[int, str]:
    try:
        envelope = json.loads(options.report.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"{options.report} cannot be read: {error}") from None
    log_verifier = _read_key(options.log_vkey) if options.log_vkey else None
    result = check(envelope, verifier=_read_key(options.vkey), log_verifier=log_verifier)
    if result.faults:
        fault, sentence = FAULTS[result.faults[0]]
        return int(fault), f"FAILED: {sentence}"
    report = result.report
    if options.file is not None:
        with options.file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != report["file"]["sha256"]:
            return int(Fault.OUTPUT), "FAILED: the report is about another file"
    logged = {
        True: "The log holds it.",
        False: "",
        None: "Whether the log holds it was not checked.",
    }[result.logged]
    when, sentence = report["answered_at"], report["sentence"]["en"]
    return 0, f"OK: {report['verdict']}, answered {when}\n{sentence}\n{logged}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0, or the number of what is wrong (see `audit.offline.Fault`)."""
    parser = argparse.ArgumentParser(
        prog="python -m watermark.reports", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("report", type=Path)
    parser.add_argument(
        "--vkey", required=True, help="the service's key for reports, or a file that holds it"
    )
    parser.add_argument("--log-vkey", help="the log's key: checks the proof too")
    parser.add_argument("--file", type=Path, help="the audio file that the report should be about")
    options = parser.parse_args(arguments)
    try:
        code, message = _verify(options)
    except (ReportError, OSError) as error:
        code, message = int(Fault.FORMAT), f"FAILED: {error}"
    (sys.stderr if code else sys.stdout).write(message + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
