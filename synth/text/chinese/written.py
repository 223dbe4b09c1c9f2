"""Written Chinese as it is read aloud: `verbalized` before a text is cut, `tidied` for each piece."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache

from synth.text import characters
from synth.text.chinese import original as original_words
from synth.text.chinese.numbers import by_digit, cardinal
from synth.text.chinese.rules import DIGIT_NAMES, in_words
from synth.text.chinese.tables import GREEK, MONEY
from synth.text.symbols import DATA, MARKS

_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED = re.compile(r"[⁻]?[⁰¹²³⁴-⁹]+|(?<=[0-9A-Za-z)一-龥])\^\(?([-−]?\d+)\)?")
_CIRCLED = {chr(0x2460 + n): n + 1 for n in range(20)}
_WIDE_ALPHANUMERICS = frozenset(chr(ord(letter) + 0xFEE0) for letter in string.digits + string.ascii_letters)
_ROMAN = {chr(0x2160 + n): n + 1 for n in range(12)} | {chr(0x2170 + n): n + 1 for n in range(12)}
# 乾 is qián in these and 干 elsewhere; 著 is zhù in these and 着 elsewhere in traditional writing.
_QIAN = re.compile("乾(?=[隆坤卦陵县縣元清嘉])")
_ZHE = re.compile("(?<![名显顯原巨论論编編专專译譯遗遺昭卓土拙合所新大])著(?![名作者述书書称稱录錄])")
_MARK_MAP = str.maketrans(
    {
        "，": ",", "、": ",", "；": ",", "：": ",", ";": ",", ":": ",", "。": ".", "！": "!", "？": "?", "·": ",",
        "\n": ".", "—": "-", "～": "…", "~": "…",
    }
)  # fmt: skip


@cache
def _simplified_table() -> dict[int, str]:
    traditional, simplified = (
        (DATA / "traditional_to_simplified.txt").read_text(encoding="utf-8").split("\n")[:2]
    )
    return {ord(old): new for old, new in zip(traditional, simplified, strict=True)}


def simplified(text: str) -> str:
    """Traditional characters replaced one by one (the length stays the same)."""
    plain = text.translate(_simplified_table())
    for kept in _QIAN.finditer(text):
        plain = plain[: kept.start()] + "乾" + plain[kept.end() :]
    return _ZHE.sub("着", plain) if "著" in plain else plain


def verbalized(text: str) -> str:
    """Numbers and signs as simplified characters; letters, punctuation and lines stay as they are."""
    text = "".join(_compatible(letter) for letter in simplified(characters.plain_digits(text)))
    text = re.sub(r"\d{25,}", lambda m: by_digit(m[0]), text)  # no number that anybody would read as one
    text = re.sub(r"(?<=\d)：(?=\d)", ":", text)
    text = re.sub(f"(?<=[{DIGIT_NAMES}])[〇○]|[〇○](?=[{DIGIT_NAMES}])", "零", text).replace("〇", "零")
    text = in_words(_RAISED.sub(power, text))
    text = "".join(GREEK.get(letter, letter) for letter in text)
    text = "".join(MONEY.get(letter, letter) for letter in text)
    return text.replace("/", "每").replace("%", "百分号")


def power(match: re.Match[str]) -> str:
    """10⁻³, 10^3: 的负三次方, 的三次方."""
    exponent = (match[1] or match[0]).translate(_POWERS).replace("−", "-").lstrip("^(")
    return f"的{'负' * exponent.startswith('-')}{cardinal(exponent.lstrip('-'))}次方"


def _compatible(letter: str) -> str:
    """Letters of other widths, circled and Roman numbers as plain ones."""
    if letter in _CIRCLED:
        return cardinal(str(_CIRCLED[letter])) + "，"
    if letter in _ROMAN:
        return cardinal(str(_ROMAN[letter]))
    wide = "！" < letter < "｠" and letter not in "，：；？～￥％（）"
    if wide or "\u3220" <= letter <= "\u33ff" or "\u2474" <= letter <= "\u249b":
        return unicodedata.normalize("NFKC", letter)
    return letter


def _half_width(letter: str) -> str:
    return chr(ord(letter) - 0xFEE0) if letter in _WIDE_ALPHANUMERICS else letter


@cache
def _readable() -> frozenset[int]:
    """Characters that have a reading."""
    from pypinyin.constants import PINYIN_DICT

    return frozenset(PINYIN_DICT)


def tidied(text: str) -> tuple[str, str]:
    """Simplified characters and the marks ``! ? … , . -`` only, never two marks in a row.

    Also the characters that were dropped though they say something.
    """
    text = re.sub(r"\s*\n\s*", "。", text.strip())
    text = re.sub(r"[《》【】<>{}()（）#&@“”\"‘’'「」『』^_|\\\s]", "", text)
    text = re.sub("—+", ",", text.strip("—"))
    text = text.replace("嗯", "恩").replace("呣", "母").replace("...", "…").translate(_MARK_MAP)
    kept, unread = [], []
    for letter in text:
        if letter in MARKS or (_is_han(letter) and ord(letter) in _readable()):
            kept.append(letter)
        elif characters.says_something(letter):
            unread.append(letter)
    text = re.sub(r"(?<=[㐀-鿿])-+(?=[㐀-鿿])", "", "".join(kept))
    marks = re.escape(MARKS)
    return re.sub(f"([{marks}])[{marks}]+", r"\1", text), "".join(unread)


def _is_han(letter: str) -> bool:
    return "㐀" <= letter <= "鿿" or letter >= "\U00020000"


def normalize(text: str, *, original: bool = False) -> str:
    """See `tidied`; ``original``: in the words of GPT-SoVITS's own front-end, see `original_words`."""
    if original:
        return original_words.normalize("".join(map(_half_width, simplified(text))))
    return tidied(verbalized(text))[0]
