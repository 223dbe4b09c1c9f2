"""The whole service as `make up` starts it, on a data folder of its own, for tests from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# What the test run itself set must not leak into the service under test.
_OWN = ("DATABASE_", "REDIS_URL", "ASSENT_", "DJANGO_", "PG")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """One running `manage.py up`. Loopback only; everything it started ends with `stop`."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.base_url = f"http://localhost:{self.port}"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}
        self.environment |= {
            "ASSENT_DATA_DIR": str(data_dir),
            "ASSENT_BASE_URL": self.base_url,
            "ASSENT_MODELS_DIR": os.environ.get("ASSENT_MODELS_DIR", str(ROOT / "var" / "models")),
            "ASSENT_MODELS": "none",
            "ASSENT_ENGINE": "preview",
            "ASSENT_SPOKEN_CHECK": "0",
            "HF_HUB_OFFLINE": "1",
            **environment,
        }
        self.log = data_dir.parent / f"{data_dir.name}-up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, within_s: float = 180) -> Service:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"up ended: {self.tail()}")
            if self.is_ready():
                return self
            time.sleep(0.2)
        raise RuntimeError(f"not ready within {within_s} s: {self.tail()}")

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["ready"])
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=30)

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def manage(self, *arguments: str) -> str:
        """Run a management command against the running service; its standard output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def python(self, code: str) -> Any:
        """Run ``code`` inside the service's settings; whatever it assigns to ``answer`` comes back as JSON."""
        script = f"{code}\nimport json\nprint('\\nANSWER ' + json.dumps(answer, default=str))"
        out = self.manage("shell", "--no-imports", "-c", script)
        return json.loads(out.rsplit("ANSWER ", 1)[1])

    def children(self) -> dict[int, str]:
        """Processes below the supervisor: pid -> command line."""
        assert self.process is not None
        found: dict[int, str] = {}
        parents = {self.process.pid}
        while parents:
            grown = set()
            for entry in Path("/proc").iterdir():
                if not entry.name.isdigit() or int(entry.name) in found:
                    continue
                try:
                    stat = (entry / "stat").read_text()
                    parent = int(stat.rsplit(")", 1)[1].split()[1])
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except (OSError, ValueError, IndexError):
                    continue
                if parent in parents:
                    found[int(entry.name)] = command.strip()
                    grown.add(int(entry.name))
            parents = grown
        return found

    def pids(self, *words: str) -> list[int]:
        """Children whose command line holds all of ``words``."""
        return [pid for pid, command in self.children().items() if all(word in command for word in words)]
