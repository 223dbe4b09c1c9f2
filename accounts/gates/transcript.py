"""Does a clip say its transcript? Every word must be told apart from words that sound unlike it.

The recogniser is given the transcript with a few decoys in each word's place, as with the challenge words: were it
given the transcript alone, it would hear it in anything. Short function words sound like nothing much in particular
and are not counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from synth.recognition.recogniser import Recogniser

from . import limits, phones, recognise, sounds
from . import vocabulary as v
from .languages import CODES, load
from .report import Gate

DECOYS_PER_WORD = 5
MIN_PHONES_TO_COUNT = 3
MIN_WORDS_TO_COUNT = 3
MIN_SOUNDS_TO_COUNT = 8
# The short ones stand in the places of short words.
_SHORT = ("to", "of", "it", "we", "up", "say", "low", "key", "ice", "oak")
_POOL = (*v.WORDS_EN, *v.GIVEN_NAMES, *v.FAMILY_NAMES, *_SHORT)


def said_gate(
    samples: np.ndarray, transcript: str, language: str, recogniser: Recogniser | None = None
) -> Gate:
    """Share of the transcript's words that are heard in mono float32 ``samples`` at 16 kHz; in other languages than
    English the share of its sounds that ``recogniser`` writes down.

    Where no recogniser knows the language, or a word has no pronunciation here, a reviewer listens.
    """
    tokens = phones.tokens_of(transcript) or ()
    if language != "en":
        if recogniser is None or language not in CODES or load(language).by_reviewer:
            return _listener("There is no recogniser for this language here; a reviewer listens.")
        return _written_gate(samples, transcript, language, recogniser)
    if not tokens or not all(phones.pronunciations(token) for token in tokens):
        return _listener("The transcript holds words without a known pronunciation; a reviewer listens.")
    counted = [len(phones.pronunciations(token)[0]) >= MIN_PHONES_TO_COUNT for token in tokens]
    if sum(counted) < MIN_WORDS_TO_COUNT:
        return _listener("The transcript is too short to be recognised; a reviewer listens.")
    share = round(heard_share(samples, tokens, counted), 2)
    return _judged(share, limits.TRANSCRIPT_PASS_SHARE)


def _written_gate(samples: np.ndarray, transcript: str, language: str, recogniser: Recogniser) -> Gate:
    """What is written down freely, against the transcript: the recogniser is not shown it."""
    expected = sounds.words(transcript, language)
    if len(sounds.units(transcript, language)) < MIN_SOUNDS_TO_COUNT:
        return _listener("The transcript is too short to be recognised; a reviewer listens.")
    written = recogniser.listen(samples).transcribe(language)
    if not written.heard:
        return _listener("Nothing was clearly heard in this clip; a reviewer listens.")
    heard = written.text
    share = round(1 - sounds.share_apart(expected, sounds.words(heard, language)), 2)
    denied = sounds.added_denials(heard, transcript, language) or sounds.added_denials(
        transcript, heard, language
    )
    # One word of many is less than the limit, but not this one.
    return _judged(min(share, 0.9) if denied else share, limits.TRANSCRIPT_WRITTEN_PASS_SHARE)


def _judged(share: float, passes: float) -> Gate:
    bounds = [limits.TRANSCRIPT_FAIL_SHARE, passes]
    if share >= passes:
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
