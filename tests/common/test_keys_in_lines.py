"""Whatever a caller sends may end in a line of the process log; a key's secret does not."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from synth.common import keyed, logs

KEY = "assent_85b553814f29_jkzuG8_AbjaD1-ZpVkBlHDyj"


def record(message: str, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, __file__, 1, message, (), exc_info)  # type: ignore[arg-type]


@pytest.mark.parametrize("formatter", [logs.LineFormatter(), logs.JsonFormatter()])
def test_no_line_holds_a_key(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(f"/k/{KEY}/k/{KEY}/tts")
    except ValueError:
        error = sys.exc_info()
    for line in (
        formatter.format(record(f"Not Found: /v1/k/{KEY}/models")),
        formatter.format(record("no", error)),
    ):
        assert "jkzuG8" not in line and "assent_85b553814f29_…" in line
    if isinstance(formatter, logs.JsonFormatter):
        assert json.loads(formatter.format(record(f"“{KEY}”")))["message"] == "“assent_85b553814f29_…”"


@pytest.mark.parametrize("path", [f"/k/{KEY}/tts", f"//k/{KEY}/tts", f"/k/{KEY}//tts"])
def test_a_base_address_may_be_written_with_a_slash_too_many(path: str) -> None:
    assert keyed.split(path) == (KEY, "/tts")
