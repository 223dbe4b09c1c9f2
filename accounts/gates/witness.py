"""A second recogniser's word on an English statement: what it writes down freely, and which of near texts it prefers.

pocketsphinx hears only what its grammar offers; Whisper hears anything, and smooths. They err in different places, so
the one is held against the other: what both hear passes, or is refused; what only one hears is a reviewer's question.
Whisper is never shown the statement before it writes. Names, the date and the words are then told from their nearest
neighbours by forced scoring: the right text must be likelier than the same text with one of them exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from synth.recognition.recogniser import Listening, Recogniser

from . import limits, phones
from . import vocabulary as v
from .challenge import ChallengeSpec, year_words
from .report import Gate

Verdict = Literal["yes", "unsure", "no"]

_DENIALS = frozenset(
    v.listed(
        """not never no cannot nobody nothing none hardly barely refuse refused decline declined deny denied object
        forbid withdraw withhold false unless except without joking longer selling deleting"""
    )
)
_NT = re.compile(r"n't\b|n’t\b")
_DIGITS = re.compile(r"(\d+)(st|nd|rd|th)?")


@dataclass(frozen=True)
class Heard:
    """What the second recogniser makes of each gate, and what it wrote. ``right_words`` of the six were heard."""

    text: str
    verdicts: dict[str, Verdict]
    measured: dict[str, float]
    right_words: int


def hear(samples: np.ndarray, spec: ChallengeSpec, recogniser: Recogniser) -> Heard | None:
    """The second witness of mono float32 ``samples`` at 16 kHz. None for a recording that is too long for it."""
    listening = recogniser.listen(samples)
    written = listening.transcribe("en")
    words = words_of(written.text)
    if not listening.fits:
        return None
    margins = _margins(listening, spec, written_words=words)
    right = sum(
        word in words or margins.get(f"word {index}", -np.inf) >= limits.WITNESS_WORD_NATS
        for index, word in enumerate(spec.word_list)
    )
    verdicts: dict[str, Verdict] = {
        "statement": _statement(words, spec) if written.heard else "no",
        "person": _by_margin(margins, "person", limits.WITNESS_NAME_NATS),
        "organisation": _by_margin(margins, "organisation", limits.WITNESS_ORGANISATION_NATS),
        "purposes": _purposes(words, spec),
        "date": min(
            (_by_margin(margins, name, limits.WITNESS_NAME_NATS) for name in ("day", "month", "year")),
            key=("no", "unsure", "yes").index,
        ),
        "challenge_words": _enough(right),
    }
    return Heard(written.text, verdicts, {name: round(value, 1) for name, value in margins.items()}, right)


def agreed(first: Sequence[Gate], second: Heard | None) -> list[Gate]:
    """The gates of the first recogniser, held against the second."""
    if second is None:
        return [_doubted(gate) if gate.outcome == "pass" else gate for gate in first]
    return [_held_against(gate, second) for gate in first]


def writing(
    samples: np.ndarray, spec: ChallengeSpec, first: Sequence[Gate], recogniser: Recogniser
) -> list[Gate]:
    """The gates of a statement that a reviewer hears anyway, with what the second recogniser wrote beside it."""
    if not recogniser.knows(spec.language):
        return list(first)
    text = recogniser.listen(samples).transcribe(spec.language).text
    return [
        Gate(gate.name, gate.outcome, text, spec.statement, "words", gate.code, gate.message)
        if gate.name == "statement"
        else gate
        for gate in first
    ]


def _held_against(gate: Gate, second: Heard) -> Gate:
    verdict = second.verdicts.get(gate.name, "unsure")
    if (gate.outcome, verdict) in (("pass", "yes"), ("fail", "no")) or gate.outcome in ("review", "skipped"):
        return gate
    return _doubted(gate, second.text if gate.name == "statement" else None)


def _doubted(gate: Gate, written: str | None = None) -> Gate:
    message = "Two recognisers heard different things; a reviewer listens."
    measured = gate.measured if written is None else written
    unit = gate.unit if written is None else "words"
    return Gate(gate.name, "review", measured, gate.limit, unit, "witnesses_disagree", message)


def words_of(text: str) -> list[str]:
    """Words of a transcript, numbers said as words: "the 22nd of November, 2026." as one says them."""
    spelt = _DIGITS.sub(lambda found: f" {_said(found[1], found[2] or '')} ", _NT.sub(" not", text.lower()))
    return re.findall(r"[a-z']+", spelt.replace("’", "'"))


def _said(digits: str, ending: str) -> str:
    number = int(digits)
    if ending and 1 <= number <= 31:
        return v.DAYS[number - 1]
    if 2000 <= number <= 2099:
        return year_words(number)
    if 1 <= number <= 31:
        return v.DAYS[number - 1]
    return " ".join(v.DIGITS[int(digit)] for digit in digits)


def _statement(words: Sequence[str], spec: ChallengeSpec) -> Verdict:
    expected = words_of(spec.statement)
    allowed = {word for word in expected if word in _DENIALS}
    if any(word in _DENIALS and word not in allowed for word in words):
        return "no"
    inserted, missing = _differences(expected, words)
    share = (inserted + missing) / max(1, len(expected))
    return "yes" if share <= limits.WITNESS_ERROR_SHARE and inserted <= limits.WITNESS_INSERTED else "unsure"


def _differences(expected: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """Words put in, and words missing or exchanged, by the shortest edit between the two."""
    rows = [(j, j, 0) for j in range(len(heard) + 1)]  # cost, inserted, missing
    for i, word in enumerate(expected, 1):
        above, rows = rows, [(i, 0, i)]
        for j, other in enumerate(heard, 1):
            cost, put_in, lost = above[j - 1]
            same = word == other
            rows.append(
                min(
                    (cost + (not same), put_in, lost + (not same)),
                    (above[j][0] + 1, above[j][1], above[j][2] + 1),
                    (rows[j - 1][0] + 1, rows[j - 1][1] + 1, rows[j - 1][2]),
                )
            )
    return rows[-1][1], rows[-1][2]


def _purposes(words: Sequence[str], spec: ChallengeSpec) -> Verdict:
    """By sound, for "assistants" is written "assistance" as often as not."""
    listed = spec.slot("purposes").text
    wanted = {text for text in v.PURPOSES_EN.values() if text in listed}
    heard = [_sound(word) for word in words]
    if any(_sounds_in(text, heard, 0) for text in set(v.PURPOSES_EN.values()) - wanted):
        return "no"
    return "yes" if all(_sounds_in(text, heard, 1) for text in wanted) else "unsure"


def _sounds_in(text: str, heard: Sequence[tuple[str, ...]], most_phones: int) -> bool:
    """Whether ``text`` is among the words of these sounds, each of its words up to ``most_phones`` away."""
    parts = [_sound(word) for word in text.split()]
    return any(
        all(phones.distance(a, b) <= most_phones for a, b in zip(parts, heard[at:], strict=False))
        for at in range(len(heard) - len(parts) + 1)
    )


def _enough(right: int) -> Verdict:
    if right >= limits.WORDS_TO_PASS:
        return "yes"
    return "unsure" if right >= limits.WITNESS_WORDS_DOUBTED else "no"


def _by_margin(margins: dict[str, float], name: str, needed_nats: float) -> Verdict:
    margin = margins.get(name)
    if margin is None:
        return "unsure"
    return "yes" if margin >= needed_nats else "unsure" if margin >= 0 else "no"


# ------------------------------------------------------------------ near texts
def _margins(listening: Listening, spec: ChallengeSpec, *, written_words: Sequence[str]) -> dict[str, float]:
    """By how many nats the statement is likelier than the likeliest with one place exchanged, for each place; of the
    challenge words only those that were not written anyway."""
    texts, places = [spec.statement], [""]
    for name, text in _near_statements(spec, written_words):
        texts.append(text)
        places.append(name)
    totals = [score.total for score in listening.score(texts, "en")]
    found: dict[str, float] = {}
    for name, total in zip(places[1:], totals[1:], strict=True):
        found[name] = min(found.get(name, np.inf), totals[0] - total)
    return found


def _near_statements(spec: ChallengeSpec, written: Sequence[str]) -> Iterable[tuple[str, str]]:
    """(place, the statement with this place exchanged for a near neighbour)."""
    statement, at = spec.statement, 0
    for slot in spec.slots:
        if slot.name == "purposes":
            continue
        shown = slot.text.capitalize() if slot.name == "month" else slot.text.rstrip(".")
        begin = statement.find(shown, at)
        if begin < 0:
            continue
        at = begin + len(shown)
        for near in _near(slot.name, shown):
            yield slot.name, statement[:begin] + near + statement[at:]
    for index, word in enumerate(spec.word_list):
        begin = statement.find(word, at)
        if begin < 0:
            continue
        at = begin + len(word)
        if word in written:
            continue
        exchanged = _nearest(word, v.WORDS_EN, 1)[0]
        yield f"word {index}", statement[:begin] + exchanged + statement[at:]


def _near(name: str, text: str) -> list[str]:
    if name in ("day", "month", "year"):
        pool: Sequence[str] = v.DAYS if name == "day" else v.MONTHS
        if name == "year":
            pool = [year_words(year) for year in range(2020, 2040)]
        near = _nearest(text.lower(), pool, 1)
        return [word.capitalize() for word in near] if name == "month" else near
    tokens, found = text.split(), []
    for index, token in enumerate(tokens):
        pool = _names(name, index)
        nearest = _nearest(token.lower().strip(".,"), pool, 1)
        found += [" ".join((*tokens[:index], other.capitalize(), *tokens[index + 1 :])) for other in nearest]
    return found


def _names(name: str, index: int) -> Sequence[str]:
    if name == "person":
        return v.FAMILY_NAMES if index else v.GIVEN_NAMES
    return sorted(
        {word for organisation in v.ORGANISATIONS for word in organisation.split() if word != "the"}
    )


def _nearest(text: str, pool: Iterable[str], count: int) -> list[str]:
    sound = _sound(text)
    others = [word for word in pool if word != text]
    return sorted(others, key=lambda word: (phones.distance(sound, _sound(word)), word))[:count]


@lru_cache(maxsize=4096)
def _sound(text: str) -> tuple[str, ...]:
    return tuple(p for word in text.split() for p in (phones.pronunciations(word) or ((),))[0])
