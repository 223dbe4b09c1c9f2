"""Texts of a language as the sounds in which they are compared, so that spelling is not mistaken for speech.

What a recogniser writes differs from what is shown in accents, case, marks, numbers written as digits or words, and,
in Chinese and Japanese, in characters that sound alike. `units` takes that away: Chinese becomes the letters of
its syllables without their tones, Japanese kana as they are pronounced, every other language its bare letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .languages import Language, load

Units = tuple[str, ...]

_UNSPACED = ("chinese", "japanese")

#: Hindi vowels that are confused in writing as often as not, and signs that are left out.
_HINDI = str.maketrans({"ी": "ि", "ू": "ु", "ई": "इ", "ऊ": "उ", "ँ": "ं", "़": None, "्": None, "ः": None})
_NASAL = re.compile(r"[ङञणनम](?=्)")


def units(text: str, language: str) -> Units:
    """``text`` in sounds that can be compared."""
    known = load(language)
    if known.script == "chinese":
        return _pinyin(_chinese_numbers(text, known))
    if known.script == "japanese":
        return _kana(text)
    return tuple("".join(tokens(text, language)))


def tokens(text: str, language: str) -> list[str]:
    """The words of ``text`` without case, accents and marks, numbers as digits. Of languages with spaces."""
    known = load(language)
    plain = "".join(str(unicodedata.digit(c)) if unicodedata.category(c) == "Nd" else c for c in text.lower())
    folded = _folded(plain, known)
    for written, digits in _written_numbers(language):
        folded = re.sub(rf"(?<!\w){written}(?!\w)", digits, folded)
    folded = re.sub(r"(?<=\d)(er|º|ª|o|a)\b", "", folded)
    return re.findall(r"\d+|[^\W\d_]+" if known.script == "latin" else r"\d+|[ऀ-ॿ]+|[^\W\d_]+", folded)


def _folded(text: str, known: Language) -> str:
    if known.script == "devanagari":
        return _NASAL.sub("ं", unicodedata.normalize("NFD", text)).translate(_HINDI)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return bare.replace("œ", "oe").replace("’", "'").replace("-", " ")


@lru_cache(maxsize=32)
def _written_numbers(language: str) -> tuple[tuple[str, str], ...]:
    """(pattern of a number in words, its digits), the longest first; 1 to 40 and the years 2001 to 2040. Numbers of one
    word that is also an article ("un") are left alone, for the text that they are compared with is treated alike."""
    known = load(language)
    found: dict[str, str] = {}
    for number, words in enumerate(known.numbers, 1):
        found[_folded(words, known)] = str(number)
        if known.two_thousand:
            found[_folded(known.two_thousand + words, known)] = str(2000 + number)
    if known.also_one:
        found[_folded(known.also_one, known)] = "1"
    return tuple(sorted(found.items(), key=lambda row: -len(row[0])))


def _chinese_numbers(text: str, known: Language) -> str:
    """Digits as they are said: a year one by one, other numbers as numbers."""
    digits = known.digits
    text = re.sub(r"\d{4}(?=年)", lambda found: known.year(int(found[0])), text.replace("〇", "零"))

    def said(found: re.Match[str]) -> str:
        number = int(found[0])
        return known.numbers[number - 1] if 1 <= number <= 40 else "".join(digits[int(d)] for d in found[0])

    return re.sub(r"\d+", said, text)


@lru_cache(maxsize=4096)
def _pinyin(text: str) -> Units:
    from pypinyin import Style, lazy_pinyin

    characters = "".join(c for c in text if c.isalnum())
    syllables = lazy_pinyin(characters, style=Style.NORMAL, errors=lambda other: str(other).lower())
    return tuple("".join(map(str, syllables)))


@lru_cache(maxsize=4096)
def _kana(text: str) -> Units:
    import pyopenjtalk

    plain = unicodedata.normalize("NFKC", text)
    # A day has several readings, of which the package chooses by what stands before it.
    kana = str(pyopenjtalk.g2p(re.sub(r"(?<=\d)日", "ニチ", plain), kana=True))
    return tuple(c for c in kana.replace("ヲ", "オ").replace("ヅ", "ズ").replace("ヂ", "ジ") if c.isalpha())


# ------------------------------------------------------------------ comparing
def words(text: str, language: str) -> Sequence[str]:
    """What a word error rate counts: words, in Chinese and Japanese the sounds of `units`."""
    return tokens(text, language) if load(language).script not in _UNSPACED else units(text, language)


def added_denials(text: str, shown: str, language: str) -> tuple[str, ...]:
    """Words that deny and stand in ``text`` more often than in what was ``shown``."""
    known = load(language)
    if known.script in _UNSPACED:
        return tuple(word for word in known.denials if text.count(word) > shown.count(word))
    wrote, asked = tokens(text, language), tokens(shown, language)
    folded = ("".join(tokens(word, language)) for word in known.denials)
    return tuple(word for word in folded if wrote.count(word) > asked.count(word))


def share_apart(a: Sequence[str], b: Sequence[str]) -> float:
    """Edit distance as a share of the longer one: 0 alike, 1 nothing in common."""
    if not a and not b:
        return 0.0
    return float(_costs(a, b)[-1, -1]) / max(len(a), len(b))


def aligned(expected: Sequence[str], heard: Sequence[str]) -> list[int]:
    """For each place between units of ``expected`` (one more than there are), the place in ``heard`` that belongs to
    it, by the shortest edit."""
    costs = _costs(expected, heard)
    places = [0] * (len(expected) + 1)
    i, j = len(expected), len(heard)
    places[i] = j
    while i:
        here = costs[i, j]
        if j and here == costs[i - 1, j - 1] + (expected[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
        elif here == costs[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
            continue
        places[i] = j
    return places


def _costs(a: Sequence[str], b: Sequence[str]) -> np.ndarray:
    """(len(a) + 1, len(b) + 1): edits from each beginning of ``a`` to each of ``b``."""
    numbers: dict[str, int] = {}
    x, y = (np.array([numbers.setdefault(u, len(numbers)) for u in units_], int) for units_ in (a, b))
    steps = np.arange(len(b) + 1)
    costs = np.empty((len(a) + 1, len(b) + 1), int)
    costs[0] = steps
    for i, unit in enumerate(x, 1):
        row = costs[i - 1] + 1
        row[1:] = np.minimum(row[1:], costs[i - 1, :-1] + (y != unit))
        costs[i] = np.minimum.accumulate(row - steps) + steps
    return costs
