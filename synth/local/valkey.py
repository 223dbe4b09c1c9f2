"""The embedded Valkey: broker and wake-up channel on a private Unix socket, no TCP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from synth.local import binaries
from synth.local.errors import LocalError
from synth.local.logs import open_log, tail
from synth.local.process import spawn, stop

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


class Valkey:
    """One server in ``<data_dir>/valkey``. It may lose its data: the jobs' truth is in PostgreSQL."""

    def __init__(self, data_dir: Path, sockets: Path, *, durable: bool) -> None:
        self.folder = data_dir / "valkey"
        self.socket = sockets / "valkey.sock"
        self.log = data_dir / "logs" / "valkey.log"
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Start and return once it has answered a PING."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._wait_for_predecessor()
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with open_log(self.log) as log:
            written_before = log.tell()
            self.process = spawn(
                [binaries.valkey_program(), *arguments],
                death_signal=signal.SIGTERM,
                stdout=log,
                stderr=log,
                env=dict(os.environ),
                cwd=self.folder,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while ping(self.socket) != "PONG":
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalError(f"Valkey did not start: {tail(self.log, since=written_before)}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, sign=signal.SIGTERM, timeout_s=STOP_TIMEOUT_S)
            self.process = None

    def _wait_for_predecessor(self) -> None:
        """After a killed supervisor its server may still be writing its last lines to the same folder."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while ping(self.socket) is not None:
            if time.monotonic() > deadline:
                raise LocalError(f"Another Valkey still answers on {self.socket}; stop it first.")
            time.sleep(0.1)


def ping(path: Path, timeout_s: float = 2.0) -> str | None:
    """The server's one-line answer to PING ("PONG", "LOADING ..."), or None when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(256).decode(errors="replace").strip().lstrip("+-")
    except OSError:
        return None
