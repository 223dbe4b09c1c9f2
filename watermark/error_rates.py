"""What the thresholds of a verdict are worth: each test with its threshold and how often it was wrong.

Alarms, trials and rates are those of docs/benchmarks, by way of `measured.json` (see `benchmarks.figures`). Numbers are
text or whole numbers, since they stand in signed reports.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_MEASURED = json.loads((Path(__file__).parent / "measured.json").read_text(encoding="utf-8"))
MEASURED_ON: str = _MEASURED["measured_on"]


@dataclass(frozen=True)
class Figure:
    """One test. ``false_alarm_rate``: an upper bound at 95 %, as decimal text; ``alarms`` of ``trials`` were seen."""

    test: str
    threshold: str
    false_alarm_rate: str
    alarms: int
    trials: int
    en: str
    zh: str


def _figure(test: str, threshold: str, en: str, zh: str) -> Figure:
    seen = _MEASURED["tests"][test]
    return Figure(test, threshold, seen["false_alarm_rate"], seen["alarms"], seen["trials"], en, zh)


FIGURES: tuple[Figure, ...] = (
    _figure(
        "keyed_mark_present", "0.00001 / file",
        "Our mark reported in unmarked sound: pieces of 3 s, each tried with 50 random keys; without the deep search.",
        "在无标记声音中误报本服务标记：3 秒片段，各以 50 个随机密钥测试；不含深度检测。",
    ),
    _figure(
        "record_named", "24 bit; 1 : 1,000,000",
        "A record named in unmarked speech: pieces of 3 s, compared with issued records too.",
        "在无标记语音中误指某条记录：3 秒片段，并与已发布记录比对。",
    ),
    _figure(
        "content_agrees", "BER 0.33 / 2 s",
        "A mark copied onto other sound whose content still agreed with the record: tries with the unmarked original "
        "known.",
        "将标记移植到其他声音后内容仍与记录相符：攻击者已知无标记原文件。",
    ),
    _figure(
        "public_mark_in_speech", _MEASURED["public_threshold"],
        "The public mark reported in unmarked speech: pieces of 3 s.",
        "在无标记语音中误报公开标记：3 秒片段。",
    ),
    _figure(
        "public_mark_in_other_sound", _MEASURED["public_threshold"],
        "The public mark reported in unmarked sound other than speech (music, tones, hum, noise): pieces of 3 s.",
        "在无标记的非语音声音（音乐、纯音、嗡声、噪声）中误报公开标记：3 秒片段。",
    ),
)  # fmt: skip


def as_rows() -> list[dict[str, Any]]:
    """The table for a report."""
    return [asdict(figure) for figure in FIGURES]
