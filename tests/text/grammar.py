"""Random texts of numbers, dates, titles, addresses and marks in five languages, and what must be heard of them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from synth.text.frontend import Reading

_WORDS = {
    "en": [
        "the",
        "river",
        "garden",
        "paints",
        "seven",
        "quiet",
        "letters",
        "before",
        "morning",
        "and",
        "bridges",
    ],
    "zh": [
        "我们",
        "今天",
        "学习",
        "语音",
        "合成",
        "天气",
        "很好",
        "请",
        "大家",
        "注意",
        "谢谢",
        "北京",
        "时间",
    ],
    "ja": [
        "今日は",
        "とても",
        "いい",
        "天気",
        "です",
        "駅まで",
        "歩いて",
        "行きました",
        "日本語",
        "本を",
        "読む",
    ],
    "ko": ["오늘", "날씨가", "좋습니다", "우리는", "한국어를", "공부합니다", "학교에", "갑니다", "친구와"],
    "yue": ["我哋", "今日", "去", "飲茶", "佢", "話", "好", "開心", "香港", "天氣"],
}
_TITLES = {
    "en": [
        "Dr. Chen",
        "Mrs. Lee",
        "Gen. Hall",
        "J. K. Rowling",
        "Henry VIII",
        "Acme Co.",
        "the U.S.",
        "Ph.D.",
    ],
    "zh": ["曾先生", "任经理", "查教授", "亨利VIII"],
    "ja": ["田中さん", "鈴木先生"],
    "ko": ["김 선생님", "박 과장"],
    "yue": ["陳先生", "李小姐"],
}
_STOPS = {"en": ".,!?;:", "zh": "。，！？；、", "ja": "。、！？", "ko": ".,!?", "yue": "。，！？"}
_LETTERS = {
    "en": "[A-Za-z]", "zh": "[㐀-鿿]", "yue": "[㐀-鿿]", "ja": "[ぁ-ゖァ-ヺー㐀-鿿]", "ko": "[가-힣]",
}  # fmt: skip


def text(language: str, seed: int) -> str:
    """One text of up to about 25 items."""
    draw = random.Random(f"{language} {seed}")
    items: list[Callable[[], str]] = [
        lambda: str(draw.randrange(10 ** draw.randint(1, 9))),
        lambda: f"{draw.randrange(10**7):,}",
        lambda: f"{draw.random() * 1000:.{draw.randint(1, 3)}f}",
        lambda: f"{draw.choice('$€£¥')}{draw.randrange(5000):,}.{draw.randrange(100):02d}",
        lambda: f"{draw.choice('$€')}{draw.randrange(1, 9)}-{draw.choice('$€')}{draw.randrange(9, 30)}",
        lambda: f"{draw.randrange(1990, 2030)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
        lambda: f"{draw.randint(0, 23)}:{draw.randint(0, 59):02d}",
        lambda: f"{draw.randint(1, 99)}/{draw.randint(2, 99)}",
        lambda: f"{draw.randint(1, 99)}%",
        lambda: f"{draw.randint(100, 999)} {draw.randint(1000, 9999)} {draw.randint(1000, 9999)}",
        lambda: (
            f"+{draw.randint(1, 99)}-{draw.randint(200, 999)}-{draw.randint(200, 999)}-{draw.randint(1000, 9999)}"
        ),
        lambda: f"{draw.randint(1, 20)}^{draw.randint(2, 9)}",
        lambda: f"x={draw.randint(1, 99)}",
        lambda: draw.choice(["www.example.com", "https://a.org/b?c=1", "me@mail.net"]),
        lambda: f"{draw.choice('ABC')}{draw.randint(10000, 999999)}",
        lambda: draw.choice(_TITLES[language]),
        lambda: "\n",
    ]
    words = _WORDS[language]
    parts = []
    for _ in range(draw.randint(3, 25)):
        part = draw.choice(words) if draw.random() < 0.6 else draw.choice(items)()
        parts.append(part + (draw.choice(_STOPS[language]) if draw.random() < 0.25 else ""))
    return " ".join(parts)


def lost(written: str, language: str, reading: Reading) -> list[str]:
    """What was written and is neither spoken nor said in a warning: words that are gone, and numbers of which
    nothing is heard."""
    heard = "".join(piece.norm_text for sentence in reading.sentences for piece in sentence.pieces)
    said = _folded(heard)
    missing = [
        word
        for word in _WORDS[language]
        if _folded(word) and written_count(written, word) > said.count(_folded(word))
    ]
    # No digit, sign or letter is left over: each has become words or a warning.
    silent = [
        sentence.text
        for sentence in reading.sentences
        if re.search(r"\w", sentence.text) and not any(re.match(r"\w", phone) for phone in sentence.phones)
    ]
    numbers = len(re.findall(r"\d+", written))
    if numbers and len(heard) < len(written) // 3 and language != "ja":
        missing.append(f"{numbers} numbers in {heard!r}")
    return [*missing, *silent]


def written_count(written: str, word: str) -> int:
    """How often a word of the grammar stands in a text as an item of its own."""
    return len(re.findall(rf"(?<!\S){re.escape(word)}(?![^\s\W])", written))


def _folded(words: str) -> str:
    from synth.text.chinese.written import simplified

    return re.sub(r"[\W_]", "", simplified(words)).lower()
