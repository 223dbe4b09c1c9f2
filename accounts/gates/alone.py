"""What is said, where one recogniser alone knows the language: heard in two ways that err in different places.

It first writes freely what was said and is never shown the statement; what it wrote is compared with the statement by
sound (`sounds`). Then it is asked which of near texts it prefers: the statement, or the same with one place exchanged
for a neighbour or a denial. A gate passes only if both ways hear it, and fails only if both hear it otherwise; whatever
is unclear goes to a reviewer. Two places rest on less: of the challenge words either way counts, and the year is asked
for alone. Thresholds and what was measured: docs/gates.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synth.recognition import recogniser as recognition

from . import limits, sounds
from .challenge import ChallengeSpec
from .languages import Language, Span, load
from .neighbours import near_texts
from .report import Gate
from .speech import Spans
from .spoken import GATE_NAMES, Listening, nothing_heard

Verdict = Literal["yes", "unsure", "no"]
_EDGE_S = 0.3
_SEARCHED_S, _QUIET_S = 0.7, 0.2
_DATE = ("day", "month", "year")

_OTHERWISE = {
    "statement": ("statement_negated", "The statement was changed. Read exactly what is shown."),
    "person": ("person_mismatch", "Another name was heard than “{}”. Read exactly what is shown."),
    "organisation": (
        "organisation_mismatch",
        "Another organisation was heard than “{}”. Read exactly what is shown.",
    ),
    "purposes": ("purposes_mismatch", "Other purposes were heard than “{}”. Read exactly what is shown."),
    "date": ("date_mismatch", "Another date was heard than “{}”. Read exactly what is shown."),
}


@dataclass(frozen=True)
class Written:
    """The free transcript, held against the statement place by place, in sounds."""

    text: str
    whole: sounds.Units
    expected: Mapping[str, sounds.Units]
    heard: Mapping[str, sounds.Units]
    error_share: float
    longest_insertion: float  # as a share of the statement
    denials: tuple[str, ...]
    cut: float  # the share of what was heard that comes before the sentence with the words

    def apart(self, name: str) -> float:
        return sounds.share_apart(self.expected[name], self.heard[name])


def listen(
    samples: np.ndarray, spec: ChallengeSpec, spans: Spans, recogniser: recognition.Recogniser
) -> Listening:
    """Judge what is said in mono float32 ``samples`` at 16 kHz; ``spans`` is where speech was found."""
    for code in spec.needs_reviewer:
        message = "This cannot be recognised in this language; a reviewer listens."
        return Listening([Gate(name, "review", code=code, message=message) for name in GATE_NAMES], None)
    begin_s, spoken = _around(samples, spans)
    listening = recogniser.listen(spoken)
    transcript = listening.transcribe(spec.language, words=not listening.fits)
    if not transcript.heard:
        return Listening(nothing_heard(), None)
    language = load(spec.language)
    statement, places = language.render({slot.name: slot.text for slot in spec.slots}, spec.word_list)
    written = compared(transcript.text, statement, places, language)
    asked = (
        Asked(listening)
        if listening.fits
        else _in_two(spoken, transcript.words, written, language, recogniser)
    )
    if asked is None:  # too long even in two parts
        return Listening(_gates({}, written, spec, language), None)
    gates = _gates(_margins(asked, spec, written, language), written, spec, language)
    return Listening(gates, begin_s + asked.words_start_s(statement, places, spec.language))


@dataclass(frozen=True)
class Asked:
    """The recording as it is asked for the likelihood of texts: whole, or, being longer than what the recogniser takes
    at once, cut in two before the sentence with the challenge words, at ``cut_s``."""

    head: recognition.Listening
    tail: recognition.Listening | None = None
    cut_s: float = 0.0

    def totals(self, texts: Sequence[tuple[str, int]], language: str) -> dict[str, float]:
        """Log-probabilities (nats) of texts, each with the place where it is cut."""
        if self.tail is None:
            scores = self.head.score([text for text, _ in texts], language)
            return {text: score.total for (text, _), score in zip(texts, scores, strict=True)}
        found: dict[str, float] = {}
        heads, tails = ({text[:cut] for text, cut in texts}, {text[cut:] for text, cut in texts})
        first = dict(zip(heads, self.head.score(list(heads), language), strict=True))
        second = dict(zip(tails, self.tail.score(list(tails), language), strict=True))
        for text, cut in texts:
            found[text] = first[text[:cut]].total + second[text[cut:]].total
        return found

    def words_start_s(self, statement: str, places: Mapping[str, Span], language: str) -> float:
        """Where the challenge words begin."""
        start = 0 if self.tail is None else places["cut"][0]
        first, at, text = places["word 0"][0] - start, 0, statement[start:]
        for word in (self.tail or self.head).words(text, language):
            at = text.find(word.text, at) + len(word.text)
            if at > first:
                return self.cut_s + word.start_s
        return self.cut_s


def _in_two(
    samples: np.ndarray,
    words: Sequence[recognition.Word],
    written: Written,
    language: Language,
    recogniser: recognition.Recogniser,
) -> Asked | None:
    """Cut at the quietest moment near where the sentence with the challenge words was heard to begin."""
    counts = np.cumsum([len(sounds.units(word.text, language.code)) for word in words])
    place = min(int(np.searchsorted(counts, written.cut * counts[-1], side="right")), len(words) - 1)
    near = int((words[place].start_s - _SEARCHED_S) * limits.RATE_HZ)
    around = samples[max(0, near) : near + int(2 * _SEARCHED_S * limits.RATE_HZ)]
    quiet = int(_QUIET_S * limits.RATE_HZ)
    energy = np.cumsum(np.square(around, dtype=np.float64))
    if len(energy) <= quiet:
        return None
    cut = max(0, near) + int(np.argmin(energy[quiet:] - energy[:-quiet])) + quiet // 2
    head, tail = recogniser.listen(samples[:cut]), recogniser.listen(samples[cut:])
    return Asked(head, tail, cut / limits.RATE_HZ) if head.fits and tail.fits else None


def compared(text: str, statement: str, places: Mapping[str, Span], language: Language) -> Written:
    """``text`` as it was written down, against the ``statement`` with its places."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for name, (first, last) in sorted(places.items(), key=lambda row: row[1]):
        pieces += [("", statement[at:first]), (name, statement[first:last])]
        at = last
    pieces.append(("", statement[at:]))
    expected = [(name, sounds.units(piece, language.code)) for name, piece in pieces]
    whole = [unit for _, piece in expected for unit in piece]
    heard = sounds.units(text, language.code)
    at_heard = sounds.aligned(whole, heard)
    found: dict[str, sounds.Units] = {}
    begin, cut = 0, 1.0
    for name, piece in expected:
        end = begin + len(piece)
        if name == "cut":
            cut = at_heard[begin] / max(1, len(heard))
        elif name:
            found[name] = heard[at_heard[begin] : at_heard[end]]
        begin = end
    steps = np.diff(at_heard)
    return Written(
        text=text,
        whole=heard,
        expected={name: piece for name, piece in expected if name in found},
        heard=found,
        error_share=sounds.share_apart(whole, heard),
        # One that was put in may be aligned in pieces; then the length tells of it.
        longest_insertion=max(0, int(steps.max(initial=0)) - 1, at_heard[0], len(heard) - len(whole))
        / max(1, len(whole)),
        denials=sounds.added_denials(text, statement, language.code),
        cut=cut,
    )


