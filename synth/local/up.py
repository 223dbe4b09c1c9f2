"""``make up``: from a folder with this project to a running service, in one process that watches the rest."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from synth.local import bootstrap, keys, known, paths, programs
from synth.local.bootstrap import say
from synth.local.errors import LocalError
from synth.local.services import LocalServices, prepare_data_dir
from synth.local.supervisor import Backoff, Supervisor

PORTS_TRIED = 50


@dataclass
class Options:
    host: str = "127.0.0.1"
    port: int = 8000
    tls: tuple[str, str] | None = None
    quiet: bool = False
    began_s: float = field(
        default_factory=time.monotonic
    )  # when the command began, before its packages were there


def up(options: Options) -> None:
    """Run the service until Ctrl-C or SIGTERM. LocalError with one sentence when it cannot go on."""
    for sign in (signal.SIGTERM, signal.SIGHUP):  # until the supervisor takes over
        signal.signal(sign, _leave)
    data_dir = paths.data_dir()
    prepare_data_dir(data_dir)
    key_files = keys.ensure_keys(paths.keys_dir(), data_dir, database=known.keys_of_database())
    notice = bootstrap.fetch_models(paths.models_dir())
    if notice:
        say(notice)

    services = LocalServices(
        data_dir, postgres=not os.environ.get("DATABASE_URL"), valkey=not os.environ.get("REDIS_URL")
    )
    run_file = paths.RunFile(data_dir)
    try:
        endpoints = services.start()
        listener = listen(options.host, options.port)
        address = base_url(listener, options)
        services.lock.describe(address)
        urls = {**endpoints.environment(), "ASSENT_BASE_URL": address, "ASSENT_LISTEN": options.host}
        environment = {**programs.share_cores(), **os.environ, **urls, **_fixed(data_dir)}
        run_file.write(urls)
        facts = prepare_instance(environment)
        if facts.get("warning"):
            say(f"\n{facts['warning']}\n")
        supervisor = Supervisor(
            programs.product(listener.fileno(), options.tls),
            command=lambda program: [sys.executable, str(paths.MANAGE), *program.arguments],
            environment=environment,
            logs_dir=data_dir / "logs",
            cwd=paths.BASE_DIR,
            servers_check=ServerKeeper(services).check,
            console=_print_nothing if options.quiet else _print_line,
            pass_fds=[listener.fileno()],
        )
        supervisor.handle_signals()
        greeting = Greeting(listener, options, address, facts, key_files, options.began_s)
        supervisor.run(on_turn=greeting.once_ready)
        say("Stopped the programs; stopping the servers")
    finally:
        if services.lock.held:  # else the file is the running service's
            run_file.remove()
        services.stop()
    say("Stopped.")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on ``port`` or the next free one; the web process inherits it, restarted or not."""
    for candidate in range(port, port + PORTS_TRIED):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(512)
            return listener
        except PermissionError:
            listener.close()
            raise LocalError(
                f"Port {candidate} needs more rights; choose one above 1023 (make up PORT=8000)."
            ) from None
        except OSError as error:
            listener.close()
            if isinstance(error, socket.gaierror):
                raise LocalError(f"{host} is not an address of this machine.") from None
            say(f"Port {candidate} is in use; trying {candidate + 1}")
    raise LocalError(f"No free port between {port} and {port + PORTS_TRIED - 1}.")


def base_url(listener: socket.socket, options: Options) -> str:
    """The address to print and to put into links: localhost, which browsers hold to be secure, unless set."""
    configured = os.environ.get("ASSENT_BASE_URL")
    scheme = "https" if options.tls else "http"
    return configured or f"{scheme}://localhost:{listener.getsockname()[1]}"


def prepare_instance(environment: dict[str, str]) -> dict[str, object]:
    """Migrate, collect static files, and ask what is active: one Django process, ``manage.py prepare``."""
    done = subprocess.run(
        [sys.executable, str(paths.MANAGE), "prepare", "--json"],
        env=environment, cwd=paths.BASE_DIR, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise LocalError("Preparing the database failed; the lines above say why.")
    facts: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return facts


@dataclass
class ServerKeeper:
    """Brings an embedded server back when it ends by itself; gives up when it keeps ending."""

    services: LocalServices
    _backoff: dict[str, Backoff] = field(default_factory=dict)
    _not_before: float = 0.0

    def check(self) -> None:
        server = self.services.dead()
        if server is None or time.monotonic() < self._not_before:
            return
        name = type(server).__name__
        delay = self._backoff.setdefault(name, Backoff()).failed()
        if delay is None:
            raise LocalError(f"{name} keeps ending, so everything was stopped; {server.log} says why.")
        say(f"{name} ended by itself; starting it again")
        try:
            server.start()
        except LocalError as error:
            say(f"{error}\nTrying again in {delay:g} s")
            self._not_before = time.monotonic() + delay


@dataclass
class Greeting:
    """Prints, once the web process answers, where it is and what is active."""

    listener: socket.socket
    options: Options
    address: str
    facts: dict[str, object]
    key_files: list[keys.KeyFile]
    started: float
    _probe: socket.socket | None = None
    _asked: bool = False
    _done: bool = False

    def once_ready(self) -> None:
        if self._done or not self._answers():
            return
        self._done = True
        say(self._text())

    def _answers(self) -> bool:
        """Whether an answer to one small request has come; never waits."""
        if self._probe is None:
            self._probe = self._connect()
            self._asked = False
        try:
            if not self._asked:
                if isinstance(self._probe, ssl.SSLSocket):
                    self._probe.do_handshake()
                self._probe.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self._asked = True
            answer = self._probe.recv(16)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            answer = b""
        self._probe.close()
        self._probe = None
        return answer.startswith(b"HTTP/")

    def _connect(self) -> socket.socket:
        host, port = self.listener.getsockname()[:2]
        unspecified = ipaddress.ip_address(host).is_unspecified
        reachable = ("::1" if ":" in host else "127.0.0.1") if unspecified else host
        probe = socket.create_connection((reachable, port), timeout=2)
        probe.setblocking(False)
        if not self.options.tls:
            return probe
        # Our own port, asked whether it lives: whose name the certificate bears does not matter here.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(probe, do_handshake_on_connect=False)

    def _text(self) -> str:
        lines = ["", f"Assent is running at {self.address}  ({time.monotonic() - self.started:.0f} s)", ""]
        if self.facts.get("admin_link"):
            lines += ["First administrator (this link works once):", f"  {self.facts['admin_link']}", ""]
        active = self.facts.get("active")
        lines += [f"  {line}" for line in active] if isinstance(active, list) else []
        made = [key for key in self.key_files if key.created]
        if made:
            lines += ["", f"Keys were made in {made[0].path.parent}:"]
            lines += [f"  {key.name:<25}{key.purpose}" for key in made]
            lines += [
                "Back them up now, apart from the database, and keep the copy secret:",
                f"  tar -C {made[0].path.parent.parent} -cf assent-keys.tar {made[0].path.parent.name}",
            ]
        return "\n".join([*lines, "", "Ctrl-C or `make down` stops it.", ""])


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fixed(data_dir: Path) -> dict[str, str]:
    return {"ASSENT_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}


def _print_line(name: str, line: str) -> None:
    say(f"{name:<9} | {line}")


def _print_nothing(name: str, line: str) -> None:
    """``--quiet``: the log files have it."""
