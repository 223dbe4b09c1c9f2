"""Written English as words: `verbalized` before a text is cut, `tidied` for each piece."""

from __future__ import annotations

import re
import unicodedata

from synth.text import characters
from synth.text.english.abbreviations import expanded
from synth.text.english.capitals import cased
from synth.text.english.numbers import cardinal, digits, ordinal
from synth.text.english.rules import VULGAR, in_words
from synth.text.english.tables import MONEY, SYMBOLS

_CIRCLED = re.compile(r"\s*([①-⑳])\s*")
_ITEM = re.compile(r"(?:(?<![^\s])|^)\(?(\d{1,2})[.)]\s+(?=[^\d\s])", re.MULTILINE)
_KEPT_FORMS = frozenset(VULGAR + "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ")


def verbalized(text: str) -> str:
    """The text in words; punctuation and lines stay, and every mark left is one."""
    text = characters.plain_digits(text).replace("…", "...")
    text = re.sub(
        r"(?<=\d)(\s?(?:km|cm|mm|ft|m))([²³])", lambda m: m[1] + ("2" if m[2] == "²" else "3"), text
    )
    text = re.sub("[łŁøØœŒæÆßđĐþÞðı]", lambda m: SYMBOLS[m[0]], text)
    text = _CIRCLED.sub(lambda m: f" {cardinal(ord(m[1]) - 0x245F)}, ", text)
    text = "".join(
        letter if letter in _KEPT_FORMS else unicodedata.normalize("NFKC", letter) for letter in text
    )
    text = (
        text.replace("°C", "℃").replace("°F", "℉").translate(str.maketrans("’‘。、！？；：，", "''.,!?;:,"))
    )
    text = re.sub(r"\d{25,}", lambda m: digits(m[0]), text)  # no number that anybody would read as one
    text = _listed(text)
    text = in_words(expanded(text))
    text = re.sub("[" + "".join(MONEY) + "]", lambda m: f" {MONEY[m[0]][1]} ", text)
    text = re.sub("[" + re.escape("".join(SYMBOLS)) + "]", lambda m: SYMBOLS[m[0]], text)
    text = re.sub(r"&(?:amp|lt|gt|quot|nbsp);", lambda m: " and " if m[0] == "&amp;" else " ", text)
    text = re.sub(r"(?<=\w)\s?&\s?(?=\w)", " and ", text)
    return text.replace("@", " at ").replace("+", " plus ")


def _listed(text: str) -> str:
    """Items of a list that are numbered from 1 on, in one line or in several, as first, second, ..."""
    items = list(_ITEM.finditer(text))
    wanted, listed = 1, set()
    for item in items:
        at_line = item.start() == 0 or text[item.start() - 1] == "\n"
        if int(item[1]) == wanted and (wanted > 1 or at_line or any(int(other[1]) == 2 for other in items)):
            listed.add(item.start())
            wanted += 1
        elif at_line:
            listed.add(item.start())
    return _ITEM.sub(
        lambda m: f"{ordinal(int(m[1]))}, " if m.start() in listed else m[0],
        text,
    )


def tidied(text: str) -> tuple[str, str]:
    """Words, apostrophes, hyphens and the marks ``. , ? !`` only; spelled letters stand alone as capitals.

    Also the characters that were dropped though they say something.
    """
    text = "".join(
        letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter) != "Mn"
    )
    text = re.sub(r"[;:—–()\[\]]+", ",", text.strip("\n"))
    text = re.sub(r"\s*\n\s*", ". ", text)
    unread = "".join(
        letter
        for letter in text
        if not re.match(r"[ A-Za-z'.,?!&-]", letter) and characters.says_something(letter)
    )
    text = re.sub(r"[^ A-Za-z'.,?!-]", " ", text)
    text = " ".join(cased(text.split()))
    text = re.sub(r"\s+-|-\s+", " ", text)
    text = re.sub(r" (?=[.,?!])", "", re.sub(r"\s+", " ", text))
    text = re.sub(r"([.,?!])[\s.,?!]*(?=[.,?!])", r"\1", text)
    text = re.sub(r"([.,?!])[.,?!]+", r"\1", text)
    return re.sub(r"\s+", " ", text).strip().lstrip(",").strip(), unread


def normalize(text: str) -> str:
    """A text as the words that are looked up; see `tidied`."""
    return tidied(verbalized(text))[0]