def _around(samples: np.ndarray, spans: Spans) -> tuple[float, np.ndarray]:
    """(where it begins in seconds, the part of a recording from its first to its last speech)."""
    if not spans:
        return 0.0, samples
    begin_s = max(0.0, spans[0][0] - _EDGE_S)
    end_s = spans[-1][1] + _EDGE_S
    return begin_s, samples[int(begin_s * limits.RATE_HZ) : int(end_s * limits.RATE_HZ)]


# ------------------------------------------------------------------ the two views
def _margins(asked: Asked, spec: ChallengeSpec, written: Written, language: Language) -> dict[str, float]:
    """By how many nats the statement is likelier than the likeliest with a place exchanged, for each place. Challenge
    words only where they were not written anyway."""
    slots = {slot.name: slot.text for slot in spec.slots}
    doubted = [i for i in range(len(spec.words)) if not _same(written, f"word {i}", limits.ALONE_WORD_APART)]
    near = list(near_texts(slots, spec.word_list, language, doubted))
    texts = dict.fromkeys(
        row for one in near for row in ((one.right, one.right_cut), (one.near, one.near_cut))
    )
    totals = asked.totals(list(texts), spec.language)
    found: dict[str, float] = {}
    for one in near:
        margin = totals[one.right] - totals[one.near]
        found[one.place] = round(min(found.get(one.place, np.inf), margin), 1)
    return found


def _same(written: Written, name: str, most_apart: float) -> bool:
    return written.apart(name) <= most_apart


def _gates(
    margins: Mapping[str, float], written: Written, spec: ChallengeSpec, language: Language
) -> list[Gate]:
    """The gates in their order. Without margins everything is a doubt at best."""
    texts = {slot.name: slot.text for slot in spec.slots}
    nothing_like_it = written.error_share >= limits.ALONE_NOTHING_LIKE_IT
    if nothing_like_it and margins and min(margins.values()) < 0:
        return nothing_heard()
    views: dict[str, tuple[Verdict, Verdict]] = {
        "statement": (_statement(written, language), _by_margin(margins, "denied", limits.WITNESS_NAME_NATS)),
        "person": (_name(written, "person"), _by_margin(margins, "person", limits.WITNESS_NAME_NATS)),
        "organisation": (
            _name(written, "organisation"),
            _by_margin(margins, "organisation", limits.WITNESS_ORGANISATION_NATS),
        ),
        "purposes": (
            _purposes(written, spec, language),
            _by_margin(margins, "purposes", limits.WITNESS_NAME_NATS),
        ),
        "date": (
            _worst(iter((_slot(written, "day"), _month(written, language)))),
            _worst(_by_margin(margins, name, limits.ALONE_WRITTEN_NATS) for name in _DATE),
        ),
    }
    gates = []
    for name, both in views.items():
        of = _DATE if name == "date" else (name,)
        said = written.text if name == "statement" else " ".join("".join(written.heard[n]) for n in of)
        shown = spec.statement if name == "statement" else " ".join(texts[n] for n in of)
        gates.append(_gate(name, both, said, shown))
    return [*gates, _words_gate(margins, written, spec)]


