"""The sentence grammar: what it offers and how recognised words are read back."""

from __future__ import annotations

from accounts.gates import grammar
from accounts.gates.challenge import ChallengeSpec
from accounts.gates.phones import pronunciations


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
