"""One supervisor per data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from synth.local.errors import LocalError


class DataLock:
    """An exclusive ``flock`` on ``<data>/up.lock``; the kernel drops it when the holder dies, however."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "up.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; LocalError names the holder's process id and address when it is taken."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise already_running(self.path.parent) from None
        self._descriptor = descriptor
        self.describe("")

    @property
    def held(self) -> bool:
        """Whether this process holds the lock."""
        return self._descriptor is not None

    def describe(self, address: str) -> None:
        """Write who holds the lock and where it answers, for the message above and for ``make down``."""
        if self._descriptor is None:
            raise LocalError("Only the holder of the lock may describe itself in it.")
        text = f"{os.getpid()}\n{address}\n".encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def already_running(data_dir: Path) -> LocalError:
    """The refusal of a second start, with the holder's process id and address."""
    pid, address = holder(data_dir)
    where = f", {address}" if address else ""
    return LocalError(f"Already running on {data_dir}: pid {pid or 'unknown'}{where}.")


def holder(data_dir: Path) -> tuple[int | None, str]:
    """(process id, address) written by the last holder; (None, "") when nobody wrote any."""
    try:
        pid, _, address = (data_dir / "up.lock").read_text().strip().partition("\n")
        return int(pid), address.strip()
    except (OSError, ValueError):
        return None, ""


def is_held(data_dir: Path) -> bool:
    """Whether some process holds the lock now."""
    try:
        descriptor = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
