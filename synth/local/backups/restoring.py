"""An installation from a backup: into an empty data folder and an empty database, whole or not at all."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from synth.local import keys, lock, paths
from synth.local.backups import dump, taking
from synth.local.backups import manifest as lists
from synth.local.backups.manifest import DUMP, Manifest
from synth.local.errors import LocalError
from synth.local.services import LocalServices, prepare_data_dir


def find(folder: Path) -> Path:
    """``folder`` itself, or the newest backup in it."""
    if (folder / lists.MANIFEST).is_file():
        return folder
    inside = lists.backups(folder) if folder.is_dir() else []
    if not inside:
        raise LocalError(f"There is no backup in {folder}.")
    return inside[-1]


def restore(folder: Path, *, passphrase: str | None, say: Callable[[str], None]) -> None:
    """Make the installation of this environment (data folder, keys folder, database) from ``folder``.

    Everything is checked before the first byte is written. Raises LocalError.
    """
    manifest = Manifest.read(folder)
    if not manifest.has_keys and not any(paths.keys_dir().glob("*.key")):
        raise LocalError(f"{folder} holds no keys; put them into {paths.keys_dir()} first.")
    if manifest.has_keys and passphrase is None:
        raise LocalError("This backup holds keys; set ASSENT_BACKUP_PASSPHRASE to its passphrase.")
    say(f"Checking {folder} ({manifest.total_bytes / 1e6:.0f} MB)")
    taking.check(folder, passphrase=None)
    opened = taking.open_keys(folder, passphrase) if manifest.has_keys and passphrase is not None else {}
    _require_empty(folder, has_keys=bool(opened))

    data_dir = paths.data_dir()
    prepare_data_dir(data_dir)
    keys.restoring_mark(data_dir).touch()
    say(f"Writing {data_dir}")
    for source, target in _files(folder):
        if not target.exists():  # else it is the same, as was just seen
            with source.open("rb") as reading, lists.private_file(target) as writing:
                shutil.copyfileobj(reading, writing)
    for name, content in opened.items():
        with lists.private_file(paths.keys_dir() / name) as file:
            file.write(content)
    services = LocalServices(
        data_dir, postgres=not os.environ.get("DATABASE_URL"), valkey=not os.environ.get("REDIS_URL")
    )
    try:
        environment = {**os.environ, **services.start().environment(), "ASSENT_DATA_DIR": str(data_dir)}
        _database(folder, manifest, environment, say)
    finally:
        services.stop()
    keys.restoring_mark(data_dir).unlink()
    say(
        f"Restored what was there at {manifest.taken_at}. What came later is not known here: keep the old "
        "installation, if it still runs, stopped, or its log and this one will fork."
    )


def _require_empty(folder: Path, *, has_keys: bool) -> None:
    data_dir, keys_dir = paths.data_dir(), paths.keys_dir()
    if lock.is_held(data_dir):
        raise lock.already_running(data_dir)
    if keys.holds_data(data_dir) or keys.restoring_mark(data_dir).exists():
        raise LocalError(f"{data_dir} is not empty; move it aside, or set ASSENT_DATA_DIR to another folder.")
    if has_keys and any(keys_dir.glob("*.key")):
        raise LocalError(f"{keys_dir} already holds keys; move them aside. Nothing was written.")
    for source, target in _files(folder):  # a folder of models may be shared
        if target.exists() and not filecmp.cmp(source, target, shallow=False):
            raise LocalError(f"{target} is another file already; move it aside. Nothing was written.")
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ.get("DATABASE_URL")
    if url:
        connection = dump.connection_of(url)
        dump.server_major(connection)
        if not dump.is_empty(connection):
            raise LocalError(f"The database {connection.get('dbname')} is not empty. Nothing was written.")


def _database(
    folder: Path, manifest: Manifest, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    connection = dump.connection_of(environment.get("DATABASE_OWNER_URL") or environment["DATABASE_URL"])
    say("Filling the database")
    dump.restore(connection, folder / DUMP, major=max(dump.server_major(connection), manifest.server_major))
    say("Verifying the log")
    for command in (["prepare", "--json"], ["restored", folder.name, "--taken-at", manifest.taken_at]):
        done = subprocess.run(
            [sys.executable, str(paths.MANAGE), *command], env=dict(environment), cwd=paths.BASE_DIR,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise LocalError(f"`manage.py {command[0]}` on the restored data failed: {done.stderr.strip()}")


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """What of a backup lies beside the database, each with its place in this installation."""
    for part, base in (("data", paths.data_dir()), ("models", paths.models_dir())):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file():
                yield path, base / path.relative_to(folder / part)
