"""Keeps the product's processes running: output to log files, restarts with back-off, an orderly end.

One thread only. That is simple, and on Linux it is needed: the kernel signals children when the *thread*
that started them ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from synth.local.errors import LocalError
from synth.local.logs import LogFile
from synth.local.process import spawn
from synth.local.programs import Program

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0
FAILURES_ALLOWED = 5
WINDOW_S = 60.0
REFUSAL_DELAY_S = 30.0
POLL_S = 0.2
# make passes SIGTERM on to us, and whoever sent it may have sent it to us as well: that is one request
SAME_REQUEST_S = 2.0


class Backoff:
    """When something that failed may start again: 0.5 s, 1, 2, 4; the fifth failure in 60 s is the last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: list[float] = []

    def failed(self) -> float | None:
        """Seconds to wait before the next start, or None when there should be none."""
        now = self._clock()
        self._failures = [then for then in self._failures if now - then < WINDOW_S] + [now]
        if len(self._failures) >= FAILURES_ALLOWED:
            return None
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (len(self._failures) - 1))


class Child:
    """One program: its process, its log, and when it may start again."""

    def __init__(self, program: Program, log: LogFile) -> None:
        self.program = program
        self.log = log
        self.backoff = Backoff()
        self.process: subprocess.Popen[bytes] | None = None
        self.start_at: float | None = 0.0
        self.refused = False
        self.unfinished_line = b""

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts ``programs``, restarts what ends, and stops all of it in order.

    ``command`` turns a program into the command line; ``servers_check`` is called on every turn and may
    restart an embedded server or raise LocalError; ``console`` gets each line of output with its program's
    name. ``pass_fds`` are inherited by every program.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        command: Callable[[Program], Sequence[str | Path]],
        environment: Mapping[str, str],
        logs_dir: Path,
        cwd: Path,
        servers_check: Callable[[], None] = lambda: None,
        console: Callable[[str, str], None] = lambda name, line: None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._children = [Child(program, LogFile(logs_dir / f"{program.name}.log")) for program in programs]
        self._command = command
        self._environment = environment
        self._logs_dir = logs_dir
        self._cwd = cwd
        self._servers_check = servers_check
        self._console = console
        self._pass_fds = pass_fds
        self._selector = selectors.DefaultSelector()
        self._stop_asked_at: float | None = None
        self._hurry = False

    def handle_signals(self) -> None:
        """Ctrl-C, SIGTERM and a closed terminal end ``run``; one more, later, stops waiting for anybody."""
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, self._interrupted)

    @property
    def stopping(self) -> bool:
        return self._stop_asked_at is not None

    def pid(self, name: str) -> int | None:
        """The process id of a program while it runs."""
        return next(
            (c.process.pid for c in self._children if c.program.name == name and c.process and c.running),
            None,
        )

    def run(self, on_turn: Callable[[], None] = lambda: None) -> None:
        """Keep everything running until a signal comes, then stop it.

        Raises LocalError, after stopping everything, when a program ends five times within a minute.
        """
        try:
            while not self.stopping:
                self._servers_check()
                for child in self._children:
                    self._tend(child)
                on_turn()
                self._relay(POLL_S)
        finally:
            self._stop_all()

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._stop_asked_at is None:
            self._stop_asked_at = now
        elif now - self._stop_asked_at > SAME_REQUEST_S:
            self._hurry = True

    def _tend(self, child: Child) -> None:
        """Start a program that is due; note when one has ended."""
        if child.running:
            return
        if child.process is not None:
            code = child.process.returncode
            _kill_group(child.process.pid)  # what it started itself, a decoder for example
            child.process = None
            if code == child.program.refuses_with:
                self._hold(child)
                return
            child.refused = False
            delay = child.backoff.failed()
            if delay is None:
                name = child.program.name
                raise LocalError(
                    f"'{name}' ended {FAILURES_ALLOWED} times within {WINDOW_S:.0f} s "
                    f"(last: {_ending(code)}), so everything was stopped; see {self._logs_dir / name}.log."
                )
            self._console(child.program.name, f"ended ({_ending(code)}), starting again in {delay:g} s")
            child.start_at = time.monotonic() + delay
        if child.start_at is not None and time.monotonic() >= child.start_at:
            self._start(child)

    def _hold(self, child: Child) -> None:
        """A program that refuses keeps nobody else from working; the reason is in its own last line."""
        if not child.refused:
            self._console(
                child.program.name,
                f"stays down until somebody acts on the line above; asked again every {REFUSAL_DELAY_S:g} s",
            )
        child.refused = True
        child.start_at = time.monotonic() + REFUSAL_DELAY_S

    def _start(self, child: Child) -> None:
        read_end, write_end = os.pipe()
        try:
            # SIGKILL at our death: there is nobody left to wait for a slow shutdown, the servers are going
            # down too, and every process may be killed at any time without losing a job.
            child.process = spawn(
                self._command(child.program),
                death_signal=signal.SIGKILL,
                stdout=write_end,
                stderr=write_end,
                env=self._environment,
                cwd=self._cwd,
                pass_fds=self._pass_fds,
            )
        finally:
            os.close(write_end)
        os.set_blocking(read_end, False)
        self._selector.register(read_end, selectors.EVENT_READ, child)
        child.start_at = None

    def _relay(self, timeout_s: float) -> None:
        """Move what the programs have written into their logs; wait up to ``timeout_s`` for something."""
        if not self._selector.get_map():
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            child: Child = key.data
            try:
                data = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            if not data:
                self._selector.unregister(key.fd)
                os.close(key.fd)
                continue
            child.log.write(data)
            *lines, child.unfinished_line = (child.unfinished_line + data).split(b"\n")
            for line in lines:
                self._console(child.program.name, line.decode(errors="replace").rstrip())

    def _stop_all(self) -> None:
        """Ask program after program to end, by rank; kill what does not within its time."""
        for rank in sorted({child.program.stop_rank for child in self._children}):
            group = [child for child in self._children if child.program.stop_rank == rank and child.running]
            for child in group:
                self._signal(child, signal.SIGTERM)
            started = time.monotonic()
            while waiting := [child for child in group if child.running]:
                self._relay(0.05)
                for child in waiting:
                    if child.process and (
                        self._hurry or time.monotonic() - started > child.program.stop_timeout_s
                    ):
                        self._console(child.program.name, "did not end in time and was killed")
                        _kill_group(child.process.pid)
                        child.process.wait()
        while self._selector.get_map() and self._drained():
            pass
        for child in self._children:
            child.log.close()
        self._selector.close()

    def _drained(self) -> bool:
        """Relay what is left in the pipes; false when nothing came."""
        ready = bool(self._selector.select(0))
        self._relay(0)
        return ready

    def _signal(self, child: Child, sign: signal.Signals) -> None:
        if child.process is not None:
            child.process.send_signal(sign)


def _kill_group(pid: int) -> None:
    """Kill a program and whatever it has started (each program leads its own process group)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
