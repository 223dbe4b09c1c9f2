"""The gates that listen: statement, person, organisation, purposes, date and challenge words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import grammar, limits, phones, recognise
from .challenge import ChallengeSpec
from .report import Gate
from .speech import Spans

GATE_NAMES = ("statement", "person", "organisation", "purposes", "date", "challenge_words")
_DATE_SLOTS = ("day", "month", "year")

_REVIEW_MESSAGES = {
    "language_needs_reviewer": "There is no recogniser for this language here; a reviewer listens.",
    "person_needs_reviewer": "The name has no known pronunciation; a reviewer listens.",
    "organisation_needs_reviewer": "The organisation's name has no known pronunciation; a reviewer listens.",
}


@dataclass(frozen=True)
class Listening:
    """The gates, and where the challenge words begin (None when they were not heard)."""

    gates: list[Gate]
    words_start_s: float | None


def listen(samples: np.ndarray, spec: ChallengeSpec, spans: Spans) -> Listening:
    """Judge what is said in mono float32 ``samples`` at 16 kHz; ``spans`` is where speech was found."""
    unheard = ("language_needs_reviewer",) if spec.language != "en" else ()
    for code in spec.needs_reviewer or unheard:
        gates = [Gate(name, "review", code=code, message=_REVIEW_MESSAGES[code]) for name in GATE_NAMES]
        return Listening(gates, None)
    statement, words = grammar.statement_places(spec), grammar.word_places(spec)
    places = (*statement, *words)
    vocabulary = {token for place in places for text in place.alternatives for token in text.split()}
    found = recognise.recognise(samples, grammar.jsgf(statement, words), vocabulary)
    texts = [word.text for word in found or ()]
    heard = grammar.read_back(places, texts) or grammar.read_back(statement, texts)
    if not found or heard is None:
        return Listening(nothing_heard(), None)
    first_word = next((h for h in heard if h.place.kind == "word"), None)
    gates = [
        _statement_gate(heard, found, spans),
        _slot_gate("person", ("person",), heard),
        _slot_gate("organisation", ("organisation",), heard),
        _slot_gate("purposes", ("purposes",), heard),
        _slot_gate("date", _DATE_SLOTS, heard),
        _words_gate(heard, spec),
    ]
    return Listening(gates, found[first_word.first].start_s if first_word else None)


def nothing_heard() -> list[Gate]:
    """Of a recording in which the statement is not at all."""
    message = "The statement was not heard in this recording. Read exactly what is shown."
    skipped = "Not measured: the statement was not heard."
    return [
        Gate("statement", "fail", code="statement_not_heard", message=message),
        *(Gate(name, "skipped", message=skipped) for name in GATE_NAMES[1:]),
    ]


def _statement_gate(
    heard: Sequence[grammar.Heard], words: Sequence[recognise.HeardWord], spans: Spans
) -> Gate:
    altered = [h.text or "(missing)" for h in heard if h.place.kind == "contrast" and not h.as_expected]
    if altered:
        message = (
            f"The statement was changed: “{'”, “'.join(altered)}” was heard. Read exactly what is shown."
        )
        return Gate("statement", "fail", altered, [], "words", "statement_negated", message)
    seconds = round(longest_unexplained_s(words, spans), 2)
    limit = limits.UNEXPLAINED_SPEECH_S
    if seconds > limit:
        message = f"{seconds} s of speech are not part of the statement; a reviewer listens."
        return Gate("statement", "review", seconds, limit, "s", "unexplained_speech", message)
    return Gate("statement", "pass", seconds, limit, "s")


def longest_unexplained_s(words: Sequence[recognise.HeardWord], spans: Spans) -> float:
    """Longest stretch of detected speech between, before or after the recognised words, in seconds."""
    edges = [0.0, *(t for word in words for t in (word.start_s, word.end_s)), float("inf")]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return max((min(end, b) - max(start, a) for start, end in gaps for a, b in spans), default=0.0)


def _slot_gate(name: str, slots: tuple[str, ...], heard: Sequence[grammar.Heard]) -> Gate:
    there = [h for h in heard if h.place.name in slots]
    said, expected = " ".join(h.text for h in there), " ".join(h.place.expected for h in there)
    if all(h.as_expected for h in there):
        return Gate(name, "pass", said, expected, "words")
    if all(h.as_expected or _is_guess(h.place.expected) for h in there):
        # The right name may be said in a way that our rules did not foresee: not a reason to refuse it.
        message = f"“{expected}” was not clearly heard; a reviewer listens."
        return Gate(name, "review", said, expected, "words", f"{name}_uncertain", message)
    what = "Other purposes were" if name == "purposes" else f"Another {name} was"
    message = f"{what} heard than “{expected}”. Read exactly what is shown."
    return Gate(name, "fail", said, expected, "words", f"{name}_mismatch", message)


def _is_guess(text: str) -> bool:
    """Whether a word of ``text`` has its pronunciation from rules only."""
    return not all(phones.dictionary_phones(token) for token in text.split())


def _words_gate(heard: Sequence[grammar.Heard], spec: ChallengeSpec) -> Gate:
    right = sum(h.as_expected for h in heard if h.place.kind == "word")
    limit = limits.WORDS_TO_PASS
    if right >= limit:
        return Gate("challenge_words", "pass", right, limit, "words")
    message = f"{right} of the {len(spec.words)} words were heard; {limit} are needed."
    return Gate("challenge_words", "fail", right, limit, "words", "challenge_words_wrong", message)
