"""`make mutants`: do the tests notice when a promise is broken?

`benchmarks/mutants.toml` lists single-point mutants over all rooms, each with the tests that must fail. They are
applied one after the other in a copy of the tree, never in place; the named tests run, and what no test noticed is
printed. First the named tests run on the tree as it is: a test that fails anyway notices nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import BENCHMARKS_DIR, ROOT, Row, write_report
from synth.local.services import LocalServices

LIST = Path(__file__).with_name("mutants.toml")
REPORT = BENCHMARKS_DIR / "mutants.json"
TARGET_COUNT = 80
_BETWEEN = "; "
TESTS_FAILED = 1
"""Exit status of pytest. Any other but 0 says that the tests did not run, which is no proof of anything."""


@dataclass(frozen=True)
class Mutant:
    """``old`` stands exactly once in ``file``; with ``new`` in its place one of ``tests`` must fail."""

    says: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, text: str) -> str:
        """The file's text, broken. Raises ValueError unless the place is there once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} holds the text of “{self.says}” {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def listed(path: Path = LIST) -> list[Mutant]:
    """The committed mutants."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]


class Copy:
    """The tree's committed and new files in a folder of their own, with one set of servers for all test runs."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout.decode().split("\0")  # fmt: skip
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.tree / name)
        self._services = LocalServices(folder / "services", durable=False)
        ends = self._services.start()
        self._environment = {
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ASSENT_MODELS_DIR": os.environ.get("ASSENT_MODELS_DIR", str(ROOT / "var" / "models")),
            "DATABASE_URL": ends.database_url,
            "DATABASE_OWNER_URL": ends.database_owner_url,
            "DATABASE_SEQUENCER_URL": ends.database_sequencer_url,
            "DATABASE_SUPERUSER_URL": self._services.superuser_url,
            "REDIS_URL": ends.redis_url,
        }

    def close(self) -> None:
        self._services.stop()

    def run(self, tests: Sequence[str], *, first_failure: bool = True) -> tuple[int, str]:
        """Exit status and output of pytest on these tests."""
        options = ["-q", "-p", "no:cacheprovider", "--tb=line", *(["-x"] if first_failure else [])]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=self.tree, env=self._environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def survives(self, mutant: Mutant) -> str:
        """Why the mutant counts as a survivor; "" where a test failed."""
        path = self.tree / mutant.file
        kept = path.read_text(encoding="utf-8")
        path.write_text(mutant.apply(kept), encoding="utf-8")
        try:
            status, output = self.run(mutant.tests)
        finally:
            path.write_text(kept, encoding="utf-8")
        if status == TESTS_FAILED:
            return ""
        return "no test noticed" if status == 0 else f"the tests did not run:\n{output[-1500:]}"


def chosen(only: str, again: bool) -> list[Mutant]:
    """The mutants whose name or file holds ``only``; with ``again`` of those that survived the run written down."""
    mutants = [mutant for mutant in listed() if only in mutant.says or only in mutant.file]
    if not again:
        return mutants
    (row,) = [
        row for row in json.loads(REPORT.read_text(encoding="utf-8"))["rows"] if row["metric"] == "survivors"
    ]
    return [mutant for mutant in mutants if mutant.says in row["note"].split(_BETWEEN)]


def run(only: str = "", *, again: bool = False) -> int:
    """Try them; the number that survived. A whole run is written down, and so is what became of its survivors."""
    mutants = chosen(only, again)
    started = time.monotonic()
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="assent-mutants-") as folder:
        copy = Copy(Path(folder))
        try:
            status, output = copy.run(
                sorted({test for mutant in mutants for test in mutant.tests}), first_failure=False
            )
            if status:
                print(output[-6000:])
                raise SystemExit("The named tests do not pass on the tree as it is.")
            for number, mutant in enumerate(mutants, 1):
                why = copy.survives(mutant)
                print(
                    f"{number:3}/{len(mutants)} {'SURVIVED' if why else 'killed  '} {mutant.file}: {mutant.says}",
                    flush=True,
                )
                if why:
                    print(f"    {why}", flush=True)
                    survivors.append(mutant)
        finally:
            copy.close()
    print(f"{len(survivors)} of {len(mutants)} survived")
    if not only:
        _write(survivors, time.monotonic() - started, again=len(mutants) if again else 0)
    return len(survivors)


def _write(survivors: Sequence[Mutant], elapsed_s: float, *, again: int) -> None:
    mutants = listed()
    files = {mutant.file for mutant in mutants}
    when = f"; {again} that had survived were tried again with other tests" if again else ""
    rows = [
        Row("mutants", "1", len(mutants), n=len(files), target=TARGET_COUNT, note=f"over {len(files)} files"),
        Row(
            "survivors", "1", len(survivors), n=len(mutants), target=0, better="lower",
            note=_BETWEEN.join(mutant.says for mutant in survivors)
            or f"every one fails a test named beside it{when}",
        ),
        Row("elapsed_s", "s", round(elapsed_s), n=1, better="lower", note="one after the other, beside other work"),
    ]  # fmt: skip
    write_report("mutants", rows, command="make mutants")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", help="mutants whose name or file holds this; nothing is written down"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="those that survived the last whole run, which is brought up to date",
    )
    options = parser.parse_args()
    raise SystemExit(1 if run(options.only, again=options.again) else 0)
