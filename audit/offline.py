"""Checks the log, or one output's proof, without Django, without a database, without trust in the operator.

    python -m audit.offline verify --dump EXPORT --vkey KEY [--since CHECKPOINT]
    python -m audit.offline verify-output FILE --proof PROOF --vkey KEY
    python -m audit.offline verify-proof --proof PROOF --vkey KEY
    python -m audit.offline verify-growth --since CHECKPOINT --proof GROWTH --vkey KEY

The last three take ``--witness VKEY`` (again for each) and ``--quorum N``: so many of these witnesses must have
cosigned the checkpoint.

Needs Python and `cryptography`. ``KEY`` is the log's verifier key or a file that holds it; get it from
somewhere other than the log. After the log changed its key, give every key, the oldest first: a file with one on
each line, or --vkey again. ``CHECKPOINT`` is a file with a checkpoint you kept earlier: only that shows
that nothing was cut off or rewritten since. Exit codes are the values of `Fault`.

A leaf is an entry's place in the tree, counted from 0 (RFC 6962). The number of an entry, which pages and the names
of proofs bear, is another: it counts from 1 and may have gaps.
"""

from __future__ import annotations

import argparse
import enum
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit import merkle
from audit.merkle import CompactRange
from audit.note import (
    Checkpoint,
    LogKeys,
    NoteError,
    Verifier,
    WitnessVerifier,
    decode_base64,
    log_keys,
    witnesses_of,
)
from audit.proof import Growth, Proof

EXPORT_FORMAT = "assent-log-export/1"
MAX_LINE_CHARS = 1 << 20
MAX_INTEGER = 2**53 - 1
_HASH = re.compile(r"[0-9a-f]{64}\Z")


class Fault(enum.IntEnum):
    """What is wrong; also the exit code."""

    FORMAT = 10  # the export, key or proof cannot be read
    CANONICAL = 11  # an entry is not canonical JSON
    LEAF = 12  # the bytes of an entry do not give its hash
    ORDER = 13  # a leaf is missing, repeated or out of place
    ROOT = 14  # leaves do not give the root of a checkpoint
    SIGNATURE = 15  # a checkpoint is not signed by the log's key
    HISTORY = 16  # the log does not continue a checkpoint kept elsewhere: cut off, rewritten or forked
    UNSIGNED = 17  # leaves after the last checkpoint, or no checkpoint at all
    TILE = 18  # a stored tile is wrong (database only)
    COLUMNS = 19  # a row contradicts its own body (database only)
    QUEUE = 20  # an entry is neither in the tree nor in the queue (database only)
    INCLUSION = 21  # the proof does not lead to the signed root
    OUTPUT = 22  # the file is not the one that the entry speaks of
    WITNESS = 23  # too few of the witnesses cosigned the checkpoint


class VerifyError(Exception):
    """The first fault found; ``leaf``, or in a database ``entry``, is the first it concerns, where it concerns one."""

    def __init__(
        self, fault: Fault, message: str, leaf: int | None = None, *, entry: int | None = None
    ) -> None:
        where = "".join(
            f" [{what} {number}]" for what, number in (("leaf", leaf), ("entry", entry)) if number is not None
        )
        super().__init__(f"{fault.name}{where}: {message}")
        self.fault = fault
        self.leaf = leaf
        self.entry = entry


