"""The false-alarm figures that signed reports state, taken from docs/benchmarks: written to watermark/measured.json,
because the product travels without its documents. `write_report` keeps it up to date.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).resolve().parent.parent / "watermark" / "measured.json"
# Each test of a verdict: the benchmark and the row that say how often it was wrong.
ROWS = {
    "keyed_mark_present": ("watermark", "fpr_upper_bound"),
    "record_named": ("watermark", "false_alarms"),
    "content_agrees": ("watermark", "transplant_issued"),
    "public_mark_in_speech": ("audioseal", "false_alarm_speech"),
    "public_mark_in_other_sound": ("audioseal", "false_alarm_non_speech"),
}


def measured(directory: Path) -> dict[str, Any]:
    """Date, threshold of the public mark, and for each test alarms, trials and an upper bound of their rate (95 %), by
    the reports in `directory`.
    """
    reports = {name: json.loads((directory / f"{name}.json").read_text()) for name, _ in ROWS.values()}
    rows = {
        name: {row["metric"]: row for row in report["rows"]} | {"date": report["date"]}
        for name, report in reports.items()
    }
    return {
        "measured_on": max(report["date"] for report in reports.values()),
        "public_threshold": f"log-odds {rows['audioseal']['presence_threshold']['value']:g}",
        "tests": {test: _figure(rows[bench][metric]) for test, (bench, metric) in ROWS.items()},
    }


def _figure(row: dict[str, Any]) -> dict[str, Any]:
    trials = row["n"]
    if row["metric"] == "fpr_upper_bound":  # the bound itself; its note counts
        alarms, bound = int(row["note"].split(" alarms")[0].split()[-1]), row["value"]
    elif row["unit"] == "share":
        alarms, bound = round(row["value"] * trials), float(row["spread"].split(" to ")[1])
    elif row["value"] == 0:
        alarms, bound = 0, 3 / trials
    else:
        raise ValueError(f"{row['metric']}: an alarm was counted; say here how its rate is bounded")
    return {"alarms": alarms, "trials": trials, "false_alarm_rate": rounded_up(bound)}


def rounded_up(rate: float) -> str:
    """Two digits, never less than it was: 0.0000397 as 0.00004."""
    places = max(0, 1 - math.floor(math.log10(rate))) if rate > 0 else 0
    whole = math.ceil(round(rate * 10**places, 6))
    return f"{whole / 10**places:.{places}f}".rstrip("0").rstrip(".")


def write(directory: Path) -> None:
    MEASURED.write_text(json.dumps(measured(directory), indent=2) + "\n", encoding="utf-8")
