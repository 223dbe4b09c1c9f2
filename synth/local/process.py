"""Child processes that do not outlive their parent, and the user that servers run as.

Linux: every child asks the kernel for a signal at its parent's death (``PR_SET_PDEATHSIG``). The kernel ties
this to the *thread* that started the child, so start children from the main thread. Elsewhere a small watcher
process holds the read end of a pipe; when our end closes it signals what we told it to.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from synth.local.errors import LocalError

_PR_SET_PDEATHSIG = 1
DEATH_SIGNALS = sys.platform.startswith("linux")

# Loaded before any fork: looking a symbol up in a forked child of a threaded process may deadlock.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if DEATH_SIGNALS else None


@dataclass(frozen=True)
class ServerUser:
    """The unprivileged user that takes the servers when we are root (PostgreSQL refuses to run as root)."""

    name: str
    uid: int
    gid: int

    @property
    def popen(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_user() -> ServerUser | None:
    """``postgres`` or ``nobody`` when this process is root, else None: servers then run as we do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    raise LocalError(
        "PostgreSQL does not run as root and there is no user 'postgres' or 'nobody' to run it as."
    )


def user_arguments(user: ServerUser | None) -> dict[str, Any]:
    return {} if user is None else user.popen


def spawn(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    env: Mapping[str, str],
    cwd: str | Path,
    user: ServerUser | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in its own session that gets ``death_signal`` when this process dies.

    Its own session means that Ctrl-C in a terminal reaches only us, and we stop the children in order.
    """
    child = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
        pass_fds=tuple(pass_fds),
        preexec_fn=_death_signal_setter(death_signal),
        **user_arguments(user),
    )
    if not DEATH_SIGNALS:
        _watcher().add(child.pid, death_signal)
    return child


def stop(child: subprocess.Popen[bytes], *, sign: signal.Signals, timeout_s: float) -> bool:
    """Ask a child to end, wait, kill it if it does not. True when it ended by itself."""
    if child.poll() is not None:
        return True
    child.send_signal(sign)
    try:
        child.wait(timeout_s)
        return True
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _state(pid) != "Z"


def command_name(pid: int) -> str:
    """The program name of a process ("" when it cannot be told)."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        answer = subprocess.run(
            ["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return Path(answer.stdout.strip()).name


def _state(pid: int) -> str:
    try:
        # the second field, the command, may itself hold spaces and brackets
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def _death_signal_setter(sign: signal.Signals) -> Callable[[], None] | None:
    if _prctl is None:
        return None
    parent = os.getpid()
    prctl = _prctl

    def set_death_signal() -> None:
        # Python changes the user before it calls this, which matters: a change of user clears the setting.
        prctl(_PR_SET_PDEATHSIG, int(sign))
        if os.getppid() != parent:  # the parent died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return set_death_signal


class _Watcher:
    """Outside Linux: a process that signals our children when our end of its pipe closes."""

    def __init__(self) -> None:
        read_end, write_end = os.pipe()  # children do not inherit the write end: it closes when we die
        command = [sys.executable, "-S", "-c", _WATCH, str(os.getpid())]
        subprocess.Popen(command, stdin=read_end, start_new_session=True)
        os.close(read_end)
        self._pipe = os.fdopen(write_end, "wb")

    def add(self, pid: int, sign: signal.Signals) -> None:
        self._pipe.write(f"{pid} {int(sign)}\n".encode())
        self._pipe.flush()


# Only processes that have been given another parent are touched, so that an id in use again is safe. That
# happens a moment after our end of the pipe closes. Whatever is left after ten seconds is killed.
_WATCH = """
import os, subprocess, sys, time
parent = sys.argv[1]
waiting = {int(pid): int(sign) for pid, sign in map(str.split, sys.stdin)}
def parent_of(pid):
    seen = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True)
    return seen.stdout.strip()
asked = set()
deadline = time.monotonic() + 10
while waiting:
    for pid, sign in list(waiting.items()):
        now = parent_of(pid)
        if now == "":
            del waiting[pid]
        elif now != parent and (pid not in asked or time.monotonic() > deadline):
            os.kill(pid, 9 if pid in asked else sign)
            asked.add(pid)
    time.sleep(0.2)
"""

_watchers: dict[int, _Watcher] = {}


def _watcher() -> _Watcher:
    """One watcher for each process that starts children."""
    if os.getpid() not in _watchers:
        _watchers[os.getpid()] = _Watcher()
    return _watchers[os.getpid()]
