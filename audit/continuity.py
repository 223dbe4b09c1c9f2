"""Whether the log goes on: asked before anything is made that could not be logged.

Three witnesses, all outside the database: the newest checkpoint's copy (`audit.external`), which is never ahead
of a database that lost nothing; the sentence that a sequencer leaves when it refuses to sign; and the one that a
complete check leaves when the log contradicts itself (`audit.watch`).
"""

from __future__ import annotations

from pathlib import Path

from django.db import DEFAULT_DB_ALIAS

from audit import keys
from audit.external import write_durably
from audit.models import Checkpoint as CheckpointRow
from audit.note import Checkpoint, NoteError
from synth.errors import Unavailable


def interruption(using: str = DEFAULT_DB_ALIAS) -> str | None:
    """A sentence that says why the log cannot be signed on now; None where nothing speaks against it.

    One small file and one indexed row are read, so that every request for speech can ask.
    """
    return fault() or _read(_refusal_path()) or _behind(using)


def require(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raises Unavailable ``log_interrupted`` while the log cannot be signed on."""
    sentence = interruption(using)
    if sentence:
        raise Unavailable(
            "log_interrupted",
            f"Nothing is spoken while the log cannot go on: {sentence}.",
            retry_after_s=60,
        )


def leave_refusal(sentence: str) -> None:
    """Keep why the sequencer refuses, where every process finds it."""
    path = _refusal_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, sentence + "\n")


def clear_refusal() -> None:
    """The sequencer signs again."""
    _refusal_path().unlink(missing_ok=True)


def fault() -> str | None:
    """What the last complete check found to contradict itself; nothing is signed over it."""
    found = _read(_fault_path())
    return f"the stored log does not verify: {found}" if found else None


def leave_fault(sentence: str) -> None:
    """Keep what a complete check found."""
    path = _fault_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, sentence + "\n")


def clear_fault() -> None:
    """A complete check found the log whole."""
    _fault_path().unlink(missing_ok=True)


def _refusal_path() -> Path:
    return keys.log_folder() / "refused"


def _fault_path() -> Path:
    return keys.log_folder() / "fault"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def _behind(using: str) -> str | None:
    # The copy is read first: the database may only have moved on since.
    note = keys.checkpoint_file().read()
    if note is None:
        return None
    newest = CheckpointRow.objects.using(using).order_by("-size").values_list("size", "root").first()
    size, root = newest or (0, b"")
    try:
        outside = Checkpoint.open(note, keys.verifier())
    except NoteError as error:
        return f"{keys.checkpoint_file().path} is not a checkpoint of this log: {error}"
    if outside.size > size:
        return behind_sentence(outside.size, size)
    if outside.size == size and outside.root != bytes(root):
        return f"the {size} entries in the database are not those of the checkpoint kept outside it"
    return None


def behind_sentence(outside: int, inside: int) -> str:
    """What a database that lost entries looks like; sizes in entries."""
    return (
        f"the checkpoint kept outside the database has {outside} entries, the database only {inside}: it was "
        "restored from an older backup, and signing on would fork the log (manage.py audit recover tells the ways on)"
    )
