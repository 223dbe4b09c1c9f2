"""`make bench-consent`: what the gates that listen make of statements, said right and said otherwise.

English: flite's four voices read; two of them (`FIT`) were looked at while thresholds were chosen, the others are
reported on. Other languages: `benchmarks.statements`. Nobody human read a statement: rates for people are not known.
`--takes N` limits the number of statements, `--languages es,fr` and `--kinds right,denied` (their beginnings) what is
said; such a part of the whole is printed and written nowhere.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from accounts.gates import speech, spoken, witness
from accounts.gates.challenge import ChallengeSpec
from accounts.gates.report import Gate, decide
from benchmarks import statements
from benchmarks.report import ROOT, Row, write_report
from synth.recognition.recogniser import MODEL_FOLDER, Recogniser
from tests import neural, takes

FIT = ("slt", "kal16")
REPORT = ("awb", "rms")
RIGHT = "right"
DENIALS = {
    "do not consent": ("I consent to", "I do not consent to"),
    "never consent": ("I consent to", "I never consent to"),
    "refuse": ("I consent to", "I refuse consent to"),
    "cannot consent": ("I consent to", "I cannot consent to"),
    "would not consent": ("I consent to", "I would not consent to"),
    "no longer consent": ("I consent to", "I no longer consent to"),
    "was never the owner": ("I am the owner", "I was never the owner"),
    "am not the owner": ("I am the owner", "I am not the owner"),
    "no synthetic speech": ("creating synthetic speech", "creating no synthetic speech"),
    "not creating": ("creating synthetic", "not creating synthetic"),
    "it is not true": ("My name", "It is not true that my name"),
    "not for": ("from it, for", "from it, not for"),
}
OTHERS = {
    "person": ("Alex Morgan", "Alice Morgan"),
    "organisation": ("Harbor Studio", "Garden Studio"),
    "purposes": ("and accessibility", "accessibility, and advertising"),
    "date": ("twenty second", "twenty third"),
}


@dataclass(frozen=True)
class Judged:
    """One take: what was said, by whom, how it came, and what the first recogniser and both together decided."""

    kind: str
    voice: str
    condition: str
    first: str
    both: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=1, help="statements a voice")
    parser.add_argument("--languages", default=",".join(("en", *statements.CODES)))
    parser.add_argument(
        "--kinds", default="", help="only kinds that begin with one of these; languages but English"
    )
    arguments = parser.parse_args()
    folder = ROOT / "var" / "models" / MODEL_FOLDER
    if not folder.is_dir() or not takes.flite_installed():
        sys.exit("bench-consent needs flite and the model of the second recogniser (manage.py models fetch)")
    languages = arguments.languages.split(",")
    rows: list[Row] = []
    if "en" in languages:
        rows += _rows([row for voice in REPORT for row in _of_voice(voice, arguments.takes, folder)])
    recogniser = Recogniser(folder)
    kinds = tuple(arguments.kinds.split(","))
    for language in statements.CODES:
        if language in languages and neural.can_speak(language):
            rows += statements.rows(list(statements.judged(language, arguments.takes, recogniser, kinds)))
    if set(languages) < {"en", *statements.CODES} or arguments.kinds:
        print(*rows, sep="\n")
    else:
        print(
            write_report("consent", rows, command=f"python -m benchmarks.consent --takes {arguments.takes}")
        )


def _of_voice(voice: str, count: int, folder: Path) -> Iterator[Judged]:
    recogniser = Recogniser(folder)
    for number in range(count):
        spec = takes.fixed_challenge(3000 + number)
        for condition in ("clean", "noise 20 dB", "telephone", "room 0.4 s"):
            yield _judged(RIGHT, spec.statement, spec, voice, condition, recogniser)
        for kind, (shown, said) in {**DENIALS, **OTHERS}.items():
            yield _judged(kind, spec.statement.replace(shown, said), spec, voice, "clean", recogniser)
        words = spec.word_list
        swapped = spec.statement.replace(", ".join(words), ", ".join((words[1], words[0], *words[2:])))
        yield _judged("words swapped", swapped, spec, voice, "clean", recogniser)


def _judged(
    kind: str, text: str, spec: ChallengeSpec, voice: str, condition: str, recogniser: Recogniser
) -> Judged:
    heard = _conveyed(takes.take(text, voice, seed=len(text)).samples, condition)
    first = spoken.listen(heard, spec, speech.speech_spans(heard)).gates
    both = witness.agreed(first, witness.hear(heard, spec, recogniser))
    print(kind, voice, condition, _codes(first), "->", _codes(both), flush=True)
    return Judged(kind, voice, condition, decide(first), decide(both))


def _codes(gates: list[Gate]) -> str:
    return f"{decide(gates)} {sorted({gate.code for gate in gates if gate.code})}"


def _conveyed(samples: np.ndarray, condition: str) -> np.ndarray:
    """As it arrives: mono float32 at 16 kHz."""
    generator = np.random.default_rng(11)
    if condition == "noise 20 dB":
        level = np.sqrt(np.mean(np.square(samples[np.abs(samples) > 0.02])))
        return np.clip(samples + generator.normal(size=len(samples)) * level * 0.1, -1, 1).astype(np.float32)
    if condition == "telephone":
        return np.asarray(soxr.resample(soxr.resample(samples, 16_000, 8_000), 8_000, 16_000), np.float32)
    if condition == "room 0.4 s":
        decay = generator.normal(size=6_400) * np.exp(-6.9 * np.arange(6_400) / 6_400)
        decay[0] = 4.0
        wet = np.convolve(samples, decay)[: len(samples)]
        return np.asarray(0.7 * wet / np.abs(wet).max(), np.float32)
    return samples


def _rows(judged: list[Judged]) -> Iterator[Row]:
    note = "flite awb and rms, English; no person read one"
    for metric, kinds in (
        ("false_accept_denied", set(DENIALS)),
        ("false_accept_other", set(OTHERS) | {"words swapped"}),
    ):
        rows = [row for row in judged if row.kind in kinds]
        accepted = sum(row.both == "approved" for row in rows)
        before = sum(row.first == "approved" for row in rows)
        yield Row(
            metric, "share", round(accepted / len(rows), 4), n=len(rows), target=0, better="lower",
            note=f"{note}; {len(kinds)} kinds; the first recogniser alone accepted {before}",
        )  # fmt: skip
    for condition in dict.fromkeys(row.condition for row in judged):
        rows = [row for row in judged if row.kind == RIGHT and row.condition == condition]
        alone, both = (Counter(getattr(row, which) for row in rows) for which in ("first", "both"))
        for metric, state, target in (
            ("false_reject_genuine", "rejected", 0.05),
            ("review_genuine", "needs_review", 0.15),
        ):
            yield Row(
                f"{metric}_{condition.replace(' ', '_').replace('.', '_')}", "share", round(both[state] / len(rows), 3),
                n=len(rows), target=target, better="lower",
                note=f"{note}; the first recogniser alone: {alone[state]} of {len(rows)}",
            )  # fmt: skip


if __name__ == "__main__":
    main()
