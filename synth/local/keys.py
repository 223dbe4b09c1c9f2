"""The four secrets of an installation, made once and never overwritten.

Each file holds 32 random bytes as 64 hexadecimal digits and a newline, mode 0600, in a folder of mode 0700.
Losing ``mark-master.key`` means that marks already made can no longer be read; losing ``log-signing.key``
means that the audit log cannot be continued under the same identity. Both belong into a backup.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from synth.local.errors import LocalError

KEY_BYTES = 32

#: file name -> what it protects (shown at the first run and by ``manage.py doctor``)
KEY_PURPOSES = {
    "mark-master.key": "reads and writes the inaudible mark; without it, marks already made cannot be read",
    "log-signing.key": "signs the audit log's checkpoints",
    "receipt-signing.key": "signs consent receipts and verification reports",
    "django-secret.key": "protects sessions and one-time links; a new one only signs everybody out",
}


@dataclass(frozen=True)
class KeyFile:
    """One key on disk. ``created`` is true when this call made it."""

    name: str
    path: Path
    purpose: str
    created: bool


def ensure_keys(directory: Path) -> list[KeyFile]:
    """Make the keys that are missing in ``directory`` and return all four.

    An existing key is never changed. Raises LocalError when one exists but is not 64 hexadecimal digits,
    because silently replacing it would orphan every mark or signature made with it.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = []
    for name, purpose in KEY_PURPOSES.items():
        path = directory / name
        created = _create(path)
        if not created:
            read_key(path)
        files.append(KeyFile(name=name, path=path, purpose=purpose, created=created))
    return files


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file; LocalError when the file is not one."""
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise LocalError(f"{path} is not a key file (64 hexadecimal digits); restore it from your backup.")
    return key


def loose_permissions(path: Path) -> str | None:
    """The mode of a key file as text ("0644") when group or others can reach it, else None."""
    mode = path.stat().st_mode & 0o777
    return f"0{mode:o}" if mode & 0o077 else None


def _create(path: Path) -> bool:
    """Write a fresh key under a temporary name and link it into place, so that a key is whole or absent."""
    if path.exists():
        return False
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            handle.write(secrets.token_hex(KEY_BYTES) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(scratch, path)
        except FileExistsError:  # another process was quicker; its key counts
            return False
        return True
    finally:
        scratch.unlink()
