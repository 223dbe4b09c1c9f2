"""Japanese phones with pitch marks, from Open JTalk's full-context labels (the package carries its dictionary)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from synth.text.characters import plain_digits, says_something
from synth.text.symbols import UNKNOWN, table, word_list
from synth.text.tokens import Token, flat

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
_COMPARED = {
    "≠": "ノットイコール",
    "!=": "ノットイコール",
    "≤": "以下",
    "<=": "以下",
    "≥": "以上",
    ">=": "以上",
}
_AMOUNT = r"\d+(?:,\d{3}){0,8}(?:\.\d+)?"


def _plain(amount: str) -> str:
    return amount.replace(",", "")


def _digit(match: re.Match[str]) -> str:
    return _DIGITS[int(match[0])]


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        (
            rf"([$€£¥￥₩])\s?({_AMOUNT})\s?[-–〜～~]\s?[$€£¥￥₩]?({_AMOUNT})",
            lambda m: f"{_plain(m[2])}から{_plain(m[3])}{_MONEY[m[1]]}",
        ),
        (rf"([$€£¥￥₩])\s?({_AMOUNT})", lambda m: _plain(m[2]) + _MONEY[m[1]]),
        (r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3}){1,5}(?! ?\d)", lambda m: m[0].replace(" ", "")),
        (r"(?<!\d)\d{1,3}(?:,\d{3}){1,8}(?!\d)", lambda m: m[0].replace(",", "")),
        (
            r"(?<!\d)(?:\+\d{1,3}[- ])?\(?0?\d{1,4}\)?[- ]\d{2,4}[- ]\d{3,4}(?:[- ]\d{3,4})?(?![\d-])",
            lambda m: (
                re.sub(r"\d", _digit, m[0].replace("+", "プラス")).replace(" ", "、").replace("-", "、")
            ),
        ),
        (
            r"(?<![\d.,] )(?<![\d.,])\d{4}(?: \d{4}){1,3}(?! ?\d)",
            lambda m: re.sub(r"\d", _digit, m[0]).replace(" ", "、"),
        ),
        ("彼女らし(?=[くさか])", "かのじょらし"),
        ("何色", "なにいろ"),
        ("何曜日", "なんようび"),
        (r"(?<!\d)(\d{4})([-/.])(\d\d?)\2(\d\d?)(?!\d)", lambda m: f"{m[1]}年{int(m[3])}月{int(m[4])}日"),
        (
            r"(?<![\d:：])([01]?\d|2[0-4])[:：]([0-5]\d)(?![\d:：])",
            lambda m: f"{int(m[1])}時" + (f"{int(m[2])}分" if int(m[2]) else ""),
        ),
        (r"(?<![\d:：])(\d+)[:：](\d+)(?![\d:：])", r"\1対\2"),
        ("[$€£¥￥₩]", lambda m: _MONEY[m[0]]),
        (r"(?<![\d/])(\d+)/(\d+)(?![\d/])", r"\2分の\1"),
        (r"(?<![\d〜～~-])(\d{1,3})\s?[〜～~-]\s?(?=\d{1,3}(?![\d-]))", r"\1から"),
        (r"(?<=\d)\s?−\s?(?=\d)", "引く"),
        (r"(?<![\w-])[-−](?=\d)", "マイナス"),
        (r"(?<=[\dA-Za-z])\s?(≠|!=|≤|<=|≥|>=)\s?(?=[\dA-Za-z-])", lambda m: _COMPARED[m[1]]),
        (
            r"(?<=\d)\s?([+×÷=])\s?(?=\d)",
            lambda m: {"+": "足す", "×": "かける", "÷": "割る", "=": "は"}[m[1]],
        ),
        (r"(?<=\d)km/h", "キロメートル毎時"),
        (r"(?<=\d)(?:㎡|m²|m2)", "平方メートル"),
        ("[％%]", "パーセント"),
        ("℃|°C", "度"),
        ("[&＆]", "アンド"),
        ("[①-⑳]", lambda m: f"{ord(m[0]) - 0x245F}、"),
        (r"(?<=\d)[²]", "の二乗"),
        (r"(?<=\d)[³]", "の三乗"),
        (r"(?<=[\dA-Za-z])\^(\d+)", r"の\1乗"),
    )
)
_NUCLEI = frozenset(["a", "e", "i", "o", "u", "N", "cl"])
PHRASE_BREAK = UNKNOWN  # the checkpoints were trained with the break between phrases outside their table


def verbalized(text: str) -> str:
    """Signs that Open JTalk would skip or spell, as words; it reads numbers, counters and letters by itself."""
    text = plain_digits(text)
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    return text.replace("...", "…")


def tidied(text: str) -> tuple[str, str]:
    """What Open JTalk can read and marks, and the characters that were dropped though they say something."""
    text = re.sub(r"\s*\n\s*", "。", text.strip())
    unread = {
        letter
        for letter in text
        if not _SPOKEN.match(letter) and letter not in _MARKS and says_something(letter)
    } - set(table())
    return "".join(letter for letter in text if letter not in unread), "".join(
        dict.fromkeys(letter for letter in text if letter in unread)
    )


def normalize(text: str) -> str:
    """See `verbalized`; punctuation stays."""
    return verbalized(text)


def borders(text: str) -> list[int]:
    """Where phrases begin: at what is no hiragana after hiragana."""
    return [border.end() for border in re.finditer("[ぁ-ん](?=[^ぁ-んー、。])", text)]


def phones(text: str, words: Mapping[str, Sequence[str]] | None = None) -> tuple[list[str], None]:
    """Phones, pitch rises ``[``, falls ``]`` and marks."""
    return flat(tokens(text, words))[0], None


def tokens(text: str, words: Mapping[str, Sequence[str]] | None = None) -> list[Token]:
    """Words as Open JTalk takes them, and marks. ``words``: word -> its reading in kana (one string)."""
    for word, reading in (words or {}).items():
        text = text.replace(word, "".join(reading))
    found: list[Token] = []
    place = 0
    for run in _SPOKEN.finditer(text):
        found += _marks(text[place : run.start()])
        found += _words(run[0])
        place = run.end()
    return found + _marks(text[place:])


def _marks(text: str) -> list[Token]:
    known = table()
    marks = [_MARKS.get(mark, mark) for mark in text if not mark.isspace()]
    return [Token(mark, (mark,)) for mark in marks if mark in known and mark not in "[]_"]


def _words(text: str) -> list[Token]:
    """The words of a run without punctuation: a mora ends with its vowel, and each word has so many morae."""
    features = _open_jtalk().run_frontend(text)
    phones = _phrase_phones(_open_jtalk().make_label(features))
    tokens: list[Token] = []
    at = 0
    for feature in features:
        end, morae = at, 0
        while end < len(phones) and morae < feature["mora_size"]:
            morae += phones[end] in _NUCLEI
            end += 1
        while end < len(phones) and phones[end] in {"[", "]", "_", PHRASE_BREAK}:
            end += 1
        tokens.append(Token(feature["string"], tuple(phones[at:end])))
        at = end
    if at < len(phones) and tokens:
        tokens[-1] = Token(tokens[-1].text, (*tokens[-1].phones, *phones[at:]))
    return tokens


def _phrase_phones(full_context: Sequence[str]) -> list[str]:
    """Phones and pitch marks of labels; vowels without voice count as voiced."""
    labels = [_read(label) for label in full_context]
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
