"""The processes of the product and how each is started: by ``make up``, in containers and by hand alike.

``manage.py web``, ``manage.py worker speech``, ``manage.py worker checks``, ``manage.py beat`` and
``manage.py sequencer`` replace themselves with the command below, so signals reach the program itself.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

GRACE_S = 5
QUEUES = ("speech", "checks")
# Verification takes at most one thread for each of its three lanes and webhooks one, so one is left for consent.
THREADS = {"speech": 2, "checks": 5}


@dataclass(frozen=True)
class Program:
    """One process of the product. Programs with a lower ``stop_rank`` are asked to end first.

    ``refuses_with`` is the exit status by which the program says that it must not run until a person has
    decided something: then it alone stays down, and is asked again from time to time.
    """

    name: str
    arguments: tuple[str, ...]
    stop_rank: int
    stop_timeout_s: float
    refuses_with: int | None = None


def product(listening_fd: int, tls: tuple[str, str] | None = None) -> list[Program]:
    """What ``make up`` runs; the web process takes over a socket that already listens."""
    certificate = ("--tls", ",".join(tls)) if tls else ()
    return [
        Program("web", ("web", "--fd", str(listening_fd), *certificate), 0, GRACE_S + 5.0),
        Program("sequencer", ("sequencer",), 2, 10.0, refuses_with=3),  # audit_sequencer.EXIT_REFUSED
        Program("speech", ("worker", "speech"), 1, 20.0),
        Program("checks", ("worker", "checks"), 1, 20.0),
        Program("beat", ("beat",), 2, 10.0),
    ]


def web_command(
    *, host: str = "127.0.0.1", port: int = 8000, fd: int | None = None, tls: tuple[str, str] | None = None
) -> list[str]:
    """The ASGI server. No access log: what people request of a voice service is not written down."""
    where = ["--fd", str(fd)] if fd is not None else ["--host", host, "--port", str(port)]
    certificate = ["--ssl-certfile", tls[0], "--ssl-keyfile", tls[1]] if tls else []
    return [
        *(sys.executable, "-m", "uvicorn", "synth.conf.asgi:application", *where, *certificate),
        *("--log-level", "warning", "--no-access-log", "--no-server-header", "--lifespan", "off"),
        *("--timeout-graceful-shutdown", str(GRACE_S)),
        # closes connections that do not finish their headers
        *("--http", "synth.common.connections:PatientHttp"),
        # who the client is behind a proxy is decided by the settings (ASSENT_TRUST_PROXY), not here
        "--no-proxy-headers",
    ]


def worker_command(queue: str, *, concurrency: int | None = None) -> list[str]:
    """A Celery worker with threads: never its prefork pool, which hangs where torch is loaded."""
    return [
        *(sys.executable, "-m", "celery", "-A", "worker.app", "--quiet", "worker"),
        *("--queues", queue, "--hostname", f"{queue}@%h", "--pool", "threads"),
        *("--concurrency", str(concurrency or THREADS.get(queue, 2)), "--loglevel", "INFO"),
        # nothing reads these; each costs broker traffic
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def beat_command(data_dir: Path) -> list[str]:
    """The clock that queues upkeep tasks; what it remembers between runs may be lost."""
    return [
        *(sys.executable, "-m", "celery", "-A", "worker.app", "--quiet", "beat", "--loglevel", "WARNING"),
        *("--schedule", str(data_dir / "beat-schedule"), "--pidfile", ""),
    ]


def sequencer_command(manage: Path) -> list[str]:
    return [sys.executable, str(manage), "audit_sequencer"]


def share_cores() -> dict[str, str]:
    """Threads of the numeric libraries: the cores, shared by the processes that compute (one per queue)."""
    threads = str(max(1, _cores() // len(QUEUES)))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    # audioseal compiles its model at import otherwise, which takes minutes
    return {**dict.fromkeys(names, threads), "NO_TORCH_COMPILE": "1"}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
