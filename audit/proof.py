"""The proofs that the log gives out, each as one text file.

`Proof`: that one entry stands in the log (c2sp.org/tlog-proof). `Growth`: that the log of today begins with the log
of an earlier checkpoint, in the form in which witnesses are asked for their signature (c2sp.org/tlog-witness).

The entry's own bytes travel in the ``extra`` line. They need no trust: their hash is the leaf that the
path leads from. Pure, like `audit.merkle` and `audit.note`.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit import merkle
from audit.note import Checkpoint, LogKeys, NoteError, decode_base64, encode_base64, parse_number

HEADER = "c2sp.org/tlog-proof@v1"
MEDIA_TYPE = "text/plain; charset=utf-8"
MAX_PROOF_BYTES = 1 << 18


@dataclass(frozen=True)
class Proof:
    """Entry ``body``, its leaf ``index``, the path to the root, and the signed checkpoint (a note)."""

    body: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def as_text(self) -> str:
        """The file to hand out (``.tlog-proof``)."""
        lines = [HEADER, f"extra {encode_base64(self.body)}", f"index {self.index}"]
        lines += [encode_base64(item) for item in self.path]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str, body: bytes | None = None) -> Proof:
        """Read `as_text`'s form; raises `NoteError`. Nothing is verified yet.

        The line ``extra`` is optional (c2sp.org/tlog-proof): without it the entry comes apart, as ``body``, which
        also stands in place of one that is there.
        """
        if len(text) > MAX_PROOF_BYTES:
            raise NoteError("the proof is too large")
        head, separator, checkpoint = text.partition("\n\n")
        if not separator:
            raise NoteError("the proof has no checkpoint")
        lines = head.split("\n")
        if lines.pop(0) != HEADER:
            raise NoteError(f"the first line of a proof is {HEADER}")
        if lines and lines[0].startswith("extra "):
            carried = decode_base64(lines.pop(0).removeprefix("extra "))
            body = carried if body is None else body
        if body is None:
            raise NoteError("the proof does not carry the entry (no line extra), and none was given apart")
        if not lines or not lines[0].startswith("index "):
            raise NoteError("the proof has no line index")
        index = parse_number(lines.pop(0).removeprefix("index "))
        if len(lines) > 63:
            raise NoteError("the path of the proof is too long")
        path = tuple(decode_base64(line) for line in lines)
        return cls(body, index, path, checkpoint)

    def verify(self, keys: LogKeys) -> Checkpoint:
        """The checkpoint that commits to this entry; raises `NoteError` or `merkle.ProofError`."""
        checkpoint = Checkpoint.open(self.checkpoint, keys)
        merkle.verify_inclusion(
            leaf=merkle.leaf_hash(self.body),
            index=self.index,
            size=checkpoint.size,
            proof=list(self.path),
            root=checkpoint.root,
        )
        return checkpoint


@dataclass(frozen=True)
class Growth:
    """That the tree under ``checkpoint`` (a note) begins with the tree of the first ``old_size`` leaves."""

    old_size: int
    path: tuple[bytes, ...]
    checkpoint: str

    def as_text(self) -> str:
        lines = [f"old {self.old_size}", *(encode_base64(item) for item in self.path)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> Growth:
        """Read `as_text`'s form; raises `NoteError`. Nothing is verified yet."""
        if len(text) > MAX_PROOF_BYTES:
            raise NoteError("the proof is too large")
        head, separator, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not separator or not first.startswith("old "):
            raise NoteError("a proof of growth begins with a line old, and ends with a checkpoint")
        if len(lines) > 63:
            raise NoteError("the path of the proof is too long")
        old_size = parse_number(first.removeprefix("old "))
        return cls(old_size, tuple(decode_base64(line) for line in lines), checkpoint)

    def verify(self, kept: Checkpoint, keys: LogKeys) -> Checkpoint:
        """The newer checkpoint, which continues ``kept``; raises `NoteError` or `merkle.ProofError`."""
        checkpoint = Checkpoint.open(self.checkpoint, keys)
        if kept.origin != checkpoint.origin:
            raise NoteError(
                f"the checkpoint you kept is of {kept.origin!r}, this one of {checkpoint.origin!r}"
            )
        if kept.size != self.old_size:
            raise NoteError(f"the proof begins at {self.old_size}, the checkpoint you kept at {kept.size}")
        merkle.verify_consistency(
            old_size=kept.size,
            old_root=kept.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=list(self.path),
        )
        return checkpoint
