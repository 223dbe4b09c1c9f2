"""English phones: CMUdict, words of several readings by context, compounds and endings, letters, a network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from synth.text import letter_to_sound
from synth.text.english_lexicon import LETTER_NAMES, cmudict, in_dictionary
from synth.text.english_normalize import normalize
from synth.text.symbols import DATA, word_list

__all__ = ["in_dictionary", "normalize", "phones", "word_phones"]

MAX_LETTERS = 45  # longer than any word: letters typed at random are spelled
_VOICELESS = {"P", "T", "K", "F", "TH"}
_HISSING = {"S", "Z", "SH", "ZH", "CH", "JH"}
_TOKEN = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*'?|'[a-z]+|[.,?!]")

# Word: reading as a verb, reading otherwise. They overrule the table, which gives one for both or swaps them.
_VERB_OR_NOT = {
    "lead": ("L IY1 D", "L EH1 D"),
    "live": ("L IH1 V", "L AY1 V"),
    "lives": ("L IH1 V Z", "L AY1 V Z"),
    "wind": ("W AY1 N D", "W IH1 N D"),
    "winds": ("W AY1 N D Z", "W IH1 N D Z"),
    "tear": ("T EH1 R", "T IH1 R"),
    "tears": ("T EH1 R Z", "T IH1 R Z"),
    "bow": ("B AW1", "B OW1"),
    "object": ("AH0 B JH EH1 K T", "AA1 B JH EH0 K T"),
    "objects": ("AH0 B JH EH1 K T S", "AA1 B JH EH0 K T S"),
    "close": ("K L OW1 Z", "K L OW1 S"),
    "house": ("HH AW1 Z", "HH AW1 S"),
    "use": ("Y UW1 Z", "Y UW1 S"),
    "excuse": ("IH0 K S K Y UW1 Z", "IH0 K S K Y UW1 S"),
}
# Nouns read otherwise than adjectives.
_NOUN_OR_NOT = {
    "minute": ("M IH1 N AH0 T", "M AY0 N UW1 T"),
    "content": ("K AA1 N T EH0 N T", "K AH0 N T EH1 N T"),
    "complex": ("K AA1 M P L EH0 K S", "K AH0 M P L EH1 K S"),
}
_LEAD_METAL = set(
    word_list("pipe pipes paint poisoning pencil pencils acid shot bullet bullets weight weights")
)
_BEFORE_VERBS = set(
    word_list(
        "to will would can could should may might must shall do does did don't doesn't didn't can't won't cannot "
        "not never let let's please i you we they who i'll you'll we'll they'll he'll she'll it'll he she it "
        "always often usually really also just and-then"
    )
)
_BEFORE_NOUNS = set(
    word_list(
        "the a an this that these those my your his her its our their of in on at by with from for no every each "
        "some any another one two three first last next new old big small own and"
    )
)
_HAVE = set(
    word_list("have has had having i've you've we've they've be been was were is are am being get got 'd 've")
)
_PAST = set(word_list("yesterday ago last already once earlier before was were had did said went saw"))
_VERB_AFTER = set(
    word_list("the a an this that these those my your his her its our their me him us them it up down to")
)


@cache
def _homographs() -> dict[str, tuple[str, str]]:
    """Word -> reading as a verb, reading otherwise."""
    table = dict(_VERB_OR_NOT)
    for line in (DATA / "homographs_en.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        word, reading, other, part = (field.strip() for field in line.split("|"))
        if part == "V" and word.isalpha():
            table.setdefault(word.lower(), (reading, other))
    return table


def phones(text: str, words: Mapping[str, Sequence[str]] | None = None) -> tuple[list[str], None]:
    """ARPAbet phones and marks of normalised text; ``words`` (lower case -> phones) overrules everything."""
    tokens = _TOKEN.findall(text)
    spoken: list[str] = []
    for index, token in enumerate(tokens):
        word = token.lower()
        if not word[-1].isalpha() and not word[:-1]:
            spoken.append(token)
        elif words and word in words:
            spoken += words[word]
        elif len(word) == 1:
            spoken += ("AH0",) if _is_article(tokens, index) else LETTER_NAMES[word]
        else:
            spoken += _in_context(tokens, index) or word_phones(word)
    return spoken, None


def _is_article(tokens: Sequence[str], index: int) -> bool:
    if tokens[index] == "a":
        return True
    if tokens[index] != "A" or index + 1 == len(tokens):
        return False
    before = tokens[index - 1] if index else "."
    return before in ".?!," and len(tokens[index + 1]) > 1 and tokens[index + 1].islower()


def _in_context(tokens: Sequence[str], index: int) -> tuple[str, ...] | None:
    """The reading of a word that has several, from its neighbours; None for any other word."""
    word = tokens[index].lower()
    before = tokens[index - 1].lower() if index else ""
    after = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    if word == "read":
        rest = {token.lower() for token in tokens[index + 1 : index + 6]}
        past = before in _HAVE or bool(rest & _PAST) or before in {"he", "she", "it"}
        if not past and index > 1:
            past = tokens[index - 2].lower() in _HAVE and before not in {"to", "."}
        return ("R", "EH1", "D") if past else ("R", "IY1", "D")
    if word == "used":
        return tuple(("Y UW1 S T" if after == "to" and before not in _HAVE else "Y UW1 Z D").split())
    if word in _NOUN_OR_NOT:
        noun, other = _NOUN_OR_NOT[word]
        adjective = (
            after.isalpha() and before in _BEFORE_NOUNS and after not in _BEFORE_NOUNS | _VERB_AFTER | _HAVE
        )
        adjective = adjective or (
            before in _HAVE | {"very", "so", "too", "more", "most"} and word != "minute"
        )
        if word == "minute" and before not in {"very", "so"}:
            adjective = False
        return tuple((other if adjective else noun).split())
    if word == "lead" and not (after in _LEAD_METAL or before in {"of", "contains", "made"}):
        return ("L", "IY1", "D")
    if word not in _homographs():
        return None
    verb, other = _homographs()[word]
    return tuple((verb if _looks_like_verb(before, after) else other).split())


def _looks_like_verb(before: str, after: str) -> bool:
    if before in _BEFORE_VERBS:
        return True
    if before in _BEFORE_NOUNS or before.endswith("'s"):
        return False
    if not before or not before[-1].isalpha():
        return after in _VERB_AFTER
    return after in _VERB_AFTER - {"to", "up", "down"}


@lru_cache(maxsize=20_000)
def word_phones(word: str) -> tuple[str, ...]:
    """Phones of one lower-case word by itself."""
    known = cmudict().get(word)
    # Entries like "ai" and "ios" are names of people and places; they are nearly always meant as letters.
    if known is not None and word not in {"ai", "ar", "ae", "os", "ios", "hud"}:
        return tuple(known.split())
    if word.startswith("'") or word.endswith("'"):
        return word_phones(word.strip("'")) if word.strip("'") else ()
    if "-" in word:
        return tuple(phone for part in word.split("-") if part for phone in word_phones(part))
    if word.endswith("'s"):
        return with_s(_spelled_or_word(word[:-2]))
    if "'" in word:
        return word_phones(word.replace("'", ""))
    if len(word) > MAX_LETTERS or len(word) <= 3 or not re.search("[aeiouy]", word):
        return tuple(phone for letter in word for phone in LETTER_NAMES.get(letter, ()))
    return _inflected(word) or _compound(word) or letter_to_sound.predict(word)


def _spelled_or_word(word: str) -> tuple[str, ...]:
    return LETTER_NAMES[word] if len(word) == 1 else word_phones(word)


def with_s(stem: Sequence[str]) -> tuple[str, ...]:
    """A stem's phones with the ending of plurals and possessives."""
    if stem and stem[-1] in _HISSING:
        return (*stem, "AH0", "Z")
    return (*stem, "S" if stem and stem[-1] in _VOICELESS else "Z")