def parse_body(body: bytes, leaf: int | None = None, *, entry: int | None = None) -> dict[str, Any]:
    """The entry in ``body``, which must be RFC 8785 JSON without fractions (as every entry is)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key is repeated")
        return dict(pairs)

    def refuse(text: str) -> Any:
        raise ValueError(f"{text} is not allowed")

    def exact(text: str) -> int:
        # RFC 8785 numbers are IEEE doubles: beyond 2^53 another reader would see another number.
        if abs(number := int(text)) > MAX_INTEGER:
            raise ValueError(f"{text} is larger than {MAX_INTEGER}")
        return number

    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=unique,
            parse_float=refuse,
            parse_constant=refuse,
            parse_int=exact,
        )
        # For ASCII keys and integers this is exactly the form that RFC 8785 prescribes.
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise VerifyError(Fault.CANONICAL, f"not canonical JSON: {error}", leaf, entry=entry) from None
    if not isinstance(value, dict) or canonical != body:
        raise VerifyError(Fault.CANONICAL, "not the canonical form of its content", leaf, entry=entry)
    return value


@dataclass
class LogVerifier:
    """Walks the log in order: every leaf, and every checkpoint right after the last leaf it covers."""

    keys: LogKeys
    since: Checkpoint | None = None
    tree: CompactRange = field(default_factory=CompactRange)
    bodies: int = 0
    checkpoints: int = 0
    signed_size: int = 0
    # The key that signs now, as a place in `keys`; None before the first checkpoint.
    signing: int | None = None

    def leaf(self, index: int, leaf_hash: bytes, body: bytes | None) -> None:
        """The next leaf; ``body`` is None where the export withholds it."""
        if index != self.tree.size:
            raise VerifyError(Fault.ORDER, f"leaf {index} stands where {self.tree.size} belongs", index)
        if len(leaf_hash) != merkle.HASH_BYTES:
            raise VerifyError(Fault.FORMAT, "a leaf hash is not 32 bytes long", index)
        if body is not None:
            if merkle.leaf_hash(body) != leaf_hash:
                raise VerifyError(Fault.LEAF, "the entry's bytes do not give its hash", index)
            parse_body(body, index)
            self.bodies += 1
        self.tree.append(leaf_hash)
        if self.since is not None and self.since.size == self.tree.size:
            self._check_since(self.since)

    def checkpoint(self, note: str) -> Checkpoint:
        """A checkpoint over exactly the leaves seen so far."""
        try:
            checkpoint, signed = Checkpoint.open_signed(note, self.keys)
            self._follow_key(signed)
        except NoteError as error:
            raise VerifyError(
                Fault.SIGNATURE, f"checkpoint after leaf {self.tree.size - 1}: {error}"
            ) from None
        if checkpoint.size != self.tree.size:
            raise VerifyError(
                Fault.ORDER,
                f"checkpoint {checkpoint.size} stands after {self.tree.size} leaves",
                self.tree.size,
            )
        if checkpoint.root != self.tree.root():
            raise VerifyError(
                Fault.ROOT,
                f"leaves {self.signed_size} to {self.tree.size - 1} do not give the root of"
                f" checkpoint {checkpoint.size}",
                self.signed_size,
            )
        self.checkpoints += 1
        self.signed_size = self.tree.size
        return checkpoint

    def _follow_key(self, signed: list[Verifier]) -> None:
        """One key signs until a checkpoint bears the next one's signature beside its own."""
        keys = log_keys(self.keys)
        places = {keys.index(verifier) for verifier in signed}
        if self.signing is None:
            self.signing = max(places)
        elif self.signing not in places:
            raise NoteError("it is signed by a key that does not sign at this place")
        elif self.signing + 1 in places:
            self.signing += 1

    def finish(self) -> None:
        """After the last line: everything must be signed, and reach as far as the kept checkpoint."""
        if self.since is not None and self.since.size > self.tree.size:
            raise VerifyError(
                Fault.HISTORY,
                f"the checkpoint you kept has {self.since.size} entries, the log only {self.tree.size}:"
                " entries were cut off",
                self.tree.size,
            )
        if self.signed_size != self.tree.size:
            raise VerifyError(Fault.UNSIGNED, "the last leaves are under no checkpoint", self.signed_size)

    def _check_since(self, since: Checkpoint) -> None:
        if self.tree.root() != since.root:
            raise VerifyError(
                Fault.HISTORY,
                f"the first {since.size} entries are not those of the checkpoint you kept: rewritten",
                0,
            )


def open_checkpoint(note: str, keys: LogKeys) -> Checkpoint:
    """A checkpoint kept by the caller; raises `VerifyError`."""
    try:
        return Checkpoint.open(note, keys)
    except NoteError as error:
        raise VerifyError(Fault.SIGNATURE, f"the checkpoint you kept: {error}") from None


def verify_export(lines: Iterable[str], keys: LogKeys, since: Checkpoint | None = None) -> LogVerifier:
    """Check an export line by line; raises `VerifyError` at the first fault."""
    walker = LogVerifier(keys, since)
    origin = log_keys(keys)[0].name
    ended = False
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if len(line) <= MAX_LINE_CHARS else None
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or ended:
            raise VerifyError(Fault.FORMAT, f"line {number} of the export is not one of its rows")
        if number == 1:
            if row.get("format") != EXPORT_FORMAT or row.get("origin") != origin:
                raise VerifyError(Fault.FORMAT, f"not an export ({EXPORT_FORMAT}) of {origin}")
        elif row.keys() == {"checkpoint"} and isinstance(row["checkpoint"], str):
            walker.checkpoint(row["checkpoint"])
        elif row.keys() == {"end"}:
            if row["end"] != walker.tree.size:
                raise VerifyError(Fault.ORDER, "the last line counts other leaves", walker.tree.size)
            ended = True
        else:
            walker.leaf(*_leaf_row(row, number))
    if not ended:
        raise VerifyError(Fault.FORMAT, "the export is cut off: its last line is missing", walker.tree.size)
    walker.finish()
    return walker


