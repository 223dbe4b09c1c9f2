"""The grammar of the statement: what should be said, and everything else that a listener must tell from it.

A recogniser that may only choose among sentences is exact where free dictation is useless; but it hears what
it is offered. So each place that matters offers the opposite too: negations, another name, another word. The
same list of places gives the grammar (JSGF) and reads the recognised words back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .challenge import ChallengeSpec

Kind = Literal["fixed", "contrast", "slot", "word"]


@dataclass(frozen=True)
class Place:
    """One place of the sentence: ``expected`` or any of ``others``, strings of words ("" for nothing).

    With ``leads`` it is a list: any number of these in a row, each after one of the leads or none. "and" is one
    of them, and where it stands in a list says nothing.
    """

    name: str
    kind: Kind
    expected: str
    others: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()

    @property
    def alternatives(self) -> tuple[str, ...]:
        return (self.expected, *self.others)


@dataclass(frozen=True)
class Heard:
    """What was recognised at a place, with the indices of its first and one-past-last recognised word."""

    place: Place
    text: str
    first: int
    last: int

    @property
    def as_expected(self) -> bool:
        if self.place.leads:
            return _items(self.text) == _items(self.place.expected)
        return self.text == self.place.expected


def _items(text: str) -> list[str]:
    return [word for word in text.split() if word != "and"]


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(","))


_NEGATIONS = _phrases(
    """not, never, do not, don't, did not, didn't, cannot, can not, can't, could not, will not, won't, would
    not, wouldn't, would never, will never, can never, should not, shouldn't, hardly, barely, no longer,
    may not, must not"""
)
_REFUSALS = _phrases(
    """refuse, refuse consent, decline, decline to consent, refuse to consent, deny consent, object, withdraw
    consent, withhold consent, give no consent, have not consented, haven't consented, never consented, do
    not want, don't want, forbid"""
)
_NOT_OWNER = _phrases(
    """am not, am never, am hardly, am no longer, was, was not, wasn't, was never, will not be, ain't, am
    only, am not really, cannot be, can't be, never was, do not want to be, don't claim to be"""
)
_DISCLAIMERS = _phrases(
    """not, it is not true that, it is false that, nobody says that, do not believe that, i deny that"""
)
_LIST_LEADS = _phrases(
    """and, not, no, never, and not, and no, but not, but no, but never, except, without"""
)
_AFTERTHOUGHTS = _phrases("""not, never, not really, i am joking, i do not mean it, but i refuse""")


def statement_places(spec: ChallengeSpec) -> tuple[Place, ...]:
    """The places of the English statement up to the challenge words (see `challenge.STATEMENT_EN`)."""
    consent = (*(f"{n} consent" for n in _NEGATIONS), *_REFUSALS)
    return (
        Place("opening", "contrast", "", _DISCLAIMERS),
        _fixed("my name is"),
        Place("name", "contrast", "", ("not", "never")),
        *_slot(spec, "person"),
        _fixed("i"),
        Place("owner", "contrast", "am", _NOT_OWNER),
        _fixed("the owner of this voice"),
        Place("conjunction", "contrast", "and i", ("and nobody", "and i never said i", "and who says i")),
        Place("consent", "contrast", "consent", consent),
        _fixed("to"),
        *_slot(spec, "organisation"),
        Place("creating", "contrast", "creating", ("not creating", "never creating", "selling", "deleting")),
        Place(
            "object",
            "contrast",
            "synthetic speech from it",
            ("no synthetic speech from it", "nothing from it"),
        ),
        Place("use", "contrast", "for", ("not for", "never for", "but not for", "for anything but")),
        *_slot(spec, "purposes", _LIST_LEADS),
        Place("afterthought", "contrast", "", _AFTERTHOUGHTS),
        _fixed("today is"),
        Place("today", "contrast", "", ("not",)),
        _fixed("the"),
        *_slot(spec, "day"),
        _fixed("of"),
        *_slot(spec, "month"),
        *_slot(spec, "year"),
    )


def word_places(spec: ChallengeSpec) -> tuple[Place, ...]:
    """The places of the challenge words, with the phrase before them."""
    words = (Place(f"word {i + 1}", "word", part.expected, part.decoys) for i, part in enumerate(spec.words))
    return (_fixed("my six words are"), *words)


def _fixed(text: str) -> Place:
    return Place(text, "fixed", text)


def _slot(spec: ChallengeSpec, name: str, leads: tuple[str, ...] = ()) -> tuple[Place, ...]:
    return tuple(Place(name, "slot", part.expected, part.decoys, leads) for part in spec.slot(name).parts)


def jsgf(statement: Sequence[Place], words: Sequence[Place] = ()) -> str:
    """One JSGF grammar; with ``words`` the sentence may also end after the statement."""
    body = " ".join(map(_rule, statement))
    tail = f" [ {' '.join(map(_rule, words))} ]" if words else ""
    return f"#JSGF V1.0;\ngrammar consent;\npublic <consent> = {body}{tail};\n"


def _rule(place: Place) -> str:
    spoken = [text for text in place.alternatives if text]
    joined = " | ".join(spoken)
    if place.leads:
        return f"( [ {' | '.join(place.leads)} ] ( {joined} ) )+"
    return f"[ {joined} ]" if "" in place.alternatives else f"( {joined} )" if len(spoken) > 1 else joined


def read_back(places: Sequence[Place], heard: Sequence[str]) -> list[Heard] | None:
    """Which alternative was recognised at each place; None when ``heard`` is not a sentence of the grammar.

    Where two readings are possible the one with the fewest unexpected alternatives wins.
    """
    best: dict[tuple[int, int], tuple[int, list[Heard]] | None] = {}

    def read(place_index: int, at: int) -> tuple[int, list[Heard]] | None:
        key = (place_index, at)
        if key not in best:
            best[key] = attempt(place_index, at)
        return best[key]

    def attempt(place_index: int, at: int) -> tuple[int, list[Heard]] | None:
        if place_index == len(places):
            return (0, []) if at == len(heard) else None
        place, found = places[place_index], None
        for end in _ends(place, heard, at):
            rest = read(place_index + 1, end)
            if rest is None:
                continue
            here = Heard(place, " ".join(heard[at:end]), at, end)
            cost = rest[0] + (not here.as_expected)
            if found is None or cost < found[0]:
                found = (cost, [here, *rest[1]])
        return found

    result = read(0, 0)
    return None if result is None else result[1]


def _ends(place: Place, heard: Sequence[str], at: int) -> set[int]:
    """Where what was recognised from ``at`` on may end, if it is an alternative of ``place``, or a list of them."""
    texts = (f"{lead} {text}" for lead in ("", *place.leads) for text in place.alternatives)
    spoken = (text.split() for text in texts)
    ends = {at + len(words) for words in spoken if list(heard[at : at + len(words)]) == words}
    if place.leads:
        ends |= {later for end in ends for later in _ends(place, heard, end)}
    return ends