def _inflected(word: str) -> tuple[str, ...] | None:
    """An ending or prefix on a dictionary word."""
    known = cmudict()
    for ending in ("es", "s"):
        if word.endswith(ending) and len(stem := word.removesuffix(ending)) > 2 and stem in known:
            return with_s(known[stem].split())
    for ending, sound in (("ing", "IH0 NG"), ("ly", "L IY0"), ("ness", "N AH0 S"), ("less", "L AH0 S")):
        stem = word.removesuffix(ending)
        for base in (stem, stem + "e", stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem):
            if stem != word and len(base) > 2 and base in known:
                return (*known[base].split(), *sound.split())
    if word.endswith("ed"):
        for base in (word[:-2], word[:-1]):
            if len(base) > 2 and base in known:
                stem_phones = known[base].split()
                last = stem_phones[-1]
                ending_phones = (
                    ("AH0", "D")
                    if last in {"T", "D"}
                    else ("T",)
                    if last in _VOICELESS | {"S", "SH", "CH"}
                    else ("D",)
                )
                return (*stem_phones, *ending_phones)
    for prefix, sound in (("un", "AH0 N"), ("re", "R IY0"), ("non", "N AA0 N"), ("anti", "AE2 N T IY0")):
        stem = word.removeprefix(prefix)
        if stem != word and len(stem) > 3 and stem in known:
            return (*sound.split(), *known[stem].split())
    return None


def _compound(word: str) -> tuple[str, ...] | None:
    """The words that are written as one here, by how common they are; None if it is one word after all."""
    parts = _segmenter().segment(word)
    if len(parts) < 2 or min(map(len, parts)) < 2:
        return None
    return tuple(phone for part in parts for phone in word_phones(part))


@cache
def _segmenter() -> Any:
    import wordsegment

    wordsegment.load()
    return wordsegment
