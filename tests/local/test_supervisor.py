"""The supervisor with small programs: order, restarts, giving up, an end without leftovers."""

from __future__ import annotations

import os
import signal

import pytest

from synth.local.supervisor import Backoff
from tests.local.helpers import Driver, all_gone, descendants, wait_for

SUPERVISE = """
import json, os, sys, time
from pathlib import Path
from synth.local import supervisor
from synth.local.programs import Program
supervisor.FIRST_DELAY_S = 0.01
logs = Path(sys.argv[1])
logs.mkdir(exist_ok=True)
codes = json.loads(sys.argv[2])
supervisor.REFUSAL_DELAY_S = 0.05
programs = [Program(name, (code,), rank, limit, *refuses) for name, code, rank, limit, *refuses in codes]
made = supervisor.Supervisor(
    programs,
    command=lambda program: [sys.executable, "-u", "-c", program.arguments[0], str(logs)],
    environment=dict(os.environ),
    logs_dir=logs,
    cwd=logs,
    console=lambda name, line: print(json.dumps([name, line])),
)
made.handle_signals()
try:
    made.run()
except Exception as error:
    print(json.dumps(["error", str(error)]))
"""

ENDS_WHEN_ASKED = """
import signal, sys, time
def end(*_):
    print("bye", time.monotonic())
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up")
while True:
    time.sleep(0.05)
"""
IGNORES = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
helper = subprocess.Popen(["sleep", "600"])
print("up", helper.pid)
time.sleep(600)
"""
FAILS = "print('cannot'); raise SystemExit(3)"
FAILS_ONCE = """
import sys, time
from pathlib import Path
mark = Path(sys.argv[1]) / "failed"
if not mark.exists():
    mark.touch()
    raise SystemExit(3)
