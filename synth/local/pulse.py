"""Signs of life: each process touches a file in the data folder; a container's health check looks at its age.

A worker touches it only after a message went through the broker and back to itself, the clock only after it has
queued something, the sequencer only after the database answered: a process that lives and reaches nobody is not well.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

EVERY_S = 10.0
STALE_AFTER_S = 60.0
FOLDER = "pulse"
_KEPT_S = 24 * 3600.0


def touch(data_dir: Path, process: str) -> None:
    """This machine's ``process`` is well now."""
    path = _path(data_dir, process)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch()
    os.utime(path)


def age_s(data_dir: Path, process: str) -> float | None:
    """Seconds since this machine's ``process`` was last well; None where it never was."""
    try:
        return max(0.0, time.time() - _path(data_dir, process).stat().st_mtime)
    except FileNotFoundError:
        return None


def ages_s(data_dir: Path) -> dict[str, float]:
    """``process@machine`` -> seconds since it was last well; what was silent for a day is forgotten."""
    now = time.time()
    found = {}
    for path in sorted((data_dir / FOLDER).glob("*@*")):
        try:
            age = now - path.stat().st_mtime
        except FileNotFoundError:
            continue
        if age > _KEPT_S:
            path.unlink(missing_ok=True)
        else:
            found[path.name] = max(0.0, age)
    return found


def _path(data_dir: Path, process: str) -> Path:
    return data_dir / FOLDER / f"{process}@{socket.gethostname()}"
