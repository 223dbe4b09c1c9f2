"""English: written text as words, words as ARPAbet phones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synth.text.cutting import blanks as borders
from synth.text.english import homographs, tagger
from synth.text.english.lexicon import LETTER_NAMES
from synth.text.english.pronunciation import hyphenated, word_phones
from synth.text.english.written import normalize, tidied, verbalized
from synth.text.tokens import Token, flat

__all__ = ["borders", "normalize", "phones", "tidied", "tokens", "verbalized", "word_phones"]

_TOKEN = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*'?|'[a-z]+|[.,?!]")


def phones(text: str, words: Mapping[str, Sequence[str]] | None = None) -> tuple[list[str], None]:
    """ARPAbet phones and marks of normalised text; ``words`` (lower case -> phones) overrules everything."""
    return flat(tokens(text, words))[0], None


def tokens(text: str, words: Mapping[str, Sequence[str]] | None = None) -> list[Token]:
    """Words and marks of normalised text."""
    found = _TOKEN.findall(text)
    lowered = [token.lower() for token in found]
    several = any(word in homographs.words() or word.split("-")[-1] in homographs.words() for word in lowered)
    tags = tagger.tags(found) if several else [""] * len(found)
    return [Token(token, _phones_of(found, tags, index, words or {})) for index, token in enumerate(found)]


def _phones_of(
    found: Sequence[str], tags: Sequence[str], index: int, words: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    token = found[index]
    word = token.lower()
    if not word[-1].isalpha() and not word[:-1]:
        return (token,)
    if word in words:
        return tuple(words[word])
    if len(word) == 1:
        return ("AH0",) if _is_article(found, index) else LETTER_NAMES[word]
    if "-" in word and word.split("-")[-1] in homographs.words():
        *_, last = word.split("-")
        sentence = [*found[:index], last, *found[index + 1 :]]
        if read := homographs.reading(sentence, tagger.tags(sentence), index):
            return (*(phone for part in hyphenated(word)[:-1] for phone in part), *read)
    return homographs.reading(found, tags, index) or word_phones(word)


def _is_article(tokens: Sequence[str], index: int) -> bool:
    if tokens[index] == "a":
        return True
    if tokens[index] != "A" or index + 1 == len(tokens):
        return False
    before = tokens[index - 1] if index else "."
    return before in ".?!," and len(tokens[index + 1]) > 1 and tokens[index + 1].islower()