def _gate(name: str, both: tuple[Verdict, Verdict], said: str, shown: str) -> Gate:
    if both == ("yes", "yes"):
        return Gate(name, "pass", said, shown, "words")
    if both == ("no", "no"):
        code, message = _OTHERWISE[name]
        return Gate(name, "fail", said, shown, "words", code, message.format(shown))
    message = "This was not clearly heard; a reviewer listens."
    return Gate(name, "review", said, shown, "words", "not_clearly_heard", message)


def _statement(written: Written, language: Language) -> Verdict:
    """The parts that carry the consent stand in it to the letter: a few letters make "I withhold" of "I permit"."""
    if written.denials:
        return "no"
    said = "".join(written.whole)
    clear = (
        all("".join(sounds.units(part, language.code)) in said for part in language.denied)
        and written.error_share <= limits.ALONE_ERROR_SHARE
        and written.longest_insertion <= limits.ALONE_INSERTED_SHARE
    )
    return "yes" if clear else "unsure"


def _slot(written: Written, name: str) -> Verdict:
    apart = written.apart(name)
    return "yes" if apart == 0 else "no" if apart >= limits.ALONE_ANOTHER else "unsure"


def _month(written: Written, language: Language) -> Verdict:
    """Nearly as shown, and no other month is as near: "julio" is not far from "junio"."""
    heard, right = written.heard["month"], written.apart("month")
    others = (sounds.units(month, language.code) for month in language.months)
    nearer = any(
        other != written.expected["month"] and sounds.share_apart(heard, other) <= right for other in others
    )
    if right <= limits.ALONE_NAME_APART and not nearer:
        return "yes"
    return "no" if nearer and right >= limits.ALONE_ANOTHER else "unsure"


def _name(written: Written, name: str) -> Verdict:
    """Nearly as shown. A quarter of a long name makes another of it ("Banco del Mar" of "Sur"): one sound at most."""
    apart = written.apart(name)
    edits = round(apart * max(len(written.expected[name]), len(written.heard[name])))
    if apart <= limits.ALONE_NAME_APART and edits <= limits.ALONE_NAME_EDITS:
        return "yes"
    return "no" if apart >= limits.ALONE_ANOTHER else "unsure"


def _purposes(written: Written, spec: ChallengeSpec, language: Language) -> Verdict:
    """Nothing else in the list than what was to be said, and nothing of it missing."""
    heard = written.heard["purposes"]
    wanted = spec.slot("purposes").text
    for text in language.purposes.values():
        if text not in wanted and _holds(heard, sounds.units(text, language.code)):
            return "no"
    apart = written.apart("purposes")
    missing = [
        text
        for text in language.purposes.values()
        if text in wanted and not _holds(heard, sounds.units(text, language.code))
    ]
    if not missing and apart <= limits.ALONE_ERROR_SHARE:
        return "yes"
    return "no" if apart >= limits.ALONE_ANOTHER else "unsure"


def _holds(heard: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether ``wanted`` is somewhere in ``heard``, or nearly."""
    return any(
        sounds.share_apart(heard[at : at + length], wanted) <= limits.ALONE_NAME_APART
        for length in (len(wanted) - 1, len(wanted), len(wanted) + 1)
        for at in range(max(1, len(heard) - length + 1))
    )


def _by_margin(margins: Mapping[str, float], name: str, needed_nats: float) -> Verdict:
    margin = margins.get(name)
    if margin is None:
        return "unsure"
    return "yes" if margin >= needed_nats else "unsure" if margin >= 0 else "no"


def _worst(verdicts: Iterator[Verdict]) -> Verdict:
    return min(verdicts, key=("no", "unsure", "yes").index)


def _words_gate(margins: Mapping[str, float], written: Written, spec: ChallengeSpec) -> Gate:
    """A word counts that was written, or that is likelier than its neighbours where something like it was written."""
    right = sum(
        _same(written, name, limits.ALONE_WORD_APART)
        or (
            _same(written, name, limits.ALONE_WORD_LIKE)
            and margins.get(name, -np.inf) >= limits.WITNESS_WORD_NATS
        )
        for name in (f"word {i}" for i in range(len(spec.words)))
    )
    in_order = margins.get("order", 0.0) >= 0
    needed = limits.WORDS_TO_PASS
    if right >= needed and in_order and margins:
        return Gate("challenge_words", "pass", right, needed, "words")
    if right >= limits.WITNESS_WORDS_DOUBTED or not margins:
        message = f"{right} of the {len(spec.words)} words were clearly heard; a reviewer listens."
        return Gate("challenge_words", "review", right, needed, "words", "not_clearly_heard", message)
    message = f"{right} of the {len(spec.words)} words were heard; {needed} are needed."
    return Gate("challenge_words", "fail", right, needed, "words", "challenge_words_wrong", message)
