"""pg_dump and pg_restore: the server's own programs, of its own version where there are several."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.local import binaries
from synth.local.errors import LocalError

_DEBIAN = Path("/usr/lib/postgresql")
#: libpq's keyword -> the environment name that keeps it out of the list of processes
_ENVIRONMENT = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "password": "PGPASSWORD", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "connect_timeout": "PGCONNECT_TIMEOUT", "options": "PGOPTIONS",
}  # fmt: skip


def connection_of(url: str) -> dict[str, str]:
    """libpq's keywords for a connection URL."""
    from psycopg2.extensions import parse_dsn

    return {name: str(value) for name, value in parse_dsn(url).items()}


def server_major(connection: Mapping[str, str]) -> int:
    """15, 18, ... as the server says; LocalError where it does not answer."""
    import psycopg2

    try:
        opened = psycopg2.connect(**_arguments(connection))
    except psycopg2.OperationalError as error:
        raise LocalError(f"The database does not answer: {str(error).strip()}") from None
    try:
        return int(opened.server_version) // 10_000
    finally:
        opened.close()


def is_empty(connection: Mapping[str, str]) -> bool:
    """Whether the database has no table of ours."""
    import psycopg2

    opened = psycopg2.connect(**_arguments(connection))
    try:
        with opened.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            row = cursor.fetchone()
            return row is not None and row[0] == 0
    finally:
        opened.close()


def _arguments(connection: Mapping[str, str]) -> dict[str, Any]:
    return dict(connection)


def dump(connection: Mapping[str, str], out: Path, *, major: int) -> None:
    """One snapshot of the whole database as an archive at ``out`` (mode 0600)."""
    out.touch(mode=0o600)
    _run("pg_dump", ["--format=custom", f"--file={out}", "--no-password"], major, connection)


def restore(connection: Mapping[str, str], archive: Path, *, major: int) -> None:
    """Everything of ``archive`` into an empty database, whole or not at all; the connected role owns all of it."""
    arguments = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-acl", "--no-password"]
    _run("pg_restore", [*arguments, f"--dbname={connection['dbname']}", str(archive)], major, connection)


def read_through(archive: Path, *, major: int) -> None:
    """LocalError unless every block of ``archive`` can be read and unpacked."""
    _run("pg_restore", [f"--file={os.devnull}", str(archive)], major, {})


def _run(name: str, arguments: list[str], major: int, connection: Mapping[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    environment |= {_ENVIRONMENT[key]: value for key, value in connection.items() if key in _ENVIRONMENT}
    program = _programs(major) / name
    done = subprocess.run(
        [program, *arguments], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        told = done.stderr.strip().splitlines()
        raise LocalError(f"{name} failed: {told[0] if told else f'exit {done.returncode}'}")


def _programs(major: int) -> Path:
    """The folder with the programs of ``major``, else of the next newer release: those read older servers."""
    found: dict[int, Path] = {}
    for folder in _folders():
        try:
            answer = subprocess.run(
                [folder / "pg_dump", "--version"], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        version = re.search(r"(\d+)[.\d]*", answer.stdout.rpartition(")")[2])
        if version:
            found.setdefault(int(version[1]), folder)
    usable = [version for version in found if version >= major]
    if not usable:
        raise LocalError(
            f"There is no pg_dump for PostgreSQL {major}; install its client programs, or set ASSENT_POSTGRES_BIN."
        )
    return found[min(usable)]


def _folders() -> list[Path]:
    folders: list[Path] = []
    with contextlib.suppress(LocalError):  # containers have the client programs alone
        folders.append(binaries.postgres_bin())
    folders += sorted(_DEBIAN.glob("*/bin"))
    on_path = shutil.which("pg_dump")
    return [*folders, Path(on_path).parent] if on_path else folders
