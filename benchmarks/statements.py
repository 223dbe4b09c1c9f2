"""Statements in the languages that one recogniser hears, read by neural voices: rows of `make bench-consent`.

Thresholds were chosen while single takes of the first voice of a language (by name) were looked at; every second voice
is reported on, in French, which has one voice, that one. What was said and what was decided is kept in
`var/bench/statements`, decisions as long as neither the gate nor its data change: a run that was stopped goes on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from accounts.gates import alone, languages, speech
from accounts.gates.challenge import ChallengeSpec, make_challenge
from accounts.gates.report import decide
from benchmarks.people import of_half
from benchmarks.report import ROOT, Row
from synth.recognition.recogniser import Recogniser
from tests import neural

KEPT = ROOT / "var" / "bench" / "statements"
CODES = tuple(code for code in languages.CODES if not languages.load(code).by_reviewer)
RIGHT = "right"
_ASKED = ("general", "narration", "dubbing")

#: Denials that are not among those that the gate itself offers: a part of the statement, and what is said instead.
DENIED = {
    "es": {"autorizo a": "me niego a autorizar a", "es mía": "jamás fue mía"},
    "fr": {"j'autorise": "je refuse d'autoriser", "est la mienne": "n'a jamais été la mienne"},
    "it": {"autorizzo": "mi rifiuto di autorizzare", "è mia": "non è mai stata mia"},
    "ja": {"同意します": "同意したくありません", "私のものです": "他人のものです"},
    "pt": {"autorizo": "recuso autorizar", "é minha": "nunca foi minha"},
    "zh": {"我同意": "我不会同意", "我是这个": "我从来不是这个"},
}


@dataclass(frozen=True)
class Judged:
    """One take: language, kind of statement, voice, decision."""

    language: str
    kind: str
    voice: str
    decision: str


def judged(
    language: str, takes: int, recogniser: Recogniser, kinds: tuple[str, ...] = ("",)
) -> Iterator[Judged]:
    """``takes`` statements of each voice that is reported on, said right and in every other way whose kind begins with
    one of ``kinds``."""
    voices = neural.voices(language)
    for voice in of_half(voices, "report") or voices:
        for number in range(takes):
            spec = _spec(language, 500 + number)
            for kind, text in variants(spec):
                if not kind.startswith(kinds):
                    continue
                decision = _decided(text, spec, voice, recogniser)
                print(language, voice, number, kind, decision, flush=True)
                yield Judged(language, kind, voice, decision.split()[0])


def _decided(text: str, spec: ChallengeSpec, voice: str, recogniser: Recogniser) -> str:
    """The decision and the gates that object with their codes, once measured and then kept."""
    key = hashlib.sha256(f"{_gate_version()}|{spec.statement}|{text}|{voice}".encode()).hexdigest()[:24]
    path = KEPT / f"decided-{key}.txt"
    if not path.exists():
        samples = neural.take(text, spec.language, voice, KEPT)
        found = alone.listen(samples, spec, speech.speech_spans(samples), recogniser)
        objections = [f"{gate.name}:{gate.code}" for gate in found.gates if gate.code]
        path.write_text(" ".join((decide(found.gates), *objections)), encoding="utf-8")
    return path.read_text(encoding="utf-8")


@cache
def _gate_version() -> str:
    """Changes with the code and the data that decide."""
    folder = Path(alone.__file__).parent
    files = [folder / f"{name}.py" for name in ("alone", "languages", "limits", "neighbours", "sounds")]
    files += sorted((folder / "data").glob("*.toml"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def variants(spec: ChallengeSpec) -> Iterator[tuple[str, str]]:
    """(kind, what is said): the statement, denials, and one thing exchanged at a time."""
    known = languages.load(spec.language)
    slots, words = {slot.name: slot.text for slot in spec.slots}, spec.word_list
    yield RIGHT, spec.statement
    offered = {part: others[0] for part, others in known.denied.items()}
    for said in (offered, DENIED[spec.language]):
        for part, other in said.items():
            yield f"denied: {other}", spec.statement.replace(part, other, 1)
    person = " ".join((known.given_names[2], known.family_names[7]))
    others = {
        "person": person if " " in slots["person"] else "".join(reversed(person.split())),
        "organisation": known.organisations[5],
        "purposes": known.list_of((*_ASKED[:2], "advertising")),
        "day": known.day(23),
    }
    for name, other in others.items():
        yield f"other {name}", known.render({**slots, name: other}, words)[0]
    yield "words missing", known.render(slots, words[:4])[0]
    yield "words swapped", known.render(slots, (words[1], words[0], words[3], words[2], *words[4:]))[0]
    yield "other words", known.render(slots, _spec(spec.language, 900).word_list)[0]


def rows(found: list[Judged]) -> Iterator[Row]:
    for language in dict.fromkeys(row.language for row in found):
        own = [row for row in found if row.language == language]
        right = Counter(row.decision for row in own if row.kind == RIGHT)
        wrong = [row for row in own if row.kind != RIGHT]
        note = f"{', '.join(sorted({row.voice for row in own}))}; neural voices, no person read one"
        for metric, state, target in (
            ("false_reject_genuine", "rejected", 0.05),
            ("review_genuine", "needs_review", None),
        ):
            n = right.total()
            if not n:
                continue
            share = round(right[state] / n, 3)
            yield Row(f"{language}_{metric}", "share", share, n=n, target=target, better="lower", note=note)
        for metric, denied in (("false_accept_denied", True), ("false_accept_other", False)):
            of = [row for row in wrong if row.kind.startswith("denied") == denied]
            if not of:
                continue
            accepted = [row.kind for row in of if row.decision == "approved"]
            refused = sum(row.decision == "rejected" for row in of)
            said = f"{note}; {refused} refused" + (f"; accepted: {accepted}" if accepted else "")
            yield Row(
                f"{language}_{metric}", "share", round(len(accepted) / len(of), 4), n=len(of), target=0, better="lower",
                note=said,
            )  # fmt: skip


def _spec(language: str, seed: int) -> ChallengeSpec:
    person, organisation = neural.NAMES[language]
    return make_challenge(
        person_name=person,
        organisation=organisation,
        purposes=_ASKED,
        date=dt.date(2026, 11, 22),
        language=language,
        generator=np.random.default_rng(seed),
    )
