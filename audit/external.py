"""The last signed checkpoint, kept outside the database.

A database restored from an older backup is consistent with itself; only something outside it can tell
that it lost entries. This file is that something. It is replaced by compare-and-swap, and is on disk
before the checkpoint is shown to anybody.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ExternalChanged(RuntimeError):
    """The file does not hold what the writer last knew: somebody else wrote it."""


class CheckpointFile:
    """One note in one file, with an empty lock file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str | None:
        """The note, or None where none was ever written."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def replace(self, *, expected: str | None, new: str) -> None:
        """Write ``new`` if the file still holds ``expected``; on return it is on disk.

        Raises `ExternalChanged` if the file holds anything else. Any OSError leaves it open whether the
        note was written: read again before going on.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path):
            if self.read() != expected:
                raise ExternalChanged(f"{self.path} was changed by somebody else")
            write_durably(self.path, new)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other writer of ``path`` waiting, by an empty lock file beside it."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_durably(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace ``path`` with ``text`` so that neither a crash nor a power cut leaves half of it."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
