"""Chinese words whose last syllable has no tone of its own (妈妈, 东西)."""

from __future__ import annotations

from functools import cache

from synth.text.symbols import DATA


@cache
def neutral_words() -> frozenset[str]:
    text = (DATA / "neutral_tone_zh.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
