"""``make test``: everything that must hold before a change is taken, one line a step at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from synth.local import bootstrap, paths
from synth.local.bootstrap import say
from synth.local.services import prepare_data_dir


def run(*, strict: bool = False, pytest_arguments: Sequence[str] = (), began_s: float | None = None) -> int:
    """All steps, also after one failed; 1 when any did. With ``pytest_arguments`` only the tests run.

    ``began_s`` is when the command began (`time.monotonic`), with the set-up that came before.

    ``strict`` runs the slow tests too (an hour of audio, drills, faults of the running service), and makes pytest fail
    on any skipped test (``ASSENT_STRICT=1``, read by the tests' conftest).
    """
    began_s = time.monotonic() if began_s is None else began_s
    prepare_data_dir(paths.data_dir())
    notice = bootstrap.fetch_models(paths.models_dir())
    if notice:
        say(notice)
    environment = {
        # tests run side by side, one to a core
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        "ASSENT_MODELS_DIR": str(paths.models_dir()),
        **os.environ,
        **({"ASSENT_STRICT": "1"} if strict else {}),
    }
    results = [("set-up", 0, time.monotonic() - began_s)]
    for name, command in _steps(pytest_arguments, strict):
        say(f"\n== {name}: {' '.join(command).removeprefix(f'{sys.executable} -m ')}")
        started = time.monotonic()
        done = subprocess.run(command, cwd=paths.BASE_DIR, env=environment, check=False)
        results.append((name, done.returncode, time.monotonic() - started))
    say("")
    for name, code, seconds in results:
        say(f"{'ok    ' if code == 0 else 'FAILED'} {name:<12} {seconds:6.1f} s")
    say(f"       {'the whole':<12} {time.monotonic() - began_s:6.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


_SLOWEST = ("--durations=40", "--durations-min=5")


def _steps(pytest_arguments: Sequence[str], strict: bool) -> list[tuple[str, list[str]]]:
    python = [sys.executable, "-m"]
    if pytest_arguments:
        return [("tests", [*python, "pytest", *pytest_arguments])]
    return [
        ("lint", [*python, "ruff", "check", "."]),
        ("format", [*python, "ruff", "format", "--check", "."]),
        ("types", [*python, "mypy"]),
        ("contracts", [str(Path(sys.executable).with_name("lint-imports"))]),
        ("tests", [*python, "pytest", *_side_by_side(), *([] if strict else ["-m", "not slow"]), *_SLOWEST]),
    ]


def _side_by_side() -> list[str]:
    """Files of tests run side by side where each run brings servers of its own; shared ones are for one run."""
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        return []
    return ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
