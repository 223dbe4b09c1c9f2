"""`make bench-spoken`: faults put into speech of the default engine, found or not; good sentences, called faulty or
not; words, and where they begin. Sentences and people of the report half; thresholds were chosen on the other.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections import defaultdict

import numpy as np

from benchmarks.report import Row, write_report
from benchmarks.speech import SENTENCES, require_programs
from benchmarks.spoken_cases import MODELS, RATE_HZ, Case, sentences, with_fault, without_word
from synth.audio.resample import resample
from synth.engines.content.flite import FliteVoice, program
from synth.recognition.recogniser import MODEL_FOLDER, Recogniser
from synth.spoken.check import examined, stutter
from synth.spoken.findings import Heard
from synth.spoken.phones import sounded

_VOICES, _SPOKEN_EACH = ("slt", "rms", "awb"), 1
_PAUSE_S = 0.25


class Measured:
    """Counts of one run, and what each second of speech cost."""

    def __init__(self) -> None:
        self.recogniser = Recogniser(MODELS / MODEL_FOLDER)
        self.cpu_s = self.speech_s = 0.0
        self.found: dict[str, list[bool]] = defaultdict(list)
        self.alarms: dict[str, list[bool]] = defaultdict(list)
        self.errors_ms: dict[str, list[float]] = defaultdict(list)
        self.echoes: list[bool] = []
        self.missed: list[str] = []

    def examine(self, samples: np.ndarray, text: str, language: str) -> Heard:
        begun = time.process_time()
        heard = examined(samples, text, language, self.recogniser.listen)
        self.cpu_s += time.process_time() - begun
        self.speech_s += len(samples) / RATE_HZ
        return heard

    def case(self, case: Case, seed: int) -> None:
        good = self.examine(case.samples, case.text, case.language)
        self.alarms[case.language].append(bool(good.faults))
        if good.faults:
            self.missed.append(f"alarm {case.name}: {[fault.as_dict() for fault in good.faults]}")
        for kind in ("word", "cut", "end", "half"):
            if kind == "word":
                samples = without_word(case, good.words, seed)
            else:
                samples, _ = with_fault(case, kind, seed)
            heard = self.examine(samples, case.text, case.language)
            found = any(fault.kind in ("swallowed", "cut_off") for fault in heard.faults)
            self.found[kind].append(found)
            if not found:
                self.missed.append(f"missed {kind} {case.name}: {heard.rate}")

    def stutter(self, case: Case, seed: int) -> None:
        """Found in the sound alone, so that every sentence can be tried."""
        words = sounded(case.text, case.language)
        self.echoes.append(stutter(case.samples, words) is not None)
        self.found["repeated"].append(stutter(with_fault(case, "repeated", seed)[0], words) is not None)

    def word_times_of_flite(self) -> None:
        """English words against flite's own times."""
        require_programs("bench-spoken", "flite")
        for number, text in enumerate(SENTENCES[: _SPOKEN_EACH * len(_VOICES)]):
            said = FliteVoice(program() or "flite", _VOICES[number % len(_VOICES)]).render(text, pace=1.0)
            samples = resample(said.samples, said.sample_rate_hz, RATE_HZ)
            words = examined(samples, text, "en", self.recogniser.listen).words
            if len(words) == len(said.word_starts_s):
                self.errors_ms["en"] += [
                    1000 * abs(word.start_s - start)
                    for word, start in zip(words, said.word_starts_s, strict=True)
                ]

    def word_times_of_joints(self, cases: list[Case]) -> None:
        """Where the second of two sentences begins, a pause between them."""
        for first, second in itertools.pairwise(cases):
            if first.language != second.language or first.language == "en":
                continue
            head, tail = _trimmed(first.samples), _trimmed(second.samples)
            pause = np.zeros(round(_PAUSE_S * RATE_HZ), np.float32)
            border_s = (len(head) + len(pause)) / RATE_HZ
            text = first.text + second.text
            words = examined(
                np.concatenate([head, pause, tail]), text, first.language, self.recogniser.listen
            ).words
            before = len([c for c in first.text if c.isalnum()])
            placed = [word for word in words for c in word.text if c.isalnum()]
            if before < len(placed):
                self.errors_ms[first.language].append(1000 * abs(placed[before].start_s - border_s))


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """From where sound begins to where it ends, within 35 dB of the loudest 10 ms."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    loud = np.flatnonzero(level > level.max() - 35)
    return samples[loud[0] * 160 : (loud[-1] + 1) * 160]


def _rows(measured: Measured) -> list[Row]:
    found = measured.found
    swallowed = [one for kind in ("word", "end", "half") for one in found[kind]]
    alarms = [one for values in measured.alarms.values() for one in values]
    errors = [one for values in measured.errors_ms.values() for one in values]
    return [
        Row("swallowed_found", "share", _mean(swallowed), n=len(swallowed), target=0.95,
            spread="; ".join(f"{kind} {_mean(found[kind])}" for kind in ("word", "end", "half")),
            note="a word of at least 0.2 s cut out; the last 0.5 s; half of the sentence"),
        Row("cut_anywhere_found", "share", _mean(found["cut"]), n=len(found["cut"]),
            note="0.3 s cut out of running speech wherever: often two halves of words that make another word"),
        Row("repeated_found", "share", _mean(found["repeated"]), n=len(found["repeated"]), target=0.95,
            note="0.4 s of running speech twice, the very same sound: what a network says again is less alike; "
                 f"found in {_mean(measured.echoes)} of {len(measured.echoes)} good sentences"),
        Row("false_alarms", "share", _mean(alarms), n=len(alarms), target=0.02, better="lower",
            spread="; ".join(f"{language} {_mean(values)}" for language, values in measured.alarms.items()),
            note="sentences of the default engine as it spoke them; nobody listened whether all of them are good"),
        Row("word_time_error_ms", "ms", round(statistics.median(errors)), n=len(errors), target=80, better="lower",
            spread="; ".join(
                f"{language} {statistics.median(values):.0f}" for language, values in measured.errors_ms.items()),
            note="starts of words, median: English against flite's own times (neural speech has none), Chinese and "
                 "Japanese where a second sentence begins after a pause"),
        Row("check_cpu_s_per_s", "CPU s / audio s", round(measured.cpu_s / measured.speech_s, 2), better="lower",
            n=len(alarms) + sum(map(len, found.values())), note="one thread, words timed"),
    ]  # fmt: skip


def _mean(values: list[bool]) -> float:
    return round(statistics.mean(values), 3) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, help="sentences of each language; all unless given")
    arguments = parser.parse_args()
    measured = Measured()
    every = list(sentences("report"))
    for seed, case in enumerate(every):
        measured.stutter(case, seed)
    cases = [case for case in every if int(case.name[-2:]) < (arguments.most or len(every))]
    for seed, case in enumerate(sorted(cases, key=lambda case: case.name[-2:])):
        measured.case(case, seed)
        print(case.name, *measured.missed, sep="\n  ", flush=True)
    measured.word_times_of_flite()
    measured.word_times_of_joints(cases)
    print("\n".join(measured.missed))
    print(write_report("spoken", _rows(measured), command="make bench-spoken"))


if __name__ == "__main__":
    main()
