"""One schema for every benchmark, one page rendered from all of them.

A benchmark collects `Row`s and calls `write_report(name, rows, command=...)`. That writes
`docs/benchmarks/NAME.json`::

    {"machine": str, "command": str, "date": "YYYY-MM-DD",
     "rows": [{"metric", "unit", "value", "spread", "n", "target", "better", "note"}, ...]}

and renders `docs/benchmarks.md` again from all such files, so the page never disagrees with the data, nor do the
figures of signed reports (`benchmarks.figures`).
`python -m benchmarks.report` renders the page alone.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmarks import figures

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS_DIR = ROOT / "docs" / "benchmarks"
PAGE_NAME = "benchmarks.md"


@dataclass(frozen=True)
class Row:
    """One measured figure.

    metric: stable snake_case name. unit: "s", "MB", "share", "PESQ", ... ("1" for a bare count).
    value: the figure, or None when it could not be measured (the note then says why).
    spread: how far repeated or per-item values lie apart, in words ("min 4.38, max 4.61") or as a number.
    n: how many items or repetitions the value rests on. target: what was asked for, if anything was.
    better: which direction is good; it decides whether the target is met.
    """

    metric: str
    unit: str
    value: float | int | None
    spread: float | str | None = None
    n: int | None = None
    target: float | int | None = None
    better: Literal["higher", "lower"] = "higher"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target or without a value."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def spread_of(values: Sequence[float]) -> str:
    """Range and median of `values` in words, for `Row.spread`."""
    if not values:
        return ""
    return (
        f"min {_number(min(values))}, median {_number(statistics.median(values))}, max {_number(max(values))}"
    )


def machine() -> str:
    """Processor, cores usable by this process, memory, Python: what a reader needs to compare figures."""
    model = platform.processor() or platform.machine()
    memory_gib = None
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, ValueError):
        pass  # not Linux: the generic names above will do
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [model, f"{cores} cores"]
    if memory_gib is not None:
        parts.append(f"{memory_gib:.0f} GiB")
    parts.append(f"Python {platform.python_version()}")
    return ", ".join(parts)


def write_report(name: str, rows: Iterable[Row], *, command: str, directory: Path = BENCHMARKS_DIR) -> Path:
    """Write `directory/NAME.json`, render the page beside `directory`, return the path of the JSON file.

    Raises ValueError for two rows of the same metric: a reader of the JSON looks figures up by name.
    """
    listed = list(rows)
    names = [row.metric for row in listed]
    if len(set(names)) != len(names):
        raise ValueError(f"benchmark {name!r} reports a metric twice")
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    body = {
        "machine": machine(),
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "rows": [asdict(row) for row in listed],
    }
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (directory.parent / PAGE_NAME).write_text(render(directory), encoding="utf-8")
    if directory == BENCHMARKS_DIR:
        figures.write(directory)
    return path


def merge_report(name: str, rows: Iterable[Row], *, command: str, directory: Path = BENCHMARKS_DIR) -> Path:
    """Like `write_report`, keeping rows of metrics that are not measured anew (a long benchmark run in parts)."""
    fresh = {row.metric: row for row in rows}
    for row in fresh.values():
        print(row.metric, row.value, row.spread or "", row.note, flush=True)
    path = directory / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    kept = [fresh.pop(row["metric"]) if row["metric"] in fresh else Row(**row) for row in before]
    return write_report(name, [*kept, *fresh.values()], command=command, directory=directory)


def render(directory: Path = BENCHMARKS_DIR) -> str:
    """The Markdown page of every report in `directory`, in the order of their names."""
    lines = [
        "# Benchmarks",
        "",
        "Rendered by `python -m benchmarks.report` from the JSON files in `docs/benchmarks/`: do not edit.",
        "A target without a tick was not reached on the machine named; the note says what is known about it.",
    ]
    for path in sorted(directory.glob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        if "rows" not in body:
            continue  # supporting data of a benchmark, not a report
        lines += ["", f"## {path.stem}", "", f"`{body['command']}` · {body['date']} · {body['machine']}", ""]
        lines += [
            "| metric | value | unit | target | n | spread | note |",
            "| --- | ---: | --- | --- | ---: | --- | --- |",
        ]
        lines += [_line(Row(**row)) for row in body["rows"]]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    target = ""
    if row.target is not None:
        sign = "≥" if row.better == "higher" else "≤"
        tick = {True: " ✓", False: " ✗", None: ""}[row.met]
        target = f"{sign} {_number(row.target)}{tick}"
    value = "not measured" if row.value is None else _number(row.value)
    cells = [
        row.metric,
        value,
        row.unit,
        target,
        "" if row.n is None else str(row.n),
        _cell(row.spread),
        row.note,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _cell(spread: float | str | None) -> str:
    if spread is None:
        return ""
    return spread if isinstance(spread, str) else _number(spread)


def _number(value: float | int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


if __name__ == "__main__":
    (BENCHMARKS_DIR.parent / PAGE_NAME).write_text(render(), encoding="utf-8")
    figures.write(BENCHMARKS_DIR)
