"""A text as words with their sounds, so that what is written otherwise but sounds alike counts as the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synth.text import frontend
from synth.text.dictionary import NO_WORDS, Dictionary

#: Read by the front-end; other languages are compared by their letters.
READ = frozenset({"en", "zh", "ja", "ko", "yue"})
_SPOKEN = re.compile(r"[^\W_]")
#: Sounds that recognisers and speakers exchange freely.
_ALIKE = {"ER": "AH", "IH": "AH", "EH": "AH", "UH": "AH", "A": "a", "I": "i", "U": "u", "E": "e", "O": "o"}


@dataclass(frozen=True)
class Sounded:
    """A word (in Chinese a character) and its sounds: phones without stress, tone and accent."""

    text: str
    sounds: tuple[str, ...]


def primary(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]


def sounded(text: str, language: str, dictionary: Dictionary = NO_WORDS) -> list[Sounded]:
    """Words of ``text`` in order, those without a sound left out."""
    main = primary(language)
    if main not in READ:
        return [Sounded(word, _letters(word)) for word in re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text)]
    found = []
    for sentence in frontend.read(text, main, method="cut0", dictionary=dictionary).sentences:
        for piece in sentence.pieces:
            for word, start, end in _parts(piece):
                sounds = tuple(sound for phone in piece.phones[start:end] if (sound := _sound(phone)))
                if sounds and _SPOKEN.search(word):
                    found.append(Sounded(word, sounds))
    return found


def _parts(piece: frontend.Piece) -> Iterator[tuple[str, int, int]]:
    """Characters of a Chinese piece, words of another, with the positions of their phones."""
    counts = piece.phones_per_character
    if counts is None or len(counts) != len(piece.norm_text):
        yield from ((word.text, word.start, word.end) for word in piece.words)
        return
    at = 0
    for character, count in zip(piece.norm_text, counts, strict=True):
        yield character, at, at + count
        at += count


def sounds_of(words: Sequence[Sounded]) -> tuple[list[str], list[int]]:
    """All sounds, and for each the number of its word."""
    return (
        [sound for word in words for sound in word.sounds],
        [number for number, word in enumerate(words) for _ in word.sounds],
    )


def _sound(phone: str) -> str:
    """A phone without stress or tone; empty for marks and accents."""
    if phone == "UNK" or not _SPOKEN.search(phone):
        return ""
    bare = phone.rstrip("0123456789")
    return _ALIKE.get(bare, bare)


def _letters(word: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFD", word.casefold())
    return tuple(letter for letter in plain if letter.isalpha())
