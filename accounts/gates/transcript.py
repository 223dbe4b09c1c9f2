"""Does a clip say its transcript? Every word must be told apart from words that sound unlike it.

The recogniser is given the transcript with a few decoys in each word's place, as with the challenge words: were it
given the transcript alone, it would hear it in anything. Short function words sound like nothing much in particular
and are not counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from . import limits, phones, recognise
from . import vocabulary as v
from .challenge import LANGUAGES_WITH_RECOGNISER
from .report import Gate

DECOYS_PER_WORD = 5
MIN_PHONES_TO_COUNT = 3
MIN_WORDS_TO_COUNT = 3
# The short ones stand in the places of short words.
_SHORT = ("to", "of", "it", "we", "up", "say", "low", "key", "ice", "oak")
_POOL = (*v.WORDS_EN, *v.GIVEN_NAMES, *v.FAMILY_NAMES, *_SHORT)


def said_gate(samples: np.ndarray, transcript: str, language: str) -> Gate:
    """Share of the transcript's words that are heard in mono float32 ``samples`` at 16 kHz.

    Where no recogniser knows the language, or a word has no pronunciation here, a reviewer listens.
    """
    tokens = phones.tokens_of(transcript) or ()
    if language not in LANGUAGES_WITH_RECOGNISER:
        return _listener("There is no recogniser for this language here; a reviewer listens.")
    if not tokens or not all(phones.pronunciations(token) for token in tokens):
        return _listener("The transcript holds words without a known pronunciation; a reviewer listens.")
    counted = [len(phones.pronunciations(token)[0]) >= MIN_PHONES_TO_COUNT for token in tokens]
    if sum(counted) < MIN_WORDS_TO_COUNT:
        return _listener("The transcript is too short to be recognised; a reviewer listens.")
    share = round(heard_share(samples, tokens, counted), 2)
    bounds = [limits.TRANSCRIPT_FAIL_SHARE, limits.TRANSCRIPT_PASS_SHARE]
    if share >= limits.TRANSCRIPT_PASS_SHARE:
        return Gate("transcript_words", "pass", share, bounds, "share of words")
    if share <= limits.TRANSCRIPT_FAIL_SHARE:
        message = f"{share:.0%} of the transcript's words were heard: something else is said in this clip."
        return Gate(
            "transcript_words", "fail", share, bounds, "share of words", "transcript_mismatch", message
        )
    message = f"{share:.0%} of the transcript's words were heard; a reviewer listens."
    return Gate(
        "transcript_words", "review", share, bounds, "share of words", "transcript_uncertain", message
    )


def heard_share(samples: np.ndarray, tokens: Sequence[str], counted: Sequence[bool]) -> float:
    """Share of the ``counted`` tokens that the recogniser prefers to their decoys."""
    places = [(token, *decoys_of(token, index)) for index, token in enumerate(tokens)]
    body = " ".join(f"( {' | '.join(place)} )" for place in places)
    grammar = f"#JSGF V1.0;\ngrammar transcript;\npublic <transcript> = {body};\n"
    found = recognise.recognise(samples, grammar, {word for place in places for word in place})
    heard = [word.text for word in found or ()]
    if len(heard) != len(tokens):
        return 0.0
    right = [said == token for said, token, counts in zip(heard, tokens, counted, strict=True) if counts]
    return sum(right) / len(right)


def decoys_of(token: str, index: int) -> tuple[str, ...]:
    """Words of about the length of ``token`` that sound unlike it; the same ones every time."""
    sound = phones.pronunciations(token)[0]
    order = hashlib.sha256(f"{index} {token}".encode()).digest()
    generator = np.random.default_rng(list(order[:8]))
    apart = []
    for word in generator.permutation(np.array(_POOL)):
        other = phones.dictionary_phones(str(word))
        if abs(len(other) - len(sound)) <= 2 and phones.distance(sound, other) >= max(2, len(sound) - 2):
            apart.append(str(word))
        if len(apart) == DECOYS_PER_WORD:
            break
    return tuple(apart)


def _listener(message: str) -> Gate:
    return Gate("transcript_words", "review", code="transcript_needs_reviewer", message=message)