def _leaf_row(row: dict[str, Any], number: int) -> tuple[int, bytes, bytes | None]:
    index, leaf_hash, body = row.get("leaf"), row.get("hash"), row.get("body")
    if (
        type(index) is not int
        or not isinstance(leaf_hash, str)
        or not isinstance(body, str | None)
        or not row.keys() <= {"leaf", "hash", "body"}
        or not _HASH.match(leaf_hash)
    ):
        raise VerifyError(Fault.FORMAT, f"line {number} of the export is not one of its rows")
    try:
        return index, bytes.fromhex(leaf_hash), None if body is None else decode_base64(body)
    except NoteError:
        raise VerifyError(Fault.FORMAT, f"line {number} of the export cannot be decoded", index) from None


def verify_proof(proof_text: str, keys: LogKeys, body: bytes | None = None) -> tuple[Proof, dict[str, Any]]:
    """Check that an entry is in the signed log; the proof and the entry.

    The entry is the one inside the proof, or ``body``. Raises `VerifyError`.
    """
    try:
        proof = Proof.parse(proof_text, body)
    except NoteError as error:
        raise VerifyError(Fault.FORMAT, f"the proof: {error}") from None
    try:
        proof.verify(keys)
    except NoteError as error:
        raise VerifyError(Fault.SIGNATURE, f"the checkpoint of the proof: {error}") from None
    except merkle.ProofError as error:
        raise VerifyError(Fault.INCLUSION, str(error), proof.index) from None
    return proof, parse_body(proof.body, proof.index)


def verify_output(
    output_sha256: str, proof_text: str, keys: LogKeys, body: bytes | None = None
) -> tuple[Proof, dict[str, Any]]:
    """Check that a file with this SHA-256 (hexadecimal) was released under a logged entry.

    Returns the proof and the entry; raises `VerifyError`.
    """
    proof, entry = verify_proof(proof_text, keys, body)
    data = entry.get("data")
    if entry.get("event") != "synthesis.completed" or not isinstance(data, dict):
        raise VerifyError(
            Fault.OUTPUT, f"the entry is no release of an output: {entry.get('event')}", proof.index
        )
    if data.get("output_sha256") != output_sha256:
        raise VerifyError(Fault.OUTPUT, "the file is not the one released under this entry", proof.index)
    return proof, entry


def verify_growth(growth_text: str, kept: Checkpoint, keys: LogKeys) -> Checkpoint:
    """Check that the log goes on from a checkpoint that was kept; the newer checkpoint. Raises `VerifyError`."""
    try:
        growth = Growth.parse(growth_text)
    except NoteError as error:
        raise VerifyError(Fault.FORMAT, f"the proof: {error}") from None
    try:
        return growth.verify(kept, keys)
    except NoteError as error:
        raise VerifyError(Fault.SIGNATURE, f"the checkpoint of the proof: {error}") from None
    except merkle.ProofError as error:
        raise VerifyError(
            Fault.HISTORY, f"the log does not go on from the checkpoint you kept: {error}"
        ) from None


def _read_keys(texts: Sequence[str]) -> list[Verifier]:
    try:
        keys = []
        for text in texts:
            path = Path(text)
            if "\n" not in text and path.is_file():
                text = path.read_text(encoding="utf-8")
            keys += [Verifier.from_vkey(line) for line in text.splitlines() if line.strip()]
        return log_keys(keys)
    except (OSError, ValueError) as error:
        raise VerifyError(Fault.FORMAT, f"the verifier key: {error}") from None


def require_witnesses(note: str, witnesses: Sequence[WitnessVerifier], quorum: int) -> int:
    """How many of ``witnesses`` cosigned a checkpoint; `VerifyError` where that is fewer than ``quorum``."""
    try:
        signed = witnesses_of(note, witnesses)
    except NoteError as error:
        raise VerifyError(Fault.SIGNATURE, f"a cosignature of the checkpoint: {error}") from None
    if len(signed) < quorum:
        raise VerifyError(
            Fault.WITNESS,
            f"{len(signed)} of {len(witnesses)} witnesses cosigned the checkpoint, asked for {quorum}",
        )
    return len(signed)


def _witnessed(options: argparse.Namespace, note: str) -> str:
    """What is said of the witnesses that were asked for; "" where none were."""
    try:
        witnesses = [WitnessVerifier.from_vkey(vkey) for vkey in options.witness or ()]
    except NoteError as error:
        raise VerifyError(Fault.FORMAT, f"the key of a witness: {error}") from None
    quorum = len(witnesses) if options.quorum is None else options.quorum
    count = require_witnesses(note, witnesses, quorum)
    return f"\nCosigned by {count} of {len(witnesses)} witnesses." if witnesses else ""


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise VerifyError(Fault.FORMAT, f"{path}: {error}") from None


