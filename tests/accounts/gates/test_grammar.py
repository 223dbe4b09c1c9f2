"""The sentence grammar: what it offers and how recognised words are read back."""

from __future__ import annotations

import itertools

import pytest

from accounts.gates import grammar
from accounts.gates.challenge import ChallengeSpec, enumeration
from accounts.gates.phones import pronunciations
from accounts.gates.vocabulary import PURPOSES_EN
from tests import takes


def expected_words(places: tuple[grammar.Place, ...]) -> list[str]:
    return " ".join(place.expected for place in places).split()


def test_the_right_sentence_reads_back_as_expected(challenge: ChallengeSpec) -> None:
    places = (*grammar.statement_places(challenge), *grammar.word_places(challenge))
    heard = grammar.read_back(places, expected_words(places))
    assert heard is not None and all(h.as_expected for h in heard)
    spoken = challenge.statement.lower().translate(str.maketrans("", "", ".,:")).split()
    assert expected_words(places) == spoken


def test_a_denial_is_found_at_its_place(challenge: ChallengeSpec) -> None:
    places = grammar.statement_places(challenge)
    words = " ".join(expected_words(places)).replace("i consent", "i can not consent").split()
    heard = grammar.read_back(places, words)
    assert heard is not None
    assert [(h.place.name, h.text) for h in heard if not h.as_expected] == [("consent", "can not consent")]


@pytest.mark.parametrize("right", [("narration",), ("general", "dubbing"), tuple(PURPOSES_EN)])
def test_of_all_lists_of_purposes_only_the_right_one_is_as_expected(right: tuple[str, ...]) -> None:
    places = grammar.statement_places(takes.fixed_challenge(purposes=right))
    words = " ".join(expected_words(places))
    said = enumeration(right).replace(",", "")
    assert f" for {said} today" in words
    lists = [subset for n in range(1, 9) for subset in itertools.combinations(PURPOSES_EN, n)]
    assert len(lists) == 255
    for purposes in lists:
        other = enumeration(purposes).replace(",", "")
        heard = grammar.read_back(places, words.replace(f" for {said} today", f" for {other} today").split())
        assert heard is not None, other
        assert {h.place.name for h in heard if not h.as_expected} <= {"purposes"}
        assert all(h.as_expected for h in heard) == (purposes == right), other


@pytest.mark.parametrize("lead", ["not", "no", "but not", "and no", "except"])
def test_an_excepted_purpose_is_not_as_expected(challenge: ChallengeSpec, lead: str) -> None:
    places = grammar.statement_places(challenge)
    for purpose in takes.PURPOSES:
        text = PURPOSES_EN[purpose]
        words = " ".join(expected_words(places)).replace(f"and {text}", text).replace(text, f"{lead} {text}")
        heard = grammar.read_back(places, words.split())
        assert heard is not None
        assert [h.place.name for h in heard if not h.as_expected] == ["purposes"]


def test_where_and_stands_in_the_list_says_nothing(challenge: ChallengeSpec) -> None:
    places = grammar.statement_places(challenge)
    words = " ".join(expected_words(places))
    for said in (
        words.replace("and accessibility", "accessibility"),
        words.replace("dubbing", "and dubbing"),
    ):
        heard = grammar.read_back(places, said.split())
        assert said != words and heard is not None and all(h.as_expected for h in heard)


def test_what_is_not_in_the_grammar_is_not_read(challenge: ChallengeSpec) -> None:
    places = grammar.statement_places(challenge)
    assert grammar.read_back(places, ["i", "am", "the", "walrus"]) is None
    assert grammar.read_back(places, expected_words(places)[:-3]) is None


def test_every_place_that_means_something_has_alternatives(challenge: ChallengeSpec) -> None:
    places = {place.name: place for place in grammar.statement_places(challenge)}
    for word in ("cannot", "can't", "will not", "won't", "would never", "don't", "do not", "hardly", "never"):
        assert f"{word} consent" in places["consent"].others
    for name in (
        "owner",
        "consent",
        "creating",
        "object",
        "use",
        "purposes",
        "person",
        "organisation",
        "day",
        "month",
        "year",
    ):
        assert places[name].others


def test_every_word_of_the_grammar_can_be_pronounced(challenge: ChallengeSpec) -> None:
    places = (*grammar.statement_places(challenge), *grammar.word_places(challenge))
    words = {word for place in places for text in place.alternatives for word in text.split()}
    assert [word for word in words if not pronunciations(word)] == []
