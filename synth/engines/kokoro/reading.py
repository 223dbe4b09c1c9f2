"""Text as sentences of Kokoro's symbols: by our own front-end where it reads the language, else by espeak-ng."""

from __future__ import annotations

import re
from dataclasses import dataclass

from synth.engines.content import espeak
from synth.engines.content.base import clean, run_program
from synth.engines.kokoro import phones
from synth.engines.sentences import split_sentences
from synth.text import frontend
from synth.text.dictionary import Dictionary

#: Read by our own front-end.
OWN = frozenset({"en", "zh", "ja"})
#: Spoken by Kokoro and read by espeak-ng, with its name for them.
BY_ESPEAK = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}

_JOINED = {
    "t͡ʃ": "ʧ",
    "tʃ": "ʧ",
    "d͡ʒ": "ʤ",
    "dʒ": "ʤ",
    "t͡s": "ʦ",
    "ts": "ʦ",
    "d͡z": "ʣ",
    "dz": "ʣ",
    "g": "ɡ",
    "͡": "",
}
_MODIFIERS = frozenset("ˈˌːʰʲᵝ̃→↗↓↘")


@dataclass(frozen=True)
class Line:
    """One sentence: its symbols, first and last symbol (exclusive) of each word, and its text as it was read."""

    symbols: str
    words: tuple[tuple[int, int], ...]
    text: str = ""

    @property
    def phones(self) -> int:
        """Sounds in it: symbols without stress, length, tone and marks."""
        return count_phones(self.symbols)


def languages() -> frozenset[str]:
    """Primary language subtags that can be read on this machine."""
    return OWN | frozenset(BY_ESPEAK) if espeak.program() else OWN


def read(text: str, language: str, dictionary: Dictionary) -> tuple[list[Line], list[str]]:
    """(sentences, warnings for the listener)."""
    primary = language.lower().replace("_", "-").split("-")[0]
    if primary in OWN:
        found = frontend.read(text, primary, dictionary=dictionary, method="cut5")
        lines = [_joined(sentence) for sentence in found.sentences]
        return [line for line in _merged(lines) if line.phones], found.warnings
    lines = [_by_espeak(sentence, BY_ESPEAK[primary]) for sentence in split_sentences(text)]
    return [line for line in lines if line.phones], []


def count_phones(symbols: str) -> int:
    return sum(symbol.isalpha() and symbol not in _MODIFIERS for symbol in symbols)


def _joined(sentence: frontend.Sentence) -> Line:
    """The pieces of a sentence, of whatever languages, as one line."""
    symbols, words = "", []
    for piece in sentence.pieces:
        text, spans = phones.text_of(piece)
        offset = len(symbols) + 1 if symbols else 0
        symbols = f"{symbols} {text}" if symbols else text
        words += [(a + offset, b + offset) for a, b in spans]
    return Line(symbols, tuple(words), sentence.text)


#: Shorter lines are spoken together with the next one: the network needs a few sounds to find its voice.
_LEAST_PHONES = 12
_MOST_SYMBOLS = 300


def _merged(lines: list[Line]) -> list[Line]:
    """Lines that end within a sentence, and very short ones, with what follows."""
    merged: list[Line] = []
    for line in lines:
        if merged and len(merged[-1].symbols) + len(line.symbols) < _MOST_SYMBOLS and _goes_on(merged[-1]):
            last = merged.pop()
            offset = len(last.symbols) + 1
            words = (*last.words, *((a + offset, b + offset) for a, b in line.words))
            merged.append(Line(f"{last.symbols} {line.symbols}", words, f"{last.text} {line.text}"))
        else:
            merged.append(line)
    return merged


def _goes_on(line: Line) -> bool:
    return line.phones < _LEAST_PHONES or line.symbols[-1:] not in ".!?…"


def _by_espeak(sentence: str, voice: str) -> Line:
    """The sentence's clauses in espeak-ng's IPA; its marks are put back between them."""
    text = clean(sentence)
    clauses = re.split(r"([,;:.!?…]+)", text)
    symbols = ""
    for clause, mark in zip(clauses[::2], [*clauses[1::2], ""], strict=False):
        if re.search(r"\w", clause):
            symbols += " " + _ipa(clause, voice)
        symbols += mark[:1]
    symbols = symbols.strip()
    return Line(symbols, tuple(match.span() for match in re.finditer(r"[^\s,;:.!?…]+", symbols)), text)


def _ipa(clause: str, voice: str) -> str:
    program = espeak.program() or "espeak-ng"
    said = run_program([program, "-q", "--ipa", "-v", voice, "--stdin"], stdin=clause.encode()).decode(
        "utf-8"
    )
    said = " ".join(re.sub(r"\([a-z-]+\)", "", said).split())
    for old, new in _JOINED.items():
        said = said.replace(old, new)
    return said
