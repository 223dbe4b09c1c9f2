"""What the thresholds of a verdict are worth: each test with its threshold and how often it was wrong.

They are those of docs/benchmarks/watermark.json and audioseal.json; a test holds the two together, to the last
trial. Numbers are text or whole numbers, since they stand in signed reports.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MEASURED_ON = "2026-11-23"


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


FIGURES: tuple[Figure, ...] = (
    Figure(
        "keyed_mark_present", "0.00001 / file", "0.00004", 0, 100_000,
        "Our mark reported in unmarked sound: 2,000 pieces of 3 s, each tried with 50 random keys; without the deep "
        "search.",
        "在无标记声音中误报本服务标记：2000 个 3 秒片段，各以 50 个随机密钥测试；不含深度检测。",
    ),
    Figure(
        "record_named", "24 bit; 1 : 1,000,000", "0.006", 0, 500,
        "A record named in unmarked speech: pieces of 3 s, compared with issued records too.",
        "在无标记语音中误指某条记录：3 秒片段，并与已发布记录比对。",
    ),
    Figure(
        "content_agrees", "BER 0.33 / 2 s", "0.01", 0, 300,
        "A mark copied onto other sound whose content still agreed with the record: tries with the unmarked original "
        "known.",
        "将标记移植到其他声音后内容仍与记录相符：攻击者已知无标记原文件。",
    ),
    Figure(
        "public_mark_in_speech", "log-odds 0", "0.0013", 0, 3_000,
        "The public mark reported in unmarked speech: pieces of 3 s.",
        "在无标记语音中误报公开标记：3 秒片段。",
    ),
    Figure(
        "public_mark_in_other_sound", "log-odds 0", "0.0262", 9, 650,
        "The public mark reported in unmarked sound other than speech (music, tones, hum, noise): pieces of 3 s.",
        "在无标记的非语音声音（音乐、纯音、嗡声、噪声）中误报公开标记：3 秒片段。",
    ),
)  # fmt: skip


def as_rows() -> list[dict[str, Any]]:
    """The table for a report."""
    return [asdict(figure) for figure in FIGURES]
