"""`make up` for real: the whole service on a fresh data folder, hurt in several ways, and stopped."""

from __future__ import annotations

import functools
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.local import lock
from synth.local.process import is_alive
from tests.local.helpers import ROOT, all_gone, descendants, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Running:
    """A `manage.py up` on its own data folder, without our test run's servers in its environment."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.output = data_dir.with_suffix(".out")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.first_port = free.getsockname()[1]
        strange = ("DATABASE_", "REDIS_URL", "ASSENT_BASE_URL", "ASSENT_KEYS_DIR", "DJANGO_SETTINGS_MODULE")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(strange)}
        self.environment |= {"ASSENT_DATA_DIR": str(data_dir)}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.first_port)],
                cwd=ROOT, env=self.environment, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    @functools.cached_property
    def address(self) -> str:
        """Where it answers, once it says so."""

        def announced() -> re.Match[str] | None:
            assert self.process.poll() is None, self.text
            return re.search(r"Assent is running at (http://localhost:\d+)", self.text)

        return wait_for(announced, 120)[1]

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("localhost", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def child(self, *words: str) -> int:
        """Process id of the running child whose command line has all these words; 0 while there is none."""
        for pid in descendants(self.process.pid):
            command = subprocess.run(
                ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
            )
            if all(word in command.stdout for word in words) and is_alive(pid):
                return pid
        return 0

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("up") / "data")
    try:
        assert made.address
        yield made
    finally:
        if made.process.poll() is None:
            made.process.send_signal(signal.SIGTERM)
            made.process.wait(90)


def test_it_answers_and_says_what_is_active(running):
    assert running.get("/healthz")[0] == 200
    assert json.loads(running.get("/readyz")[1])["ready"] is True
    assert running.get("/")[0] == 200
    for part in ("Engine ", "Mark ", "Log ", "Consent ", "mark-master.key", "first-administrator/"):
        assert part in running.text


def test_the_first_administrators_link_opens(running):
    path = re.search(r"http://localhost:\d+(/\S*first-administrator/\S+)", running.text)[1]
    assert running.get(path)[0] == 200


def test_commands_beside_it_find_its_servers_and_the_doctor_is_content(running):
    wait_for(lambda: running.text.count(" ready.") == 2, 90)
    examined = running.manage("doctor", "--json")
    findings = json.loads(examined.stdout)
    assert [row for row in findings if row["level"] == "problem"] == []
    assert examined.returncode == 0
    said = {(row["subject"], row["level"]) for row in findings}
    assert ("log rights", "ok") in said
    assert ("database", "ok") in said


def test_the_demonstration_tells_the_whole_story_on_it(running):
    told = running.manage("demo")
    assert told.returncode == 0, told.stdout + told.stderr
    for verdict in ("issued:", "issued_edited:", "partial:", "no_watermark:", "403 consent_revoked"):
        assert verdict in told.stdout
    assert (running.data_dir / "demo" / "speech.wav").exists()
    assert running.process.poll() is None, "the running service was used and is left running"


def test_a_second_start_on_the_same_data_is_refused_with_the_address_and_changes_nothing(running):
    kept = {path: path.read_bytes() for path in (running.data_dir / "run.json", running.data_dir / "up.lock")}
    again = running.manage("up")
    assert again.returncode == 1
    assert f"pid {running.process.pid}, http://localhost:{running.port}" in again.stderr
    assert {path: path.read_bytes() for path in kept} == kept
    assert running.get("/healthz")[0] == 200


@pytest.mark.parametrize("words", [("uvicorn",), ("audit_sequencer",), ("--queues", "checks")])
def test_a_killed_program_comes_back(running, words):
    before = wait_for(lambda: running.child(*words))
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: running.child(*words) not in (0, before))
    assert running.get("/healthz")[0] == 200, "requests wait in the socket that the supervisor holds"


@pytest.mark.parametrize("words", [("postgres", "-D"), ("valkey-server",)])
def test_a_killed_server_comes_back_and_the_service_with_it(running, words):
    before = wait_for(lambda: running.child(*words))
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: running.child(*words) not in (0, before))
    wait_for(lambda: running.get("/readyz")[0] == 200, 60)


def test_down_stops_all_of_it_in_order(running):
    pids = descendants(running.process.pid)
    stopped = running.manage("down")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, "Stopped.")
    assert running.process.wait(30) == 0
    assert all_gone(pids)
    assert "did not end in time" not in running.text
    assert not (running.data_dir / "run.json").exists()
    assert not lock.is_held(running.data_dir)
    connection = socket.socket()
    with connection:
        assert connection.connect_ex(("127.0.0.1", running.port)) != 0
