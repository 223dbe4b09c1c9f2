"""``LocalServices``: PostgreSQL and Valkey for one data folder, started together and stopped together.

Used by ``make up`` and by the test session::

    with LocalServices(Path("var")) as endpoints:
        print(endpoints.database_url)
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from synth.local import roles
from synth.local.errors import LocalError
from synth.local.lock import DataLock
from synth.local.postgres import SUPERUSER, Postgres
from synth.local.process import server_user
from synth.local.sockets import private_subdir, socket_dir
from synth.local.valkey import Valkey

MINIMUM_FREE_BYTES = 300 * 1024 * 1024


@dataclass(frozen=True)
class Endpoints:
    """Where the servers answer. An embedded server's URLs name a Unix socket and need no password."""

    database_url: str
    database_owner_url: str
    database_sequencer_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        """As the environment variables that the settings read."""
        variables = {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.database_owner_url,
            "DATABASE_SEQUENCER_URL": self.database_sequencer_url,
            "REDIS_URL": self.redis_url,
        }
        return {name: url for name, url in variables.items() if url}


class LocalServices:
    """Both servers, or only those asked for, on ``data_dir`` (made when missing).

    Start from the main thread: on Linux the kernel stops the servers when the starting thread ends, so that
    nothing is left behind even after ``kill -9``. ``durable=False`` (tests) trades safety against power loss
    for speed. One instance per data folder: a second one raises LocalError naming the first one's pid.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        postgres: bool = True,
        valkey: bool = True,
        lock: bool = True,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._wanted = (postgres, valkey)
        self._durable = durable
        self._takes_lock = lock
        self.lock = DataLock(self.data_dir)
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self._sockets: Path | None = None

    def start(self) -> Endpoints:
        """Start, make the roles and the database ``assent`` where missing, and say where it all answers."""
        prepare_data_dir(self.data_dir)
        if self._takes_lock:
            self.lock.acquire()
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> Endpoints:
        user = server_user()
        with_postgres, with_valkey = self._wanted
        sockets = self._sockets = socket_dir(self.data_dir, user)
        _require_space(self.data_dir)
        database_urls = ("", "", "")
        if with_postgres:
            self.postgres = Postgres(
                self.data_dir, private_subdir(sockets, "pg", user), user=user, durable=self._durable
            )
            self.postgres.start()
            roles.prepare(self.superuser_url)
            names = roles.Roles()
            url = self.postgres.url
            database_urls = (
                url(names.app, roles.DATABASE),
                url(names.owner, roles.DATABASE),
                url(names.sequencer, roles.DATABASE),
            )
        if with_valkey:
            # below a closed folder: under root the parent is passable for the database's user
            self.valkey = Valkey(
                self.data_dir, private_subdir(sockets, "valkey", None), durable=self._durable
            )
            self.valkey.start()
        return Endpoints(*database_urls, redis_url=self.valkey.url if self.valkey else "")

    @property
    def superuser_url(self) -> str:
        """The database superuser, for making roles and test databases; no process of the product uses it."""
        if self.postgres is None:
            raise LocalError("The embedded PostgreSQL is not running.")
        return self.postgres.url(SUPERUSER, "postgres")

    def dead(self) -> Postgres | Valkey | None:
        """A server that has ended by itself, else None. Its ``start()`` brings it back at the same place."""
        for server in (self.postgres, self.valkey):
            if server is not None and (server.process is None or server.process.poll() is not None):
                return server
        return None

    def stop(self) -> None:
        """Valkey first, then PostgreSQL; safe to call twice."""
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
        self.valkey = self.postgres = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self.lock.release()

    def __enter__(self) -> Endpoints:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data folder and its parts, closed to others.

    Recordings of people and keys live here. Under root it is 0711, so that the database's user can pass.
    """
    try:
        data_dir.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        for name in ("keys", "log", "logs", "media", "models"):
            (data_dir / name).mkdir(mode=0o700, exist_ok=True)
    except PermissionError as error:
        raise LocalError(
            f"The data folder {data_dir} is not writable ({error}); set ASSENT_DATA_DIR."
        ) from None


def _require_space(data_dir: Path) -> None:
    free = shutil.disk_usage(data_dir).free
    if free < MINIMUM_FREE_BYTES:
        raise LocalError(
            f"Only {free // 2**20} MiB are free on the disk of {data_dir}; "
            f"at least {MINIMUM_FREE_BYTES // 2**20} are needed."
        )
