"""The embedded PostgreSQL: one foreground server on a private Unix socket, no TCP.

Everybody who can reach the socket is trusted, and only our own user (and root) can: the folder is 0700.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from synth.local import binaries
from synth.local.errors import LocalError
from synth.local.logs import open_log, tail
from synth.local.process import ServerUser, command_name, is_alive, spawn, stop, user_arguments

SUPERUSER = "postgres"
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
LOCALE = "C.UTF-8" if sys.platform.startswith("linux") else "C"


class Postgres:
    """One database cluster in ``<data_dir>/pg<major>`` and the server that serves it.

    The major version is part of the path, so that a newer server never opens an older cluster.
    ``durable=False`` switches fsync off: for tests, whose data nobody misses.
    """

    def __init__(self, data_dir: Path, sockets: Path, *, user: ServerUser | None, durable: bool) -> None:
        self.sockets = sockets
        self.user = user
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self._bin = binaries.runnable_by(binaries.postgres_bin(), user)
        self.major = binaries.postgres_major(self._bin)
        self.cluster = data_dir / f"pg{self.major}"
        self.log = data_dir / "logs" / "postgres.log"

    def url(self, role: str, database: str) -> str:
        """libpq and Django (dj-database-url) both read this form."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.sockets))}"

    def start(self) -> None:
        """Start and return once a connection has been made. LocalError with the log's end when it fails."""
        env = _environment()
        self._initialise(env)
        env.update(self._pass_stale_pid_file())
        with open_log(self.log) as log, self._reachable(self.cluster) as (name, descriptors):
            written_before = log.tell()
            self.process = spawn(
                [self._bin / "postgres", "-D", name, *self._options()],
                death_signal=signal.SIGINT,
                stdout=log,
                stderr=log,
                env=env,
                cwd="/",
                user=self.user,
                pass_fds=descriptors,
            )
        self._wait_ready(self.process, written_before)

    def stop(self) -> None:
        """Fast shutdown: roll back what is open, write a checkpoint, end."""
        if self.process is not None:
            stop(self.process, sign=signal.SIGINT, timeout_s=STOP_TIMEOUT_S)
            self.process = None

    def _options(self) -> list[str]:
        options = {
            "unix_socket_directories": str(self.sockets),
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            # the supervisor restarts a crashed server itself, but a crashed backend need not end the rest
            "restart_after_crash": "on",
        }
        if not self.durable:
            # synchronous_commit stays on: a killed server (unlike a power cut) still loses no commit
            options |= {"fsync": "off", "full_page_writes": "off"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    @contextlib.contextmanager
    def _reachable(self, cluster: Path) -> Iterator[tuple[str, list[int]]]:
        """How the server's programs are to name ``cluster``, and the descriptors that they must inherit.

        Under root the server's user may be unable to pass a parent folder (/root is 0700). We can: the
        programs inherit the opened folder, and the kernel lets them name it without walking the parents.
        """
        if self._passable(cluster):
            yield str(cluster), []
            return
        descriptor = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}", [descriptor]
        finally:
            os.close(descriptor)

    def _passable(self, cluster: Path) -> bool:
        if self.user is None or not sys.platform.startswith("linux"):
            return True
        test = subprocess.run(["test", "-x", cluster], cwd="/", check=False, **user_arguments(self.user))
        return test.returncode == 0

    def _initialise(self, env: dict[str, str]) -> None:
        """``initdb`` once, under another name and then renamed: the cluster is whole or absent."""
        if self.cluster.exists():
            return
        unfinished = self.cluster.with_name(f"{self.cluster.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(unfinished, self.user.uid, self.user.gid)
        with self._reachable(unfinished) as (name, descriptors):
            command: list[str | Path] = [self._bin / "initdb", "-D", name, "-U", SUPERUSER, "--auth=trust"]
            command += ["--encoding=UTF8", f"--locale={LOCALE}", "--no-sync", "--no-instructions"]
            made = subprocess.run(
                command, capture_output=True, text=True, check=False, env=env, cwd="/", pass_fds=descriptors,
                **user_arguments(self.user),
            )  # fmt: skip
        if made.returncode != 0:
            raise LocalError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        if self.durable:
            os.sync()  # once here instead of file by file inside initdb, which takes several seconds
        unfinished.rename(self.cluster)

    def _pass_stale_pid_file(self) -> dict[str, str]:
        """Deal with the pid file of a server that did not end in order.

        Our own old server may still be shutting down: wait for it. Another process of the same user may have
        got its id since: PostgreSQL would refuse to start, so name that id as one of its own ancestors, which
        it ignores.
        """
        pid_file = self.cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return {}
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while is_alive(pid) and command_name(pid).startswith("postgres"):
            if time.monotonic() > deadline:
                raise LocalError(f"Another PostgreSQL (pid {pid}) still uses {self.cluster}; stop it first.")
            time.sleep(0.1)
            if not pid_file.exists():
                return {}
        return {"PG_GRANDPARENT_PID": str(pid)} if is_alive(pid) else {}

    def _wait_ready(self, process: subprocess.Popen[bytes], written_before: int) -> None:
        import psycopg2  # not at the top: this room is imported before any package is installed

        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg2.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
                return
            except psycopg2.OperationalError as error:
                if process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                self.stop()
                raise LocalError(
                    f"PostgreSQL did not start: {tail(self.log, since=written_before) or error}"
                ) from None


def _environment() -> dict[str, str]:
    """Ours, without what would redirect the server (``PG*``) and with a locale that every system has."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    env["LC_ALL"] = LOCALE
    return env
