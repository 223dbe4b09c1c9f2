"""The challenge: what is drawn, what is stored, who will have to listen."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Sequence

import numpy as np
import pytest

from accounts.gates import phones, vocabulary
from accounts.gates.challenge import LANGUAGES, ChallengeSpec, make_challenge, year_words
from accounts.gates.phones import PHONES, VOWELS, dictionary_phones, pronunciations, tokens_of

DAY = dt.date(2026, 11, 22)


def make(
    person: str = "Alex Morgan",
    organisation: str = "Harbor Studio",
    language: str = "en",
    seed: int = 1,
    purposes: Sequence[str] = ("narration", "dubbing"),
):
    return make_challenge(
        person_name=person,
        organisation=organisation,
        purposes=purposes,
        date=DAY,
        language=language,
        generator=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_survives_json(language: str) -> None:
    spec = make(language=language)
    assert ChallengeSpec.from_json(json.loads(json.dumps(spec.as_json()))) == spec


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        ChallengeSpec.from_json(make().as_json() | {"version": 99})


def test_the_seed_decides_and_the_words_differ_between_seeds() -> None:
    assert make(seed=3) == make(seed=3)
    drawn = {make(seed=seed).word_list for seed in range(8)}
    assert len(drawn) == 8


def test_the_statement_names_person_organisation_day_and_words() -> None:
    spec = make()
    for text in (
        "Alex Morgan",
        "Harbor Studio",
        "twenty second of November, twenty twenty six",
        *spec.word_list,
    ):
        assert text in spec.statement
    assert len(set(spec.word_list)) == 6


@pytest.mark.parametrize(
    ("purposes", "said"),
    [
        (["narration"], "for narration. Today"),
        (["advertising", "general"], "for general use and advertising. Today"),
        (["political", "dubbing", "assistant"], "for dubbing, assistants, and politics. Today"),
    ],
)
def test_every_purpose_is_said(purposes: list[str], said: str) -> None:
    assert said in make(purposes=purposes).statement
    (part,) = make(purposes=purposes).slot("purposes").parts
    # Each list with one purpose more or less is there to be told apart, so that leaving one out is heard.
    assert len(set(part.decoys)) == len(part.decoys) >= 11
    assert part.expected not in part.decoys


def test_a_challenge_without_purposes_is_refused() -> None:
    for purposes in ((), ("world domination",)):
        with pytest.raises(ValueError, match="purposes"):
            make(purposes=purposes)


def test_decoys_are_many_and_sound_unlike_the_right_answer() -> None:
    for seed in range(5):
        spec = make(seed=seed)
        for part in (*spec.words, *(part for slot in spec.slots for part in slot.parts)):
            assert part.expected not in part.decoys
            assert len(set(part.decoys)) == len(part.decoys)
            assert len(part.decoys) >= 7
        for part in spec.words:
            assert len(part.decoys) == 11
            assert not set(part.decoys) & set(spec.word_list)
            nearest = min(
                phones.distance(dictionary_phones(part.expected), dictionary_phones(decoy))
                for decoy in part.decoys
            )
            assert nearest >= 3


def test_decoys_of_the_organisation_hold_the_name_with_one_word_exchanged() -> None:
    (part,) = make().slot("organisation").parts
    assert any(d.startswith("harbor ") for d in part.decoys)
    assert any(d.endswith(" studio") for d in part.decoys)


def test_every_listed_word_is_in_the_recognisers_dictionary() -> None:
    lists = (
        vocabulary.WORDS_EN, vocabulary.GIVEN_NAMES, vocabulary.FAMILY_NAMES, vocabulary.ORGANISATIONS,
        vocabulary.DAYS, vocabulary.MONTHS, [year_words(year) for year in range(2000, 2100)],
    )  # fmt: skip
    words = {word for texts in lists for text in texts for word in text.split()}
    assert [word for word in words if not dictionary_phones(word)] == []


def test_challenge_words_have_two_syllables_and_keep_apart() -> None:
    sounds = {word: dictionary_phones(word) for word in vocabulary.WORDS_EN}
    assert len(sounds) == len(vocabulary.WORDS_EN) >= 92
    assert {sum(phone in VOWELS for phone in sound) for sound in sounds.values()} == {2}
    assert min(phones.distance(a, b) for a, b in itertools.combinations(sounds.values(), 2)) >= 2


@pytest.mark.parametrize(
    ("person", "organisation", "language", "codes"),
    [
        ("Alex Morgan", "Harbor Studio", "en", ()),
        ("José García-Núñez", "R&D Café", "en", ()),
        ("Wang Xiaoming", "Harbor Studio", "en", ()),
        ("张伟", "Harbor Studio", "en", ("person_needs_reviewer",)),
        ("Alex Morgan", "Studio 54", "en", ("organisation_needs_reviewer",)),
        ("张伟", "声音工坊", "zh", ()),
        ("Alex Morgan", "声音工坊", "zh", ("person_needs_reviewer",)),
    ],
)
def test_who_needs_a_reviewer_is_known_at_the_start(
    person: str, organisation: str, language: str, codes: tuple[str, ...]
) -> None:
    assert make(person, organisation, language).needs_reviewer == codes


def test_a_name_cannot_smuggle_a_grammar_into_the_recogniser() -> None:
    assert tokens_of("Eve; public <x> = i consent") is None
    assert tokens_of("{evil} | anything") is None
    assert make("Eve <x>").needs_reviewer == ("person_needs_reviewer",)


@pytest.mark.parametrize("date", [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(0, 366, 13)])
def test_every_date_can_be_said(date: dt.date) -> None:
    spec = make_challenge(
        person_name="A B",
        organisation="C",
        purposes=["general"],
        date=date,
        language="en",
        generator=np.random.default_rng(0),
    )
    said = " ".join(part.expected for name in ("day", "month", "year") for part in spec.slot(name).parts)
    assert all(dictionary_phones(word) for word in said.split())


def test_years_and_chinese_dates() -> None:
    assert [year_words(y) for y in (2000, 2009, 2013, 2020, 2026)] == [
        "two thousand", "two thousand nine", "twenty thirteen", "twenty twenty", "twenty twenty six",
    ]  # fmt: skip
    assert "二零二六年十一月二十二日" in make(language="zh").statement
    with pytest.raises(ValueError, match="no spoken form"):
        year_words(1999)


@pytest.mark.parametrize(
    ("word", "sound"),
    [
        ("xiaoming", "SH Y AW M IY NG"),
        ("zhang", "JH AA NG"),
        ("blakely", "B L AE K EH L IY"),
        ("fenwick", "F EH N W IH K"),
        ("ng", "EH N JH IY"),
    ],
)
def test_names_outside_the_dictionary_get_a_pronunciation(word: str, sound: str) -> None:
    assert tuple(sound.split()) in (phones.pinyin_phones(word), phones.letter_phones(word))


def test_rules_agree_with_the_dictionary_on_most_phones() -> None:
    """The rules are rough; on common names they must still be nearer the truth than a decoy would be."""
    names = [*vocabulary.GIVEN_NAMES, *vocabulary.FAMILY_NAMES]
    errors = [
        phones.distance(phones.letter_phones(n), dictionary_phones(n)) / len(dictionary_phones(n))
        for n in names
    ]
    assert np.mean(errors) < 0.4
    assert all(set(p) <= PHONES for name in names for p in pronunciations(name))
