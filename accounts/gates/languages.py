"""Languages in which a statement can be read and is heard by one recogniser: one file of `data` for each.

A file holds the statement with its places, how purposes, dates and lists are said, the challenge words, names that
serve as decoys, words that deny (``denials``: each is looked for in what was written down) and parts of the statement
with what stands there in the mouth of somebody who does not agree (``denied``). To add a language: add its file, give
`sounds.units` a way to compare it, and put its name into `accounts.voices.languages`. English is not among them: it
has a recogniser and a grammar of its own (`grammar`).

Light: the web process reads these files too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter

from .vocabulary import listed

_DATA = Path(__file__).with_name("data")
CODES = tuple(sorted(path.stem for path in _DATA.glob("*.toml")))

#: What a name may be written in, so that the recogniser can be asked for it in that language.
_SCRIPTS = {
    "latin": re.compile(r"[^\W\d_]+(?:[ '’.-]+[^\W\d_]+)*\.?"),
    "devanagari": re.compile(r"[ऀ-ॣॲ-ॿ]+(?:[ .-]+[ऀ-ॣॲ-ॿ]+)*"),
    "chinese": re.compile(r"[㐀-鿿]+(?:[ ·]+[㐀-鿿]+)*"),
    "japanese": re.compile(r"[㐀-鿿ぁ-ゖァ-ヺー々]+(?:[ ・]+[㐀-鿿ぁ-ゖァ-ヺー々]+)*"),
}
_LATIN_LETTER = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ '’.-]*")

Span = tuple[int, int]


@dataclass(frozen=True)
class Language:
    """What one file says. ``numbers`` are 1 to 40 as words; ``months`` and ``purposes`` as they are shown."""

    code: str
    script: str
    statement: str
    comma: str
    last: str
    months: tuple[str, ...]
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    purposes: Mapping[str, str]
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    organisations: tuple[str, ...]
    denials: tuple[str, ...]
    denied: Mapping[str, tuple[str, ...]]
    two_thousand: str = ""
    first_day: str = ""
    also_one: str = ""
    digits: str = ""
    by_reviewer: bool = False  # the recogniser was tried and is not good enough
    day_mark: str = ""
    year_mark: str = ""

    def can_say(self, name: str) -> bool:
        """Whether a name is written so that it can be asked for in this language."""
        if self.script == "latin" and not _LATIN_LETTER.fullmatch(name):
            return False
        return _SCRIPTS[self.script].fullmatch(name) is not None

    def enumeration(self, texts: Sequence[str]) -> str:
        """``texts`` as a list is said."""
        if len(texts) < 2:
            return "".join(texts)
        return self.comma.join(texts[:-1]) + self.last + texts[-1]

    def list_of(self, purposes: Sequence[str]) -> str:
        return self.enumeration([text for key, text in self.purposes.items() if key in purposes])

    def day(self, number: int) -> str:
        """A day of the month as it is shown."""
        if number == 1 and self.first_day:
            return self.first_day
        return (self.numbers[number - 1] if self.digits else str(number)) + self.day_mark

    def year(self, number: int) -> str:
        said = "".join(self.digits[int(digit)] for digit in str(number)) if self.digits else str(number)
        return said + self.year_mark

    def spoken_number(self, shown: str) -> str:
        """A day or a year (2001 to 2040) of a statement as it is said; a text that is none as it is."""
        figures = re.match(r"[0-9]+(?!er)", shown)
        if figures is None:
            return shown
        number = int(figures[0])
        prefix, rest = (self.two_thousand, number - 2000) if number > 2000 else ("", number)
        if not 1 <= rest <= len(self.numbers):
            return shown
        return prefix + self.numbers[rest - 1] + shown[figures.end() :]

    def render(self, slots: Mapping[str, str], words: Sequence[str]) -> tuple[str, dict[str, Span]]:
        """The statement, and where in it each slot and each word ("word 0") stands, and where ("cut") the sentence with
        the words begins: a bar in the file."""
        text, spans = "", dict[str, Span]()

        def add(piece: str, name: str = "") -> None:
            nonlocal text
            if name:
                spans[name] = (len(text), len(text) + len(piece))
            text += piece

        for fixed, name, _, _ in Formatter().parse(self.statement):
            before, bar, after = fixed.partition("|")
            add(before)
            if bar:
                add("", "cut")
            add(after)
            if name == "words":
                for index, word in enumerate(words):
                    add(self.comma if index else "")
                    add(word, f"word {index}")
            elif name:
                add(slots[name], name)
        return text, spans


@lru_cache(maxsize=32)
def load(code: str) -> Language:
    """The language of a file of `data`; KeyError when there is none."""
    if code not in CODES:
        raise KeyError(code)
    raw = tomllib.loads((_DATA / f"{code}.toml").read_text(encoding="utf-8"))
    raw.pop("name")
    for name in ("words", "months", "given_names", "family_names", "denials"):
        raw[name] = listed(raw[name])
    for name in ("numbers", "organisations"):
        raw[name] = tuple(text.strip() for text in raw[name].split(","))
    raw["denied"] = {part: tuple(others) for part, others in raw["denied"].items()}
    return Language(code=code, **raw)
