"""Cantonese phones: ToJyutping's readings (it carries its dictionary), initial and final with tone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synth.text.chinese.segmenter import borders
from synth.text.chinese.written import normalize, tidied, verbalized
from synth.text.symbols import MARKS, UNKNOWN, table
from synth.text.tokens import Token, flat

__all__ = ["borders", "normalize", "phones", "tidied", "tokens", "verbalized"]

# What the checkpoints take for the first part of a syllable, tried in this order. Vowels that begin a syllable count.
_FIRST = ("ng", "gw", "kw", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "w", "z", "c", "s", "j")
_FIRST_VOWELS = (
    "aa",
    "ai",
    "au",
    "ap",
    "at",
    "ak",
    "a",
    "e",
    "ong",
    "on",
    "ou",
    "oi",
    "ok",
    "o",
    "uk",
    "ung",
)


def phones(text: str, words: Mapping[str, Sequence[str]] | None = None) -> tuple[list[str], list[int]]:
    """Phones (with the prefix Y that keeps them apart from Mandarin's) and how many belong to each character."""
    spoken, counts = flat(tokens(text, words))
    return spoken, counts or []


def tokens(text: str, words: Mapping[str, Sequence[str]] | None = None) -> list[Token]:
    """Characters and marks of normalised text. ``words``: word -> jyutping syllables."""
    import ToJyutping

    readings = [reading for _, reading in ToJyutping.get_jyutping_list(text)]
    for word, syllables in (words or {}).items():
        start = text.find(word)
        while start >= 0 and len(syllables) == len(word):
            readings[start : start + len(word)] = list(syllables)
            start = text.find(word, start + len(word))
    found = []
    for character, reading in zip(text, readings, strict=True):
        said = (character,) if character in MARKS else parts(reading)
        found.append(Token(character, said, (len(said),)))
    return found


def parts(syllable: str | None) -> tuple[str, str]:
    """The two phones of a jyutping syllable."""
    if not syllable or not re.fullmatch("[a-z]+[1-6]", syllable):
        return UNKNOWN, UNKNOWN
    body, tone = syllable[:-1], syllable[-1]
    # A syllable that is all one part repeats its last letter: m -> m m, ou -> ou u.
    first = next((part for part in _FIRST + _FIRST_VOWELS if body.startswith(part)), "")
    rest = body[len(first) :] or first[-1:]
    known = table()
    names = (f"Y{first}", f"Y{rest}{tone}")
    return (names[0] if names[0] in known else UNKNOWN, names[1] if names[1] in known else UNKNOWN)
