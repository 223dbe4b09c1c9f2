"""The secrets of an installation, made once, never overwritten, and never made anew in silence.

Each file holds 32 random bytes as 64 hexadecimal digits and a newline, mode 0600, in a folder of mode 0700.
Losing ``mark-master.key`` means that marks already made can no longer be read; losing ``log-signing.key``
means that the audit log cannot be continued under the same identity. Both belong into a backup.

The data folder remembers which keys were made for it (``keys.json``: names, and a one-way check value of the
one key that is never replaced). A key that is missing beside data made with it stops the start.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from synth.local.errors import LocalError

KEY_BYTES = 32
MARK_KEY = "mark-master.key"
CREDENTIALS_KEY = "credentials-signing.key"
KNOWN_FILE = "keys.json"
_REPLACED = "replaced"
RESTORING = "restore-unfinished"

#: file name -> what it protects (shown at the first run and by ``manage.py doctor``)
KEY_PURPOSES = {
    MARK_KEY: "reads and writes the inaudible mark; without it, marks already made cannot be read",
    "log-signing.key": "signs the audit log's checkpoints",
    "receipt-signing.key": "signs consent receipts and verification reports",
    "django-secret.key": "protects sessions and one-time links; a new one only signs everybody out",
    CREDENTIALS_KEY: "signs the Content Credentials (C2PA) on released files",
}

#: the keys of the first releases, which kept no list of what they had made
FIRST_KEYS = frozenset(KEY_PURPOSES) - {CREDENTIALS_KEY}

#: file name -> what a new key in its place would cost
KEY_LOSSES = {
    MARK_KEY: "Without it no file released until now can be recognised any more.",
    "log-signing.key": "Without it the audit log cannot be continued under its identity.",
    "receipt-signing.key": "Without it receipts and reports signed until now cannot be verified here.",
    "django-secret.key": "Without it everybody is signed out and open one-time links end.",
    CREDENTIALS_KEY: "Without it files signed from now on have another signer than those before.",
}


@dataclass(frozen=True)
class KeyFile:
    """One key on disk. ``created`` is true when this call made it."""

    name: str
    path: Path
    purpose: str
    created: bool


def ensure_keys(
    directory: Path,
    data_dir: Path,
    *,
    replace: str | None = None,
    database: Mapping[str, str] | None = None,
) -> list[KeyFile]:
    """The keys in ``directory``, made where this is the first run on ``data_dir``, or of a release that adds one.

    An existing key is never changed. Raises LocalError with one sentence, and makes nothing, when a key is
    missing beside data that was made with it, is damaged, is another one than ``data_dir`` was begun with, or
    can be read or written by others. ``replace`` names one key whose loss the operator accepts; ``database`` is
    what a database outside the data folder knows of them (`synth.local.known`).
    """
    if restoring_mark(data_dir).exists():
        raise LocalError(f"A restore into {data_dir} was not finished; empty the folder and restore again.")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = _known(data_dir)
    elsewhere = dict(database or {})
    made = known.keys() or (FIRST_KEYS if elsewhere or holds_data(data_dir) else frozenset[str]())
    given_up = replaced(data_dir) | (
        {known.get(replace, ""), elsewhere.get(replace, "")} if replace else set()
    )
    for name, value in elsewhere.items():
        if value not in given_up:
            known[name] = value
    for name in KEY_PURPOSES:
        begun = name in made and name != replace
        _require_sound(directory / name, known=known, data_dir=data_dir if begun else None)
    files = []
    for name, purpose in KEY_PURPOSES.items():
        path = directory / name
        files.append(KeyFile(name=name, path=path, purpose=purpose, created=_create(path)))
    checks = {name: check_value(directory / name) for name in KEY_PURPOSES}
    _remember(
        data_dir, checks | ({_REPLACED: " ".join(sorted(filter(None, given_up)))} if any(given_up) else {})
    )
    return files


def retire_certificates(data_dir: Path, replaced: str) -> None:
    """Put the certificates of a replaced credentials key aside: they stay known, new ones are made for the new key."""
    path = data_dir / "credentials" / "certificates.pem"
    if replaced == CREDENTIALS_KEY and path.exists():
        path.rename(path.with_name(f"certificates-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.pem"))


def replaced(data_dir: Path) -> set[str]:
    """Check values of keys whose loss an operator has accepted."""
    return set(_known(data_dir).get(_REPLACED, "").split())


def restoring_mark(data_dir: Path) -> Path:
    """An empty file that stands in the data folder until a restore into it is complete."""
    return data_dir / RESTORING


def holds_data(data_dir: Path) -> bool:
    """Whether anything lies in ``data_dir`` that was made with keys: a database, recordings, a log."""
    if any(data_dir.glob("pg*/PG_VERSION")) or (data_dir / "log" / "checkpoint").exists():
        return True
    media = data_dir / "media"
    return media.is_dir() and any(path.is_file() for path in media.rglob("*"))


def _require_sound(path: Path, *, known: dict[str, str], data_dir: Path | None) -> None:
    """LocalError unless the key at ``path`` may be used; a missing one may, where ``data_dir`` is None."""
    loss = KEY_LOSSES[path.name]
    if not path.exists():
        if data_dir is not None:
            raise LocalError(
                f"{path} is missing, but {data_dir} or its database holds data that was made with it. {loss} "
                "Restore it from your backup. Only if it is lost for good: "
                f"`manage.py keys --replace {path.name}` makes a new one."
            )
        return
    trouble = key_file_trouble(path)
    if trouble:
        raise LocalError(trouble)
    read_key(path)
    expected = known.get(path.name)
    if data_dir is not None and expected and expected != check_value(path):
        raise LocalError(
            f"{path} is not the key that the data in {data_dir} or in its database was made with. {loss} "
            "Restore the right one from your backup."
        )


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


def key_file_trouble(path: Path, own_uid: Callable[[], int] = os.geteuid) -> str | None:
    """A sentence when somebody else can read or change the key file, else None.

    Accepted: our own file with mode 0600 or less, and root's file that our group may read (a mounted secret).
    """
    status = path.stat()
    mode = status.st_mode & 0o777
    if status.st_uid not in (0, own_uid()):
        return (
            f"{path} belongs to user {status.st_uid}, who could replace it; give it to user {own_uid()} "
            f"(chown {own_uid()} {path})."
        )
    mounted = status.st_uid == 0 and own_uid() != 0
    if mode & (0o037 if mounted else 0o077):
        return f"{path} has mode 0{mode:o}, open to other users of this machine; close it: chmod 600 {path}"
    return None


def _known(data_dir: Path) -> dict[str, str]:
    """Name -> check value ("" where there is none) of the keys that ``data_dir`` was begun with."""
    try:
        known = json.loads((data_dir / KNOWN_FILE).read_text(encoding="ascii"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LocalError(
            f"{data_dir / KNOWN_FILE} cannot be read ({error}); restore it from your backup."
        ) from None
    return {str(name): str(value) for name, value in known.items()} if isinstance(known, dict) else {}


def _remember(data_dir: Path, checks: dict[str, str]) -> None:
    path = data_dir / KNOWN_FILE
    text = json.dumps(checks, indent=1) + "\n"
    if path.exists() and path.read_text(encoding="ascii", errors="replace") == text:
        return
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(text, encoding="ascii")
    scratch.replace(path)


def check_value(path: Path) -> str:
    """One-way value by which a key is known again; "" for keys that have a way of their own to be replaced."""
    if path.name != MARK_KEY:
        return ""
    return hashlib.sha256(b"assent key check\0" + read_key(path)).hexdigest()[:16]


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
