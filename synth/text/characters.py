"""Characters that every language reads the same way: other shapes of a letter, digits of every script."""

from __future__ import annotations

import re
import unicodedata

_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
# Shapes that have a meaning of their own, which the languages' own rules read: ², ½, ①, ㎡, ℃, …
_KEPT = re.compile(r"[⁰¹²³⁴-⁾ⁿˣʸ₀-₎¼-¾⅐-⅞Ⅰ-ⅿ①-⓿❶-➓㈠-㏿℃℉№™℠…‥µ]")
_WIDE_MARKS = "，：；！？～￥％（）．"
# Characters that fonts draw otherwise or that only names have -> the common one with the same reading.
_VARIANTS = str.maketrans(
    {"𠮷": "吉", "髙": "高", "﨑": "崎", "淸": "清", "⼀": "一", "−": "−", "‐": "-", "‑": "-", "﹣": "-", "－": "-",
     "＇": "'", "ʼ": "'", "′": "′", "﹐": ",", "﹒": ".", "﹔": ";", "﹕": ":", "﹖": "?", "﹗": "!", "\u00ad": "",
     "\ufeff": "", "\u200b": "", "\u2060": "", "\r": "\n", "\u2028": "\n", "\u2029": "\n", "\u0085": "\n", "\v": "\n",
     "\f": "\n"}
)  # fmt: skip
# Signs that lay a text out or stand in for a pause: nothing is said for them and nothing is lost without them.
_LAYOUT = frozenset("#*_|\\^`~<>=+¦¨¯´¸·•◦▪■□▶►◀◆◇●○★☆♪♫※†‡←↑→↓⇒⇐✓✔✗✘☑☐─━│┃┄┈│ー〜～゛゜᠎ᅠㅤ")


def plain(text: str) -> str:
    """Full-width, styled and compatibility letters as the plain ones; line ends as ``\\n``; other spaces as blanks.

    Characters that the languages have rules for (², ½, ①, ㎡, ℃) and full-width punctuation stay.
    """
    text = text.replace("\r\n", "\n").translate(_VARIANTS)
    if text.isascii():
        return text
    return "".join(_plain(letter) for letter in unicodedata.normalize("NFC", text))


def _plain(letter: str) -> str:
    if letter.isascii() or letter in _WIDE_MARKS or _KEPT.match(letter):
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    folded = unicodedata.normalize("NFKC", letter)
    # Some compatibility forms begin with a blank (´ is blank and accent): they stay what they are.
    return letter if folded[:1].isspace() else folded


def plain_digits(text: str) -> str:
    """Decimal digits of every script as 0 to 9."""
    return _FOREIGN_DIGIT.sub(lambda digit: str(int(digit[0])), text)


def roman(text: str) -> int:
    """XIV -> 14."""
    values = [_ROMAN[letter] for letter in text]
    return sum(
        -value if value < max(values[index:], default=0) else value for index, value in enumerate(values)
    )


def says_something(letter: str) -> bool:
    """Whether a reader would miss the character: letters, numbers and signs, but no punctuation and no layout."""
    return unicodedata.category(letter)[0] in "LNS" and letter not in _LAYOUT
