"""Chinese phones: jieba words, readings in context, tones as spoken, an initial and a final per character."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synth.text.chinese import polyphones, sandhi
from synth.text.chinese.readings import (
    Syllable,
    finals_of,
    initials_of,
    one_by_one,
    phones_of,
    split_pinyin,
)
from synth.text.chinese.sandhi import TaggedWord
from synth.text.chinese.segmenter import halves, tagged
from synth.text.symbols import MARKS
from synth.text.tokens import Token, flat


def phones(
    text: str, words: Mapping[str, Sequence[str]] | None = None, *, original: bool = False
) -> tuple[list[str], list[int]]:
    """Phones of normalised text and how many belong to each character (2 per character, 1 per mark)."""
    spoken, counts = flat(tokens(text, words, original=original))
    return spoken, counts or []


def tokens(
    text: str, words: Mapping[str, Sequence[str]] | None = None, *, original: bool = False
) -> list[Token]:
    """Words and marks of normalised text.

    ``words`` (word -> pinyin syllables such as ``hang2``) overrules every reading and every change of tone.
    ``original``: as GPT-SoVITS's own front-end says it (without its polyphone model), see `sandhi_original`.
    """
    found: list[Token] = []
    for sentence in re.findall(rf"[^{re.escape(MARKS)}]+|[{re.escape(MARKS)}]", text):
        if sentence in MARKS:
            found.append(Token(sentence, (sentence,), (1,)))
            continue
        said = sandhi.joined(tagged(sentence), finals_of)
        syllables = _syllables(said, original)
        _overrule(sentence, syllables, words or {})
        at = 0
        for word in said:
            own = syllables[at : at + len(word.text)]
            found.append(
                Token(word.text, tuple(phone for one in own for phone in phones_of(*one)), (2,) * len(own))
            )
            at += len(word.text)
    return found


def _syllables(words: Sequence[TaggedWord], original: bool) -> list[Syllable]:
    settled: dict[int, Syllable] = {}
    if not original:
        settled = polyphones.settled(words)
    syllables: list[Syllable] = []
    for word in words:
        initials, finals = initials_of(word.text), list(finals_of(word.text))
        if len(finals) != len(word.text) or len(initials) != len(finals):
            initials, finals = one_by_one(word.text)
        for index in range(len(word.text)):
            if reading := settled.get(len(syllables) + index):
                initials[index], finals[index] = reading
        finals = sandhi.spoken(word, finals, halves, original=original)
        for index, character in enumerate(word.text):
            if character in "得着了" and (reading := settled.get(len(syllables) + index)):
                finals[index] = reading[1]  # as a verb it keeps the tone that the particle drops
        syllables += zip(initials, finals, strict=True)
    return syllables


def _overrule(sentence: str, syllables: list[Syllable], own: Mapping[str, Sequence[str]]) -> None:
    for word, pinyin in own.items():
        start = sentence.find(word)
        while start >= 0 and len(pinyin) == len(word):
            syllables[start : start + len(word)] = [split_pinyin(syllable) for syllable in pinyin]
            start = sentence.find(word, start + len(word))
