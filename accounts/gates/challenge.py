"""The challenge: a statement about this person, this organisation and this day, and six random words.

Every part that varies is a slot that carries its own decoys: wrong names, wrong organisations, wrong dates,
wrong words. A recogniser that is offered only the right answer will hear it in anything; one that must choose
between the right answer and eleven decoys can say "that was another name". The decoys are drawn here, once,
stored with the challenge and never shown.

Randomness is an argument, so that a challenge can be made again. Light: the web process issues challenges.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from . import languages, phones
from . import vocabulary as v

SPEC_VERSION = 2
WORD_COUNT = 6
DECOYS_PER_SLOT = 11
MIN_DECOY_DISTANCE_PHONES = 3

_NAMES = ("person", "organisation")
_NO_PURPOSE = ("nothing", "no use", "nobody", "testing only", "a single day")

LANGUAGES = ("en", *languages.CODES)
_READ_WITHOUT_RECOGNISER = ("en", "zh")

STATEMENT_EN = (
    "My name is {person}. I am the owner of this voice, and I consent to {organisation} creating synthetic "
    "speech from it, for {purposes}. Today is the {day} of {month}, {year}. My six words are: {words}."
)


@dataclass(frozen=True)
class Part:
    """One place of a slot: what should be heard there, and what else the recogniser may choose."""

    expected: str
    decoys: tuple[str, ...]


@dataclass(frozen=True)
class Slot:
    """A variable part of the statement. Without ``parts`` it has no spoken form here: a reviewer listens."""

    name: str
    text: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ChallengeSpec:
    """What must be said, and all that is needed to judge whether it was said.

    ``statement`` is shown to the speaker. ``slots`` are person, organisation, purposes, day, month, year; ``words``
    are the six words in order, each with its decoys. Decoys are for the recogniser alone: never show them.
    """

    language: str
    statement: str
    slots: tuple[Slot, ...]
    words: tuple[Part, ...]
    version: int = SPEC_VERSION

    @property
    def word_list(self) -> tuple[str, ...]:
        return tuple(part.expected for part in self.words)

    @property
    def needs_reviewer(self) -> tuple[str, ...]:
        """Codes of why a reviewer will have to listen whatever the recording is like; empty when none."""
        if not any(slot.parts for slot in self.slots):
            return ("language_needs_reviewer",)
        return tuple(f"{slot.name}_needs_reviewer" for slot in self.slots if not slot.parts)

    def slot(self, name: str) -> Slot:
        """The slot called ``name``; KeyError when there is none."""
        for slot in self.slots:
            if slot.name == name:
                return slot
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types; `from_json` gives an equal spec back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ChallengeSpec:
        """Read what `as_json` wrote. ValueError for a version this code does not know."""
        if data.get("version") != SPEC_VERSION:
            raise ValueError(f"unknown challenge version {data.get('version')!r}")
        return cls(
            language=data["language"],
            statement=data["statement"],
            slots=tuple(Slot(s["name"], s["text"], _parts(s["parts"])) for s in data["slots"]),
            words=_parts(data["words"]),
        )


def _parts(rows: Iterable[dict[str, Any]]) -> tuple[Part, ...]:
    return tuple(Part(row["expected"], tuple(row["decoys"])) for row in rows)


def make_challenge(
    *,
    person_name: str,
    organisation: str,
    purposes: Sequence[str],
    date: dt.date,
    language: str,
    generator: np.random.Generator,
    heard: bool = True,
) -> ChallengeSpec:
    """Draw a challenge for ``person_name`` allowing ``organisation`` the ``purposes``, on ``date``.

    ``purposes`` are keys of `vocabulary.PURPOSES_EN`, at least one (ValueError otherwise): each is said, so that
    nobody consents to a use that they have not named. ``language`` is one of `LANGUAGES` (ValueError otherwise);
    ``heard`` says whether the recogniser of all of them but English is there, else a reviewer listens.
    The same arguments and generator state give the same challenge. 96 words in six places are some 7.8e11
    combinations.
    """
    person_name, organisation = " ".join(person_name.split()), " ".join(organisation.split())
    if not person_name or not organisation:
        raise ValueError("a challenge names a person and an organisation")
    if not purposes or any(purpose not in v.PURPOSES_EN for purpose in purposes):
        raise ValueError(f"a challenge names purposes among {', '.join(v.PURPOSES_EN)}")
    if language not in LANGUAGES:
        raise ValueError(f"no statement in language {language!r}")
    if language != "en":
        return _make_other(
            person_name, organisation, purposes, date, languages.load(language), generator, heard
        )
    day, month, year = v.DAYS[date.day - 1], v.MONTHS[date.month - 1], year_words(date.year)
    words = _draw(v.WORDS_EN, WORD_COUNT, generator)
    return ChallengeSpec(
        language="en",
        statement=STATEMENT_EN.format(
            person=person_name.rstrip("."),
            organisation=organisation.rstrip("."),
            purposes=enumeration(purposes),
            day=day,
            month=month.capitalize(),
            year=year,
            words=", ".join(words),
        ),
        slots=(
            Slot("person", person_name, _person_parts(person_name, generator)),
            Slot("organisation", organisation, _organisation_parts(organisation, generator)),
            Slot("purposes", enumeration(purposes), (_purposes_part(purposes),)),
            Slot("day", day, (_part(day, v.DAYS, generator),)),
            Slot("month", month, (_part(month, v.MONTHS, generator),)),
            Slot(
                "year",
                year,
                (_part(year, [year_words(date.year + d) for d in (-6, -5, -3, -2, 2, 3, 4)], generator),),
            ),
        ),
        words=tuple(_part(word, [w for w in v.WORDS_EN if w not in words], generator) for word in words),
    )


def _make_other(
    person: str,
    organisation: str,
    purposes: Sequence[str],
    date: dt.date,
    language: languages.Language,
    generator: np.random.Generator,
    heard: bool,
) -> ChallengeSpec:
    """In a language of `languages`. Its decoys are not drawn here: what sounds alike is found by `neighbours`, in the
    worker, which has the pronunciations."""
    words = _draw(language.words, WORD_COUNT, generator)
    person, organisation = person.rstrip("."), organisation.rstrip(".")
    texts = {
        "person": person,
        "organisation": organisation,
        "purposes": language.list_of(purposes),
        "day": language.day(date.day),
        "month": language.months[date.month - 1],
        "year": language.year(date.year),
    }
    heard = heard and not language.by_reviewer
    sayable = {name: heard and (name not in _NAMES or language.can_say(text)) for name, text in texts.items()}
    return ChallengeSpec(
        language=language.code,
        statement=language.render(texts, words)[0],
        slots=tuple(
            Slot(name, text, (Part(text, ()),) if sayable[name] else ()) for name, text in texts.items()
        ),
        words=tuple(Part(word, ()) for word in words),
    )


def offered(*, heard: bool) -> tuple[str, ...]:
    """Languages that a statement can be read in; ``heard`` as of `make_challenge`. Without it Chinese is still read,
    to a reviewer."""
    return LANGUAGES if heard else _READ_WITHOUT_RECOGNISER


def year_words(year: int) -> str:
    """2026 -> "twenty twenty six"; 2000 to 2009 as "two thousand nine". ValueError outside 2000-2099."""
    if not 2000 <= year <= 2099:
        raise ValueError(f"no spoken form for the year {year}")
    rest = year - 2000
    if rest < 10:
        return f"two thousand {v.DIGITS[rest]}" if rest else "two thousand"
    if rest < 20:
        return f"twenty {v.TEENS[rest - 10]}"
    tens, units = v.TENS[rest // 10 - 2], rest % 10
    return f"twenty {tens} {v.DIGITS[units]}" if units else f"twenty {tens}"


def enumeration(purposes: Iterable[str]) -> str:
    """``purposes`` as they are said in English ("a", "a and b", "a, b, and c"), always in one order."""
    said = [text for key, text in v.PURPOSES_EN.items() if key in set(purposes)]
    if len(said) < 3:
        return " and ".join(said)
    return f"{', '.join(said[:-1])}, and {said[-1]}"


def _purposes_part(purposes: Sequence[str]) -> Part:
    """The whole list as one part; its decoys are each purpose there is, of which any list can be made, and none."""
    said = _words_of(enumeration(purposes))
    return Part(said, (*(text for text in v.PURPOSES_EN.values() if text != said), *_NO_PURPOSE))


def _words_of(text: str) -> str:
    return " ".join(text.replace(",", " ").split())


def _draw(pool: Sequence[str], count: int, generator: np.random.Generator) -> tuple[str, ...]:
    return tuple(pool[i] for i in generator.permutation(len(pool))[:count])


@lru_cache(maxsize=4096)  # the pools of words are the same for every challenge
def _spoken(text: str) -> tuple[str, ...]:
    return tuple(p for word in text.split() for p in (phones.pronunciations(word) or ((),))[0])


def _part(
    expected: str, pool: Sequence[str], generator: np.random.Generator, count: int = DECOYS_PER_SLOT
) -> Part:
    """A part with up to ``count`` decoys that sound unlike ``expected`` (the whole pool when it is small)."""
    sound = _spoken(expected)
    needed = min(MIN_DECOY_DISTANCE_PHONES, max(2, len(sound) - 1))
    apart = [w for w in pool if w != expected and phones.distance(sound, _spoken(w)) >= needed]
    return Part(expected, _draw(apart, count, generator))


def _person_parts(name: str, generator: np.random.Generator) -> tuple[Part, ...]:
    tokens = _speakable(name)
    return tuple(
        _part(token, [n for n in (v.FAMILY_NAMES if i else v.GIVEN_NAMES) if n not in tokens], generator)
        for i, token in enumerate(tokens)
    )


def _organisation_parts(name: str, generator: np.random.Generator) -> tuple[Part, ...]:
    """One part for the whole name; among its decoys are the same name with one word exchanged."""
    tokens = _speakable(name)
    if not tokens:
        return ()
    whole = _part(" ".join(tokens), v.ORGANISATIONS, generator)
    if len(tokens) == 1:
        return (whole,)
    hybrids = []
    for i, token in enumerate(tokens):
        others = [
            o.split()[min(i, 1)]
            for o in v.ORGANISATIONS
            if token not in o.split() and not o.startswith("the ")
        ]
        stranger = _part(token, others, generator, count=2).decoys
        hybrids += [" ".join((*tokens[:i], other, *tokens[i + 1 :])) for other in stranger]
    return (Part(whole.expected, (*whole.decoys, *hybrids)),)


def _speakable(text: str) -> tuple[str, ...]:
    """The tokens of ``text`` when each has a pronunciation, else none."""
    tokens = phones.tokens_of(text) or ()
    return tokens if all(phones.pronunciations(token) for token in tokens) else ()
