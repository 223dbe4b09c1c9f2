"""Pinyin of Chinese words and syllables, and the phones that checkpoints have for a syllable."""

from __future__ import annotations

import re
from functools import lru_cache

from synth.text.symbols import UNKNOWN, table

_SHORT_FINALS = {"uei": "ui", "iou": "iu", "uen": "un"}
# Syllables without an initial: spelling of the final -> the phones of the checkpoints.
_BARE_FINALS = {
    "i": "y i", "in": "y in", "ing": "y ing", "ia": "y a", "ian": "y En", "iang": "y ang", "iao": "y ao",
    "ie": "y E", "iou": "y ou", "iong": "y ong", "io": "y o", "u": "w u", "ua": "w a", "uai": "w ai",
    "uan": "w an", "uang": "w ang", "uei": "w ei", "uen": "w en", "ueng": "w eng", "uo": "w o", "v": "y v",
    "ve": "y ve", "van": "y van", "vn": "y vn", "ê": "EE ei", "m": "m u", "n": "EE en", "ng": "EE en",
}  # fmt: skip
_LEADING_VOWELS = {"a": "AA", "e": "EE", "o": "OO"}
Syllable = tuple[str, str]  # initial (maybe empty) and final with tone, as pypinyin spells them


def phones_of(initial: str, final: str) -> tuple[str, str]:
    """("h", "ang2") -> the two phones of the table."""
    if not final or not final[-1].isdigit():
        return UNKNOWN, UNKNOWN
    vowel, tone = final[:-1], final[-1]
    if initial:
        vowel = _SHORT_FINALS.get(vowel, vowel)
        if vowel == "i" and initial in {"zh", "ch", "sh", "r"}:
            vowel = "ir"
        elif vowel == "i" and initial in {"z", "c", "s"}:
            vowel = "i0"
    elif vowel in _BARE_FINALS:
        initial, vowel = _BARE_FINALS[vowel].split()
    else:
        initial = _LEADING_VOWELS.get(vowel[:1], UNKNOWN)
    known = table()
    return (
        initial if initial in known else UNKNOWN,
        f"{vowel}{tone}" if f"{vowel}{tone}" in known else UNKNOWN,
    )


def split_pinyin(syllable: str) -> Syllable:
    """``hang2`` -> ("h", "ang2"), ``yan2`` -> ("", "ian2"); ü may be written u: or, in lue and nue, u."""
    from pypinyin.contrib.tone_convert import to_finals_tone3, to_initials

    syllable = re.sub("^([ln])ue", r"\1üe", syllable.replace("u:", "ü"))
    return to_initials(syllable, strict=True), to_finals_tone3(
        syllable, strict=True, neutral_tone_with_five=True
    )


@lru_cache(maxsize=50_000)
def _readings(word: str, finals: bool) -> tuple[str, ...]:
    from pypinyin import Style, lazy_pinyin

    style = Style.FINALS_TONE3 if finals else Style.INITIALS
    return tuple(lazy_pinyin(word, style=style, neutral_tone_with_five=True))


def finals_of(word: str) -> list[str]:
    return list(_readings(word, True))


def initials_of(word: str) -> list[str]:
    return list(_readings(word, False))


def one_by_one(word: str) -> tuple[list[str], list[str]]:
    initials = [(initials_of(character) or [""])[0] for character in word]
    finals = [(finals_of(character) or [""])[0] for character in word]
    return initials, finals
