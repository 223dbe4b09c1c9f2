"""Japanese phones with pitch marks, from Open JTalk's full-context labels (the package carries its dictionary)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from synth.text.characters import plain_digits
from synth.text.symbols import UNKNOWN, table, word_list

_SPOKEN = re.compile(r"(?:[A-Za-z0-9々〆ヵヶぁ-ゖァ-ヺー㐀-鿿０-９Ａ-Ｚａ-ｚｦ-ﾝ]|(?<=[0-9])[.,](?=[0-9]))+")
_MARKS = {
    "：": ",",
    "；": ",",
    "，": ",",
    "、": ",",
    "·": ",",
    "・": ",",
    "。": ".",
    "！": "!",
    "？": "?",
    "\n": ".",
}
_LABEL = re.compile(r"-(?P<phone>[^+]+)\+.*?/A:(?P<accent>[-\dx]+)\+(?P<place>[\dx]+)\+(?P<left>[\dx]+)/")
_PHRASE_LENGTH = re.compile(r"/F:(\d+)_")
_MONEY = {"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円", "￥": "円", "₩": "ウォン"}
_DIGITS = word_list("ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー")
_AMOUNT = r"\d+(?:,\d{3}){0,8}(?:\.\d+)?"


def _digit(match: re.Match[str]) -> str:
    return _DIGITS[int(match[0])]


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        (r"(?<!\d)0\d{1,3}-\d{2,4}-\d{4}(?!\d)", lambda m: re.sub(r"\d", _digit, m[0])),
        (r"(?<!\d)(\d{4})([-/.])(\d\d?)\2(\d\d?)(?!\d)", lambda m: f"{m[1]}年{int(m[3])}月{int(m[4])}日"),
        (
            r"(?<![\d:：])([01]?\d|2[0-4])[:：]([0-5]\d)(?![\d:：])",
            lambda m: f"{int(m[1])}時" + (f"{int(m[2])}分" if int(m[2]) else ""),
        ),
        (r"(?<![\d:：])(\d+)[:：](\d+)(?![\d:：])", r"\1対\2"),
        (rf"([$€£¥￥₩])\s?({_AMOUNT})", lambda m: m[2] + _MONEY[m[1]]),
        (r"(?<![\d/])(\d+)/(\d+)(?![\d/])", r"\2分の\1"),
        (r"(?<![\d〜～~-])(\d{1,3})\s?[〜～~-]\s?(?=\d{1,3}(?![\d-]))", r"\1から"),
        (r"(?<![\w-])[-−](?=\d)", "マイナス"),
        (r"(?<=\d)\s?([+×=])\s?(?=\d)", lambda m: {"+": "足す", "×": "かける", "=": "は"}[m[1]]),
        (r"(?<=\d)km/h", "キロメートル毎時"),
        (r"(?<=\d)(?:㎡|m²|m2)", "平方メートル"),
        ("[％%]", "パーセント"),
        ("℃|°C", "度"),
        ("[&＆]", "アンド"),
    )
)
PHRASE_BREAK = UNKNOWN  # the checkpoints were trained with the break between phrases outside their table


def normalize(text: str) -> str:
    """Signs that Open JTalk would skip or spell, as words; it reads numbers, counters and letters by itself."""
    text = plain_digits(text)
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    return text.replace("...", "…")


def phones(text: str, words: Mapping[str, Sequence[str]] | None = None) -> tuple[list[str], None]:
    """Phones, pitch rises ``[``, falls ``]`` and marks. ``words``: word -> its reading in kana (one string)."""
    for word, reading in (words or {}).items():
        text = text.replace(word, "".join(reading))
    spoken: list[str] = []
    place = 0
    for run in _SPOKEN.finditer(text):
        spoken += _marks(text[place : run.start()])
        spoken += _phrase_phones(run[0])
        place = run.end()
    return spoken + _marks(text[place:]), None


def _marks(text: str) -> list[str]:
    known = table()
    marks = [_MARKS.get(mark, mark) for mark in text if not mark.isspace()]
    return [mark for mark in marks if mark in known and mark not in "[]_"]


def _phrase_phones(text: str) -> list[str]:
    """Phones of a run without punctuation; vowels without voice count as voiced."""
    labels = [_read(label) for label in _open_jtalk().extract_fullcontext(text)]
    spoken: list[str] = []
    for index, (phone, accent, place, left, length) in enumerate(labels):
        if phone == "sil":
            continue
        if phone == "pau":
            spoken.append("_")
            continue
        spoken.append(phone.lower() if phone in "AEIOU" else phone)
        next_place = labels[index + 1][2] if index + 1 < len(labels) else None
        if left == 1 and next_place == 1 and phone in {*"aeiouAEIOUN", "cl"}:
            spoken.append(PHRASE_BREAK)
        elif accent == 0 and next_place == place + 1 and place != length:
            spoken.append("]")
        elif place == 1 and next_place == 2:
            spoken.append("[")
    known = table()
    return [phone if phone in known else UNKNOWN for phone in spoken]


def _read(label: str) -> tuple[str, int, int, int, int]:
    """Phone, distance to the accent, place in the accent phrase from the front, from the back, phrase length."""
    match = _LABEL.search(label)
    length = _PHRASE_LENGTH.search(label)
    if match is None:
        found = re.search(r"-([^+]+)\+", label)
        return (found[1] if found else "sil"), -50, -50, -50, -50
    numbers = [
        int(match[name]) if match[name].lstrip("-").isdigit() else -50 for name in ("accent", "place", "left")
    ]
    return match["phone"], numbers[0], numbers[1], numbers[2], int(length[1]) if length else -50


@cache
def _open_jtalk() -> Any:
    import pyopenjtalk

    return pyopenjtalk
