"""The benchmark schema and the page rendered from it."""

import json
import re

import pytest

from benchmarks.report import ROOT, Row, merge_report, render, write_report


def test_report_is_written_in_the_schema_and_rendered(tmp_path):
    directory = tmp_path / "docs" / "benchmarks"
    rows = [
        Row("speed_s", "s", 0.5, n=3, target=1.0, better="lower", note="warm | cold"),
        Row("quality", "PESQ", 4.2, spread="min 4.0, max 4.4", target=4.4),
        Row("missing", "1", None, note="needs a program that is absent"),
    ]
    path = write_report("sample", rows, command="make bench-sample", directory=directory)
    body = json.loads(path.read_text())
    assert set(body) == {"machine", "command", "date", "rows"}
    assert set(body["rows"][0]) == {"metric", "unit", "value", "spread", "n", "target", "better", "note"}
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert page == render(directory)
    assert "≤ 1 ✓" in page and "≥ 4.4 ✗" in page and "not measured" in page and "warm \\| cold" in page


def test_a_metric_may_be_reported_once(tmp_path):
    with pytest.raises(ValueError, match="twice"):
        write_report("sample", [Row("a", "1", 1), Row("a", "1", 2)], command="x", directory=tmp_path / "b")


def test_parts_of_a_benchmark_are_merged(tmp_path):
    directory = tmp_path / "docs" / "benchmarks"
    merge_report("sample", [Row("a", "1", 1), Row("b", "1", 2)], command="x", directory=directory)
    path = merge_report("sample", [Row("b", "1", 3), Row("c", "1", 4)], command="x", directory=directory)
    values = {row["metric"]: row["value"] for row in json.loads(path.read_text())["rows"]}
    assert values == {"a": 1, "b": 3, "c": 4}


def test_make_knows_every_benchmark_by_name():
    named = re.search(r"^BENCHES = (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    programs = [path for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()]
    others = {
        "report",
        "mutants",
        "kokoro_voices",
        "real_sounds",
        "sources",
    }  # parts of others, or no figures at all
    assert {path.stem for path in programs} - others == set(named[1].split())
