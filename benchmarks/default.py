"""`make bench-default`: the default engine in the voices of recorded people: likeness, quality, words, following, cost.

Only people of the report half (`benchmarks.people`) and sentences of the report half (`benchmarks.spoken_texts`), on
which nothing was tuned. Each person shows one clip, and the speech is held against another.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.people import people_clips
from benchmarks.report import Row, spread_of, write_report
from benchmarks.spoken_cases import MODELS, RATE_HZ
from benchmarks.spoken_texts import TEXTS
from synth.audio.follow import follow_report
from synth.audio.resample import resample
from synth.engines.base import ReferenceClip, SpeakRequest
from synth.recognition.recogniser import MODEL_FOLDER, Recogniser
from synth.spoken.alignment import aligned
from synth.spoken.phones import sounded, sounds_of
from worker import engines

_TARGETS = {"wer_en": 0.05, "cer_zh": 0.08, "cer_ja": 0.12}
_METRICS = {"dnsmos": "dnsmos_ovr_mean", "similarity": "similarity_mean", "own_first": "nearest_is_own"}
_NAMES = {"en": "wer_en", "zh": "cer_zh", "ja": "cer_ja"}
_DNSMOS_SAMPLES = 144_160  # 9.01 s at 16 kHz: what the network takes


def dnsmos() -> Callable[[np.ndarray], float] | None:
    """Raw OVR of DNSMOS P.835 for mono samples at RATE_HZ; None where the package that carries it is missing. Only its
    network is read: the package would bring librosa."""
    found = find_spec("speechmos")
    if found is None or not found.submodule_search_locations:
        return None
    import onnxruntime

    path = Path(found.submodule_search_locations[0]) / "dnsmos_models" / "sig_bak_ovr.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def score(samples: np.ndarray) -> float:
        filled = np.tile(samples, -(-_DNSMOS_SAMPLES // len(samples)))[:_DNSMOS_SAMPLES].astype(np.float32)
        return float(session.run(None, {session.get_inputs()[0].name: filled[None]})[0][0][2])

    return score


class Run:
    """What is measured of every speech."""

    def __init__(self) -> None:
        self.engine = engines.choose("kokoro", models_dir=MODELS)
        self.embed = engines._embed(MODELS)
        self.recogniser = Recogniser(MODELS / MODEL_FOLDER)
        self.score = dnsmos()
        self.values: dict[str, list[float]] = defaultdict(list)
        self.errors: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.prints: list[np.ndarray] = []
        self.cpu_s = self.speech_s = 0.0

    def person(
        self, shown: ReferenceClip, kept_back: np.ndarray, own: int, texts: dict[str, tuple[str, ...]]
    ) -> None:
        begun = time.process_time()
        self.engine._prepare(SpeakRequest("-", "en", [shown], shown), lambda: False)  # type: ignore[attr-defined]
        self.values["fit_cpu_s"].append(time.process_time() - begun)
        for language, chosen in texts.items():
            for text in chosen:
                begun = time.process_time()
                speech = self.engine.speak(SpeakRequest(text, language, [shown], shown))
                self.cpu_s += time.process_time() - begun
                self.speech_s += speech.duration_s
                self.speech(speech.samples, speech.sample_rate_hz, shown, kept_back, own, text, language)

    def speech(
        self, samples: np.ndarray, rate_hz: int, shown: ReferenceClip, kept_back: np.ndarray, own: int,
        text: str, language: str,
    ) -> None:  # fmt: skip
        at_16k = resample(samples, rate_hz, RATE_HZ)
        if self.score is not None:
            self.values["dnsmos"].append(self.score(at_16k))
        print_ = self.embed(samples, rate_hz) if self.embed else None
        if print_ is not None:
            kept = self.embed(kept_back, RATE_HZ) if self.embed else None
            if kept is not None:
                self.values["similarity"].append(float(print_ @ kept))
            likeness = [float(print_ @ other) for other in self.prints]
            self.values["own_first"].append(float(int(np.argmax(likeness)) == own))
        report = follow_report(shown.samples, shown.sample_rate_hz, samples, rate_hz)
        for name in ("f0_median_percent", "f0_range_st", "level_db"):
            if (value := report["difference"].get(name)) is not None:
                self.values[name].append(abs(value))
        heard = self.recogniser.listen(at_16k).transcribe(language).text
        self.errors[_NAMES[language]].append(errors(text, heard, language))


def errors(text: str, heard: str, language: str) -> tuple[int, int]:
    """(errors, units): words in English, syllables by pinyin in Chinese, sounds in Japanese."""
    wanted, said = _units(text, language), _units(heard, language)
    pairs = aligned(wanted, said)
    return sum(i is None or j is None or wanted[i] != said[j] for i, j in pairs), len(wanted)


def _units(text: str, language: str) -> list[str]:
    words = sounded(text, language)
    if language == "en":
        return ["".join(word.sounds) for word in words]
    if language == "ja":
        return sounds_of(words)[0]
    return [
        "".join(one.sounds) for word in words for character in word.text for one in sounded(character, "zh")
    ]


def rows(run: Run, people: int) -> list[Row]:
    def mean(name: str, target: float, better: Any, note: str, unit: str = "share") -> Row:
        values = run.values[name]
        return Row(
            _METRICS.get(name, name),
            unit, round(statistics.mean(values), 3) if values else None, spread=spread_of(values), n=len(values),
            target=target, better=better, note=note,
        )  # fmt: skip

    found = [
        mean("dnsmos", 3.6, "higher", f"raw OVR; {people} recorded people, telephone or game recordings", "MOS"),
        mean("similarity", 0.82, "higher", "GE2E, to another recording of the person; mostly in another language",
             "cosine"),
        mean("own_first", 0.95, "higher", f"nearer to the person's own print than to the {people - 1} others'"),
        mean("f0_median_percent", 6.0, "lower", "pitch, difference to the clip", "%"),
        mean("f0_range_st", 1.7, "lower", "range, difference to the clip", "semitones"),
        mean("level_db", 4.0, "lower", "level, difference to the clip", "dB"),
        mean("fit_cpu_s", 60, "lower", "mixture and manner of one clip", "CPU s"),
    ]  # fmt: skip
    for name, target in _TARGETS.items():
        counted = run.errors[name]
        total = sum(units for _, units in counted)
        found.append(
            Row(name, "share", round(sum(wrong for wrong, _ in counted) / total, 3) if total else None, n=total,
                target=target, better="lower", note="heard otherwise by Whisper base, its own errors included")
        )  # fmt: skip
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        *found,
        Row("rtf_one_core", "CPU s / audio s", round(run.cpu_s / run.speech_s, 2), n=len(run.values["own_first"]),
            target=1.0, better="lower", note="speaking alone, on a busy machine"),
        Row("memory_peak_mb", "MB", round(peak_mb), n=1, better="lower",
            note="of this process, recogniser, speaker model and DNSMOS included"),
        Row("pace_percent", "%", None, target=10, better="lower", note="not measured: the clips have no words"),
        Row("sad_minus_neutral", "share", None, target=0.95, note="not measured: no such pairs"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=2, help="sentences of each language and person")
    arguments = parser.parse_args()
    run = Run()
    by_person: dict[str, list[np.ndarray]] = defaultdict(list)
    for clip in people_clips("report", 2):
        by_person[clip.voice].append(clip.samples)
    pairs = [(clips[0], clips[1]) for clips in by_person.values() if len(clips) == 2]
    run.prints = [found for _, kept in pairs if run.embed and (found := run.embed(kept, RATE_HZ)) is not None]
    for number, (shown, kept) in enumerate(pairs):
        texts = {
            language: tuple(
                chosen[(number * arguments.most + k) % len(chosen)] for k in range(arguments.most)
            )
            for language, chosen in TEXTS["report"].items()
        }
        run.person(ReferenceClip(shown, RATE_HZ, "", "en"), kept, number, texts)
    print(write_report("default", rows(run, len(pairs)), command="make bench-default"))


if __name__ == "__main__":
    main()
