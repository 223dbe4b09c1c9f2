"""The log watches itself: sampled at every start of the sequencer, whole every night; the result is kept.

What contradicts itself (an edited body, a leaf that moved, another root than the copy's) is never signed over: the
result stands in a file outside the database, and as long as it says so the log does not go on. What is only
unprotected or left behind (a trigger that was dropped, an entry that was never queued) is told; `guards.mend` puts it
back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connections, transaction

from audit import continuity, guards, keys, merkle, services, verification
from audit.actors import SYSTEM
from audit.external import write_durably
from audit.offline import Fault, VerifyError, open_checkpoint

SAMPLE = 2000


@dataclass(frozen=True)
class Result:
    """Of the last complete check. ``fault`` is the first contradiction, or empty; ``warnings`` what is to be mended."""

    at: datetime
    size: int
    root: str
    fault: str
    warnings: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.fault and not self.warnings

    @property
    def sentences(self) -> list[str]:
        return [*([self.fault] if self.fault else []), *self.warnings]


def check_all(using: str = "default") -> Result:
    """Every body, leaf, tile, checkpoint, signature, column and guard; the result is kept for `last`.

    A contradiction interrupts the log until a later check finds none. Raises `synth.errors.Unavailable` where no key
    is known.
    """
    verifiers = keys.verifiers()
    size, root, fault = 0, merkle.EMPTY_ROOT, ""
    try:
        note = keys.checkpoint_file().read()
        external = open_checkpoint(note, verifiers) if note is not None else None
        walked = verification.verify_database(verifiers, external=external, using=using)
        size, root = walked.tree.size, walked.tree.root()
    except VerifyError as error:
        fault = str(error)
    warnings = [*guards.missing(using), *guards.left_behind(using), *_times(using)]
    result = Result(datetime.now(UTC), size, root.hex(), fault, tuple(warnings))
    # first of all: what follows may fail in a database that somebody has changed
    if fault:
        continuity.leave_fault(fault)
    else:
        continuity.clear_fault()
    _keep(result)
    _record(result)
    return result


def check_sample(using: str, count: int = SAMPLE) -> None:
    """The newest entries and as many others by chance, bodies against leaves. Raises `VerifyError`."""
    with connections[using].cursor() as cursor:
        cursor.execute('SELECT coalesce(max("index") + 1, 0) FROM audit_leaf')
        size = cursor.fetchone()[0]
        # One set of places, of which a small tree has none that is left out: bodies are looked up, not all read.
        cursor.execute(
            'SELECT l."index", l.leaf_hash, e.body FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry_id'
            ' WHERE l."index" IN (SELECT generate_series(%s::bigint, %s)'
            " UNION SELECT (random() * %s)::bigint FROM generate_series(1, %s))",
            [size - count, size - 1, size, count],
        )
        for index, leaf_hash, body in cursor.fetchall():
            if merkle.leaf_hash(bytes(body)) != bytes(leaf_hash):
                raise VerifyError(Fault.LEAF, "the entry's bytes do not give its hash", index)


def last() -> Result | None:
    """The last complete check; None before the first."""
    try:
        kept = json.loads(_path().read_text(encoding="utf-8"))
        kept["at"] = datetime.fromisoformat(kept["at"])
        return Result(**{**kept, "warnings": tuple(kept["warnings"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _times(using: str) -> list[str]:
    """Checkpoints whose times do not go forward: a changed row, or a clock that was set back."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT min(size) FROM (SELECT size, created_at, max(created_at) OVER"
            " (ORDER BY size ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM audit_checkpoint) AS c"
            " WHERE created_at < before - interval '5 seconds'"
        )
        size = cursor.fetchone()[0]
    return [f"checkpoint {size} is older than one before it"] if size is not None else []


def _record(result: Result) -> None:
    """That the log was looked at, and with what outcome, stands in the log itself."""
    outcome = "contradiction" if result.fault else "unprotected" if result.warnings else "whole"
    with transaction.atomic():
        services.record(
            event="log.checked",
            actor=SYSTEM,
            data={
                "size": result.size,
                "root_sha256": result.root,
                "code": outcome,
                "count": len(result.sentences),
            },
        )


def _keep(result: Result) -> None:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps({**asdict(result), "at": result.at.isoformat()}) + "\n")


def _path() -> Path:
    return keys.log_folder() / "checked.json"
