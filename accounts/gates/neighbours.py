"""Near texts: the statement with one place exchanged for what sounds most like it, or for a denial.

Decoys that sound unlike a name say little: 张卫平 passed for 张伟明 against random names, and lost to it when it was
offered. So every place is told from its nearest neighbours. Dates are compared in words: of two years in figures the
recogniser prefers the one that it has read more often, whatever was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from . import sounds
from .languages import Language, load


@dataclass(frozen=True)
class Near:
    """A place of the statement, the statement (its date in words where it is about the date), and a near text; and
    where in both the sentence with the words begins."""

    place: str
    right: str
    near: str
    right_cut: int
    near_cut: int


def near_texts(
    slots: Mapping[str, str], words: Sequence[str], language: Language, doubted: Sequence[int]
) -> Iterator[Near]:
    """What the statement must be likelier than. Of the challenge words only those at the places ``doubted``."""

    def near(place: str, right: Mapping[str, str], other: Mapping[str, str], said: Sequence[str]) -> Near:
        (a, where), (b, there) = language.render(right, words), language.render(other, said)
        return Near(place, a, b, where["cut"][0], there["cut"][0])

    statement, spans = language.render(slots, words)
    cut = spans["cut"][0]
    for part, others in language.denied.items():
        for other in others:
            denied = statement[:cut].replace(part, other, 1)
            yield Near("denied", statement, denied + statement[cut:], cut, len(denied))
    for name in ("person", "organisation", "purposes"):
        for other in _near(name, slots[name], language):
            yield near(name, slots, {**slots, name: other}, words)
    spoken = {**slots, **{name: language.spoken_number(slots[name]) for name in ("day", "year")}}
    for name in ("day", "month", "year"):
        for other in _near_date(name, slots[name], language):
            exchanged = other if name == "month" else language.spoken_number(other)
            yield near(name, spoken, {**spoken, name: exchanged}, words)
    for index in doubted:
        for other in nearest(words[index], [w for w in language.words if w not in words], language.code):
            yield near(f"word {index}", slots, slots, [*words[:index], other, *words[index + 1 :]])
        if index + 1 < len(words):
            swapped = [*words[:index], words[index + 1], words[index], *words[index + 2 :]]
            yield near("order", slots, slots, swapped)


def _near(name: str, text: str, language: Language) -> list[str]:
    if name == "purposes":
        return _other_lists(text, language)
    if language.script in ("chinese", "japanese"):
        return _other_characters(text, language, organisation=name == "organisation")
    return _other_names(text, language, organisation=name == "organisation")


def _near_date(name: str, shown: str, language: Language) -> list[str]:
    if name == "month":
        return nearest(shown, language.months, language.code)
    if name == "year":
        years = {language.year(number): number for number in range(2001, 2100)}
        number = years[shown]
        return [language.year(other) for other in (number - 1, number + 1, number + 10) if other <= 2040]
    days = [language.day(number) for number in range(1, 32)]
    number = days.index(shown) + 1
    like = nearest(language.numbers[number - 1], language.numbers[:31], language.code)
    return list(dict.fromkeys([*(days[language.numbers.index(other)] for other in like), days[number % 31]]))


def _other_lists(text: str, language: Language) -> list[str]:
    """The list with one item exchanged for the nearest that was not to be said (at most four such lists), and without
    its last."""
    said = [item for item in language.purposes.values() if item in text]
    others = [item for item in language.purposes.values() if item not in said]
    found = [
        language.enumeration([*said[:index], other, *said[index + 1 :]])
        for index in range(len(said))
        for other in nearest(said[index], others, language.code)
    ][:4]
    return [*found, language.enumeration(said[:-1])] if len(said) > 1 else found


def _other_names(text: str, language: Language, *, organisation: bool) -> list[str]:
    tokens, found = text.split(), []
    for index, token in enumerate(tokens):
        pool = _pool(language.code, "organisation" if organisation else "family" if index else "given")
        found += [
            " ".join((*tokens[:index], other, *tokens[index + 1 :]))
            for other in nearest(token, pool, language.code)
        ]
    return found


def _other_characters(text: str, language: Language, *, organisation: bool) -> list[str]:
    """Names without spaces: halves of an organisation's, the family name, and each character (in Japanese the whole) of
    the given name."""
    if organisation:
        half = max(1, len(text) // 2)
        return [
            text[:a] + other + text[b:]
            for a, b in ((0, half), (half, len(text)))
            for other in nearest(text[a:b], _pool(language.code, "halves"), language.code, 3)
            if other not in text[a:b]
        ]
    chinese = language.script == "chinese"
    family = 1 if chinese else text.index(" ") if " " in text else max(1, len(text) // 2)
    found = [other + text[family:] for other in nearest(text[:family], language.family_names, language.code)]
    spans = [(at, at + 1) for at in range(family, len(text))] if chinese else [(family, len(text))]
    for a, b in spans:
        given = nearest(text[a:b].strip(), language.given_names, language.code, 2)
        found += [text[:a] + other + text[b:] for other in given]
    return found


@lru_cache(maxsize=64)
def _pool(code: str, kind: str) -> tuple[str, ...]:
    language = load(code)
    if kind == "given":
        return language.given_names
    if kind == "family":
        return language.family_names
    if kind == "halves":
        halves = (
            half
            for name in language.organisations
            for half in (name[: len(name) // 2], name[len(name) // 2 :])
        )
        return tuple(sorted(set(halves)))
    return tuple(sorted({word for name in language.organisations for word in name.split() if len(word) > 3}))


def nearest(text: str, pool: Iterable[str], language: str, count: int = 1) -> list[str]:
    """The ``count`` of ``pool`` that sound most like ``text`` and not just like it."""
    sound = _units(text, language)
    apart = [(sounds.share_apart(sound, _units(other, language)), other) for other in pool if other != text]
    return [other for share, other in sorted(apart) if share > 0][:count]


@lru_cache(maxsize=4096)
def _units(text: str, language: str) -> sounds.Units:
    return sounds.units(text, language)
