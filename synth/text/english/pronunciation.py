"""Phones of one English word: the dictionary, endings and prefixes on its words, compounds, letters, a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from synth.text.english import letter_to_sound
from synth.text.english.lexicon import LETTER_NAMES, cmudict

MAX_LETTERS = 45  # longer than any word: letters typed at random are spelled
_VOICELESS = {"P", "T", "K", "F", "TH"}
_HISSING = {"S", "Z", "SH", "ZH", "CH", "JH"}
# Names of people and places that are nearly always meant as letters.
_LETTERS = {"ai", "ar", "ae", "os", "ios", "hud"}
_PREFIXES = {
    "un": "AH0 N", "re": "R IY0", "non": "N AA0 N", "anti": "AE2 N T IY0", "pre": "P R IY0", "dis": "D IH0 S",
    "mis": "M IH0 S", "over": "OW1 V ER0", "under": "AH1 N D ER0", "out": "AW1 T", "super": "S UW1 P ER0",
    "inter": "IH2 N T ER0", "multi": "M AH1 L T IY0", "sub": "S AH0 B", "de": "D IY0", "co": "K OW0",
}  # fmt: skip
# With a hyphen a prefix has its full vowel: re-read, co-op, e-mail, de-ice.
_BEFORE_HYPHEN = {
    "re": "R IY1", "co": "K OW1", "pre": "P R IY1", "de": "D IY1", "e": "IY1", "non": "N AA1 N", "ex": "EH1 K S",
    "un": "AH1 N", "anti": "AE1 N T IY0", "pro": "P R OW1", "bi": "B AY1", "tri": "T R AY1", "semi": "S EH1 M IY0",
    "multi": "M AH1 L T IY0", "vice": "V AY1 S", "ultra": "AH1 L T R AH0", "mid": "M IH1 D", "x": "EH1 K S",
    "t": "T IY1",
}  # fmt: skip
_ENDINGS = (
    ("ing", "IH0 NG"), ("ly", "L IY0"), ("ness", "N AH0 S"), ("less", "L AH0 S"), ("ful", "F AH0 L"),
    ("ment", "M AH0 N T"), ("able", "AH0 B AH0 L"), ("ish", "IH0 SH"), ("er", "ER0"), ("est", "AH0 S T"),
    ("ship", "SH IH0 P"), ("hood", "HH UH2 D"), ("wise", "W AY2 Z"), ("like", "L AY2 K"),
)  # fmt: skip


@lru_cache(maxsize=20_000)
def word_phones(word: str) -> tuple[str, ...]:
    """Phones of one lower-case word by itself."""
    known = cmudict().get(word)
    if known is not None and word not in _LETTERS:
        return tuple(known.split())
    if word.startswith("'") or word.endswith("'"):
        return word_phones(word.strip("'")) if word.strip("'") else ()
    if "-" in word:
        return tuple(phone for part in hyphenated(word) for phone in part)
    if word.endswith("'s"):
        return with_s(_spelled_or_word(word[:-2]))
    if "'" in word:
        return word_phones(word.replace("'", ""))
    if word in _LETTERS or len(word) > MAX_LETTERS or not _is_word(word):
        return tuple(phone for letter in word for phone in LETTER_NAMES.get(letter, ()))
    return _built(word) or _compound(word) or letter_to_sound.predict(word)


def hyphenated(word: str) -> list[tuple[str, ...]]:
    """Phones of each part of a word with hyphens."""
    parts = [part for part in word.split("-") if part]
    return [
        tuple(_BEFORE_HYPHEN[part].split())
        if part in _BEFORE_HYPHEN and index + 1 < len(parts)
        else _spelled_or_word(part)
        for index, part in enumerate(parts)
    ]


def _is_word(word: str) -> bool:
    """Whether letters can be said as a word: three only as consonant, vowel, consonant (zog, not gpu)."""
    if len(word) > 3:
        return re.search("[aeiouy]", word) is not None
    return len(word) == 3 and re.fullmatch("[bdfghjklmnprstvwz][aeiou][bdgklmnprstxz]", word) is not None


def _spelled_or_word(word: str) -> tuple[str, ...]:
    return LETTER_NAMES[word] if len(word) == 1 else word_phones(word)


def with_s(stem: Sequence[str]) -> tuple[str, ...]:
    """A stem's phones with the ending of plurals and possessives."""
    if stem and stem[-1] in _HISSING:
        return (*stem, "AH0", "Z")
    return (*stem, "S" if stem and stem[-1] in _VOICELESS else "Z")


def _stem(word: str) -> tuple[str, ...] | None:
    """A dictionary word, or one built on it."""
    known = cmudict().get(word)
    return tuple(known.split()) if known is not None else _built(word)


def _built(word: str) -> tuple[str, ...] | None:
    """Endings and prefixes on a dictionary word: scrawl-ing-s."""
    for ending in ("es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2 and stem[-1] != "s" and (phones := _stem(stem)):
            return with_s(phones)
    for ending, sound in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            for base in _bases(stem, ending):
                if phones := _stem(base):
                    return (*phones, *sound.split())
    if word.endswith("ed"):
        for base in (word[:-2], word[:-1], word[:-3] if word[-3:-2] == word[-4:-3] else word[:-2]):
            if len(base) > 2 and (phones := _stem(base)):
                return (*phones, *_past(phones[-1]))
    for prefix, sound in _PREFIXES.items():
        stem = word.removeprefix(prefix)
        if stem != word and len(stem) > 3 and (known := cmudict().get(stem)):
            return (*sound.split(), *known.split())
    return None


def _bases(stem: str, ending: str) -> tuple[str, ...]:
    doubled = stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem
    changed = stem[:-1] + "y" if stem[-1] == "i" else stem
    silent = stem + "e" if ending in {"ing", "er", "est", "able", "ish"} else stem
    return (stem, silent, doubled, changed)


def _past(last: str) -> tuple[str, ...]:
    if last in {"T", "D"}:
        return ("AH0", "D")
    return ("T",) if last in _VOICELESS | {"S", "SH", "CH"} else ("D",)


def _compound(word: str) -> tuple[str, ...] | None:
    """The known words that are written as one here, by how common they are; None if it is one word after all."""
    parts = _segmenter().segment(word)
    if len(parts) < 2 or min(map(len, parts)) < 3 or not all(map(_stem, parts)):
        return None
    return tuple(phone for part in parts for phone in word_phones(part))


@cache
def _segmenter() -> Any:
    import wordsegment

    wordsegment.load()
    return wordsegment
