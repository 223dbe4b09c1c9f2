"""Chinese phones: jieba words, pypinyin readings, tones as spoken, an initial and a final per character."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from synth.text import sandhi
from synth.text.chinese_normalize import normalize
from synth.text.sandhi import Word
from synth.text.symbols import MARKS, UNKNOWN, table

__all__ = ["normalize", "phones"]

_SHORT_FINALS = {"uei": "ui", "iou": "iu", "uen": "un"}
# Syllables without an initial: spelling of the final -> the phones of the checkpoints.
_BARE_FINALS = {
    "i": "y i", "in": "y in", "ing": "y ing", "ia": "y a", "ian": "y En", "iang": "y ang", "iao": "y ao",
    "ie": "y E", "iou": "y ou", "iong": "y ong", "io": "y o", "u": "w u", "ua": "w a", "uai": "w ai",
    "uan": "w an", "uang": "w ang", "uei": "w ei", "uen": "w en", "ueng": "w eng", "uo": "w o", "v": "y v",
    "ve": "y ve", "van": "y van", "vn": "y vn", "ê": "EE ei", "m": "m u", "n": "EE en", "ng": "EE en",
}  # fmt: skip
_LEADING_VOWELS = {"a": "AA", "e": "EE", "o": "OO"}
_SAME_AGAIN = re.compile(r"(.)\1{7,}")
_NUMERALS = "零一二三四五六七八九十百千万两几半多每"

Syllable = tuple[str, str]  # initial (maybe empty) and final with tone, as pypinyin spells them


def phones(
    text: str, words: Mapping[str, Sequence[str]] | None = None, *, original: bool = False
) -> tuple[list[str], list[int]]:
    """Phones of normalised text and how many belong to each character (2 per character, 1 per mark).

    ``words`` (word -> pinyin syllables such as ``hang2``) overrules every reading and every change of tone.
    ``original``: as GPT-SoVITS's own front-end says it (without its polyphone model), see `sandhi_original`.
    """
    spoken: list[str] = []
    counts: list[int] = []
    for sentence in re.findall(rf"[^{re.escape(MARKS)}]+|[{re.escape(MARKS)}]", text):
        if sentence in MARKS:
            spoken.append(sentence)
            counts.append(1)
            continue
        for initial, final in _syllables(sentence, words or {}, original):
            spoken += _phones_of(initial, final)
            counts.append(2)
    return spoken, counts


def _syllables(sentence: str, own: Mapping[str, Sequence[str]], original: bool) -> list[Syllable]:
    words = sandhi.joined(_tagged(sentence), _finals)
    syllables: list[Syllable] = []
    for index, word in enumerate(words):
        initials, finals = _initials(word.text), list(_finals(word.text))
        if len(finals) != len(word.text) or len(initials) != len(finals):
            initials, finals = _one_by_one(word.text)
        before = words[index - 1].text if index else ""
        if not original:
            _settle(word, before, initials, finals)
        finals = sandhi.spoken(word, finals, _halves, original=original)
        syllables += zip(initials, finals, strict=True)
    for word_text, pinyin in own.items():
        start = sentence.find(word_text)
        while start >= 0 and len(pinyin) == len(word_text):
            syllables[start : start + len(word_text)] = [split_pinyin(syllable) for syllable in pinyin]
            start = sentence.find(word_text, start + len(word_text))
    return syllables


def _settle(word: Word, before: str, initials: list[str], finals: list[str]) -> None:
    """Readings that the neighbours decide."""
    if word.text == "只" and before and before[-1] in _NUMERALS:
        initials[0], finals[0] = "zh", "i1"  # 四十四只, a measure word
    elif word.text == "地" and word.part == "uv":
        initials[0], finals[0] = "d", "e5"  # 慢慢地
    elif word.text == "得" and word.part == "ud":
        initials[0], finals[0] = "d", "e5"


def _phones_of(initial: str, final: str) -> tuple[str, str]:
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


def _finals(word: str) -> list[str]:
    return list(_readings(word, True))


def _initials(word: str) -> list[str]:
    return list(_readings(word, False))


def _one_by_one(word: str) -> tuple[list[str], list[str]]:
    initials = [(_initials(character) or [""])[0] for character in word]
    finals = [(_finals(character) or [""])[0] for character in word]
    return initials, finals


# ------------------------------------------------------------------------------------------------------- words


@cache
def _tagger() -> Any:
    """jieba's part-of-speech tagger over its own dictionary.

    jieba keeps a marshalled copy of the dictionary in a folder; a shared one would be a way to run foreign code in
    this process, so it is the installation's own or a private one that goes with the process.
    """
    import jieba_next
    from jieba_next import posseg

    data = os.environ.get("ASSENT_DATA_DIR")
    if data:
        folder = Path(data) / "cache" / "jieba"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix="assent-jieba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    jieba_next.set_cache_dir(folder)
    return posseg.POSTokenizer(jieba_next.dt)


def _tagged(sentence: str) -> list[Word]:
    words: list[Word] = []
    place = 0
    for run in _SAME_AGAIN.finditer(sentence):
        words += _tagged_text(sentence[place : run.start()])
        words += [Word(character, "x") for character in run[0]]  # jieba is very slow at such runs
        place = run.end()
    return words + _tagged_text(sentence[place:])


def _tagged_text(text: str) -> list[Word]:
    # Not the public `lcut`: in this version it leaves the dictionary aside and guesses words from characters.
    return [Word(pair.word, pair.flag) for pair in _tagger()._lcut_internal(text)] if text else []


@lru_cache(maxsize=20_000)
def _halves(word: str) -> tuple[str, str]:
    """A word in two, at its shortest known part."""
    parts = _tagger().tokenizer.lcut_for_search(word)
    shortest = min(parts, key=len)
    if word.startswith(shortest):
        return shortest, word[len(shortest) :]
    return word[: -len(shortest)], shortest