def _read_body(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as error:
        raise VerifyError(Fault.FORMAT, f"{path}: {error}") from None


def _verify(options: argparse.Namespace) -> str:
    keys = _read_keys(options.vkey)
    since = open_checkpoint(_read_text(options.since), keys) if options.since else None
    try:
        with options.dump.open(encoding="utf-8") as lines:
            walked = verify_export(lines, keys, since)
    except (OSError, UnicodeDecodeError) as error:
        raise VerifyError(Fault.FORMAT, f"{options.dump}: {error}") from None
    text = (
        f"OK: {walked.tree.size} entries ({walked.bodies} readable), {walked.checkpoints} checkpoints,"
        f" root {walked.tree.root().hex()}"
    )
    if since is None:
        text += "\nWithout --since a log that was cut off or rewritten and signed again looks the same."
    return text


def _verify_output(options: argparse.Namespace) -> str:
    keys = _read_keys(options.vkey)
    digest = hashlib.sha256()
    try:
        with options.file.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise VerifyError(Fault.FORMAT, f"{options.file}: {error}") from None
    proof, entry = verify_output(
        digest.hexdigest(), _read_text(options.proof), keys, _read_body(options.entry)
    )
    when, subject = entry.get("time"), entry.get("subject")
    witnessed = _witnessed(options, proof.checkpoint)
    return f"OK: released {when}, logged as leaf {proof.index} of {keys[0].name} ({subject}){witnessed}"


def _verify_proof(options: argparse.Namespace) -> str:
    keys = _read_keys(options.vkey)
    proof, entry = verify_proof(_read_text(options.proof), keys, _read_body(options.entry))
    witnessed = _witnessed(options, proof.checkpoint)
    shown = json.dumps(entry, indent=2, ensure_ascii=True)
    return f"OK: leaf {proof.index} of {keys[0].name} says\n{shown}{witnessed}"


def _verify_growth(options: argparse.Namespace) -> str:
    keys = _read_keys(options.vkey)
    kept = open_checkpoint(_read_text(options.since), keys)
    text = _read_text(options.proof)
    newer = verify_growth(text, kept, keys)
    witnessed = _witnessed(options, Growth.parse(text).checkpoint)
    return (
        f"OK: {newer.origin} grew from {kept.size} to {newer.size} entries, and begins with what you kept"
        f"{witnessed}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; the exit code is 0 or the value of a `Fault` (2 for wrong usage)."""
    parser = argparse.ArgumentParser(
        prog="python -m audit.offline", description=(__doc__ or "").split("\n")[0]
    )
    commands = parser.add_subparsers(required=True)
    verify = commands.add_parser("verify", help="check an export of the log")
    verify.add_argument("--dump", type=Path, required=True, help="file written by audit_export")
    verify.add_argument("--since", type=Path, help="a checkpoint kept earlier")
    verify.set_defaults(run=_verify)
    output = commands.add_parser("verify-output", help="check one audio file against its proof")
    output.add_argument("file", type=Path)
    output.add_argument("--proof", type=Path, required=True, help="the output's .tlog-proof file")
    output.set_defaults(run=_verify_output)
    entry = commands.add_parser("verify-proof", help="check the proof of any entry, and show the entry")
    entry.add_argument("--proof", type=Path, required=True, help="the entry's .tlog-proof file")
    entry.set_defaults(run=_verify_proof)
    for command in (output, entry):
        command.add_argument(
            "--entry",
            type=Path,
            help="the entry's own bytes, for a proof that does not carry them (no line extra)",
        )
    growth = commands.add_parser("verify-growth", help="check that the log goes on from a kept checkpoint")
    growth.add_argument("--since", type=Path, required=True, help="the checkpoint kept earlier")
    growth.add_argument("--proof", type=Path, required=True, help="the answer of /audit/growth/SIZE")
    growth.set_defaults(run=_verify_growth)
    for command in (output, entry, growth):
        command.add_argument("--witness", action="append", help="a witness's verifier key; again for each")
        command.add_argument("--quorum", type=int, help="how many of them must have signed (all of them)")
    for command in (verify, output, entry, growth):
        command.add_argument(
            "--vkey",
            required=True,
            action="append",
            help="the log's verifier key, or a file that holds it; every key, the oldest first",
        )
    options = parser.parse_args(arguments)
    try:
        message = options.run(options)
    except VerifyError as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return int(error.fault)
    sys.stdout.write(message + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