print("up")
time.sleep(600)
"""


def supervise(tmp_path, *programs):
    import json

    return Driver(SUPERVISE, tmp_path / "logs", json.dumps(programs))


def read_until(driver: Driver, *expected: list[str]) -> list[list[str]]:
    """Lines up to and with the last of ``expected`` to come (their order is the processes' affair)."""
    missing = list(expected)
    seen = []
    while missing:
        seen.append(driver.report())
        missing = [line for line in missing if line != seen[-1]]
    return seen


def test_programs_end_by_rank_and_their_output_is_kept(tmp_path):
    programs = [
        ("late", ENDS_WHEN_ASKED, 2, 10),
        ("first", ENDS_WHEN_ASKED, 0, 10),
        ("mid", ENDS_WHEN_ASKED, 1, 10),
    ]
    with supervise(tmp_path, *programs) as driver:
        read_until(driver, *(["late", "up"], ["first", "up"], ["mid", "up"]))
        code, _ = driver.end(signal.SIGTERM)
    assert code == 0
    ended = {
        name: float((tmp_path / "logs" / f"{name}.log").read_text().split("bye ")[1])
        for name in ("first", "mid", "late")
    }
    assert sorted(ended, key=ended.__getitem__) == ["first", "mid", "late"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_stop_it_too(tmp_path, sign):
    with supervise(tmp_path, ("one", ENDS_WHEN_ASKED, 0, 10)) as driver:
        read_until(driver, ["one", "up"])
        pids = descendants(driver.process.pid)
        code, _ = driver.end(sign)
    assert code == 0
    assert all_gone(pids)


def test_what_does_not_end_in_time_is_killed_with_its_helpers(tmp_path):
    with supervise(tmp_path, ("stubborn", IGNORES, 0, 0.2)) as driver:
        name, line = driver.report()
        assert (name, line.split()[0]) == ("stubborn", "up")
        pids = descendants(driver.process.pid)
        assert int(line.split()[1]) in pids
        code, output = driver.end(signal.SIGTERM)
    assert code == 0
    assert "did not end in time" in output
    wait_for(lambda: all_gone(pids))


def test_a_program_that_ends_is_started_again(tmp_path):
    with supervise(tmp_path, ("flaky", FAILS_ONCE, 0, 1)) as driver:
        lines = read_until(driver, ["flaky", "up"])
        assert lines[0] == ["flaky", "ended (exit 3), starting again in 0.01 s"]
        first = descendants(driver.process.pid)
        os.kill(next(iter(first)), signal.SIGKILL)
        lines = read_until(driver, ["flaky", "up"])
        assert lines[0][1].startswith("ended (killed by SIGKILL), starting again")
        assert descendants(driver.process.pid).isdisjoint(first)


def test_a_program_that_keeps_failing_stops_everything_with_one_sentence(tmp_path):
    with supervise(tmp_path, ("good", ENDS_WHEN_ASKED, 1, 10), ("bad", FAILS, 0, 1)) as driver:
        pids = descendants(driver.process.pid)
        seen = []
        while not seen or seen[-1][0] != "error":
            seen.append(driver.report())
        driver.process.communicate(timeout=30)
    assert seen[-1][1].startswith("'bad' ended 5 times within 60 s (last: exit 3), so everything was stopped")
    assert str(tmp_path / "logs" / "bad.log") in seen[-1][1]
    assert (tmp_path / "logs" / "bad.log").read_text() == "cannot\n" * 5
    assert "bye" in (tmp_path / "logs" / "good.log").read_text(), "the others end in order"
    assert all_gone(pids)


def test_kill_9_of_the_supervisor_leaves_no_program(tmp_path):
    with supervise(tmp_path, ("one", ENDS_WHEN_ASKED, 0, 10), ("two", ENDS_WHEN_ASKED, 1, 10)) as driver:
        read_until(driver, ["one", "up"], ["two", "up"])
        pids = descendants(driver.process.pid)
        assert len(pids) == 2
        driver.end(signal.SIGKILL)
    wait_for(lambda: all_gone(pids))


def test_without_death_signals_a_watcher_ends_the_orphans(tmp_path):
    """What happens on systems whose kernel does not signal children (macOS)."""
    script = "import synth.local.process as p\np.DEATH_SIGNALS = False\np._prctl = None\n" + SUPERVISE
    import json

    programs = json.dumps([("one", ENDS_WHEN_ASKED, 0, 10)])
    with Driver(script, tmp_path / "logs", programs) as driver:
        read_until(driver, ["one", "up"])
        pids = descendants(driver.process.pid)
        driver.end(signal.SIGKILL)
    wait_for(lambda: all_gone(pids))


def test_backoff_doubles_forgets_and_gives_up():
    now = 0.0
    backoff = Backoff(clock=lambda: now)
    delays = [backoff.failed() for _ in range(4)]
    assert delays == [0.5, 1.0, 2.0, 4.0]
    assert backoff.failed() is None
    now = 61.0
    assert backoff.failed() == 0.5, "failures older than a minute no longer count"


def test_backoff_allows_a_failure_every_twenty_seconds_for_ever():
    now = 0.0
    backoff = Backoff(clock=lambda: now)
    for _ in range(100):
        assert backoff.failed() is not None
        now += 20.0


def test_a_program_that_refuses_stays_down_alone_and_is_asked_again(tmp_path):
    """However often: the others go on, one line says so, and it comes back once it no longer refuses."""
    refuses = """
import sys, time
from pathlib import Path
count = Path(sys.argv[1]) / "asked"
asked = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(asked))
if asked < 9:
    raise SystemExit(3)
print("signs again")
time.sleep(600)
"""
    with supervise(tmp_path, ("other", ENDS_WHEN_ASKED, 0, 10), ("log", refuses, 0, 1, 3)) as driver:
        lines = read_until(driver, ["other", "up"], ["log", "signs again"])
        code, _ = driver.end(signal.SIGTERM)
    assert code == 0
    said = [line for name, line in lines if name == "log"]
    assert len([line for line in said if line.startswith("stays down until somebody acts")]) == 1
    assert not [line for line in said if "starting again" in line]
    assert (tmp_path / "logs" / "asked").read_text() == "9"
