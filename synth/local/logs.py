"""Log files of the processes that we start: appended to, and one old file kept."""

from __future__ import annotations

from pathlib import Path
from typing import IO

LOG_BYTES = 5_000_000


def open_log(path: Path) -> IO[bytes]:
    """Open for appending; a file past 5 MB is renamed to ``.1`` first."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


class LogFile:
    """A log that is written by us and turned over while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_log(path)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()
        if self._file.tell() > LOG_BYTES:
            self._file.close()
            self._file = open_log(self._path)

    def close(self) -> None:
        self._file.close()


def tail(path: Path, *, since: int = 0, characters: int = 800) -> str:
    """The end of what has been written after byte ``since``."""
    try:
        with path.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")[-characters:].strip()
    except OSError:
        return ""
