"""A short private folder for Unix sockets (a socket's path may have 107 bytes on Linux, 103 on macOS)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from synth.local.errors import LocalError
from synth.local.process import ServerUser

SOCKET_PATH_BYTES = 103
SHARED_TMP = Path("/tmp")  # noqa: S108 - the folder made there is checked to be ours
_LONGEST_NAME = "/pg/.s.PGSQL.5432.lock"


def socket_dir(data_dir: Path, user: ServerUser | None) -> Path:
    """Make and return the socket folder of a data folder; the same one each time.

    Only its owner may enter (0700). Under root the database runs as another user, who must pass through: then
    it is 0711, and the database's own folder below it is closed.
    """
    name = f"assent-{os.geteuid()}-{hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:10]}"
    for parent in _parents(user):
        folder = parent / name
        if len(os.fsencode(folder)) + len(_LONGEST_NAME) <= SOCKET_PATH_BYTES and os.access(
            parent, os.W_OK | os.X_OK
        ):
            break
    else:
        raise LocalError("No folder for sockets: /tmp must exist and be writable.")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise LocalError(f"{folder} belongs to somebody else; remove it and start again.")
    folder.chmod(0o711 if user else 0o700)
    return folder


def private_subdir(folder: Path, name: str, user: ServerUser | None) -> Path:
    """A 0700 folder below ``folder`` that belongs to ``user``."""
    path = folder / name
    path.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    path.chmod(0o700)
    return path


def _parents(user: ServerUser | None) -> list[Path]:
    if user is not None:  # must be open to the other user; a private TMPDIR of root's may not be
        return [SHARED_TMP]
    private = os.environ.get("XDG_RUNTIME_DIR")
    return [*([Path(private)] if private else []), Path(tempfile.gettempdir()), SHARED_TMP]
