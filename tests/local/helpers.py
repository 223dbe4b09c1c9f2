"""Small programs to supervise, and ways to see whether they are gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synth.local.process import is_alive

ROOT = Path(__file__).resolve().parents[2]


def wait_for(condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """The first true value of ``condition``; the test fails when none comes in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "nothing came in time"
        time.sleep(0.05)


def descendants(pid: int) -> set[int]:
    """Process ids of everything that ``pid`` has started, directly or not."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(line.split()[0]): int(line.split()[1]) for line in table.splitlines()}
    found: set[int] = set()
    grew = True
    while grew:
        more = {child for child, parent in parents.items() if parent in found | {pid}} - found
        found |= more
        grew = bool(more)
    return found


def all_gone(pids: set[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


class Driver:
    """A Python script in a process of its own, which reports JSON lines."""

    def __init__(self, script: str, *arguments: str | Path, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )

    def report(self) -> Any:
        """The next line that the script printed, decoded."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the script ended: {self.process.communicate()[1]}"
        return json.loads(line)

    def end(self, sign: signal.Signals) -> tuple[int, str]:
        """Signal the script, wait for it, and return its exit status and what it printed after that."""
        self.process.send_signal(sign)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output + errors

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        if not self.process.stdout or not self.process.stdout.closed:
            self.process.communicate()
