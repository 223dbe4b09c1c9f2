"""How well the preview engine follows a style clip: prosody, voice, words, speed.

    python -m benchmarks.preview [--sentences N] [--words N] [--jobs N]

Needs flite and espeak-ng; similarity needs the speaker weights (see --models), words need pocketsphinx.
Writes docs/benchmarks/preview.json. Pitch is read both by the project's own tracker and by a second,
independent one (YIN, written here), so that the engine is not judged by its own ear alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accounts.gates.speaker import cosine
from benchmarks.preview_cases import EMOTIONS, HELD_OUT_TRANSCRIPT, SENTENCES, VOICES, Case, plain, reference
from benchmarks.report import Row, spread_of, write_report
from benchmarks.speech import require_programs
from synth.audio.follow import PAUSE_RATIO_MAX, TOLERANCES, follow_report
from synth.audio.loudness import active_frames, frame_levels_db
from synth.audio.resample import resample
from synth.engines.base import SpeakRequest, Speech
from synth.engines.content import flite
from synth.engines.conversion import Strength

Samples = npt.NDArray[np.float32]

CASES = [
    *(Case(voice, emotion) for voice in VOICES for emotion in EMOTIONS),
    *(Case(voice, emotion, "espeak-ng") for voice in VOICES[:2] for emotion in EMOTIONS),
]
UNITS = {
    "f0_median_percent": "%",
    "f0_range_st": "st",
    "rate_percent": "%",
    "pause_ratio": "share",
    "level_db": "dB",
}


def yin(
    samples: Samples, rate_hz: int, low_hz: float = 55.0, high_hz: float = 500.0
) -> npt.NDArray[np.float64]:
    """F0 of voiced frames by YIN (de Cheveigne and Kawahara 2002), every 10 ms."""
    x = resample(samples, rate_hz, 16000).astype(np.float64)
    window, longest = 800, int(16000 / low_hz)
    out = []
    loudest = np.sqrt(np.mean(x**2))
    for start in range(0, len(x) - window - longest, 160):
        a = x[start : start + window]
        if np.sqrt(np.mean(a**2)) < 0.15 * loudest:
            continue
        b = x[start : start + window + longest]
        energy = np.concatenate([[0], np.cumsum(b * b)])
        size = 1 << (len(b) + window).bit_length()
        cross = np.fft.irfft(np.fft.rfft(b, size) * np.fft.rfft(a, size).conj())[: longest + 1]
        difference = (
            energy[window] + energy[window : window + longest + 1] - energy[: longest + 1] - 2 * cross
        )
        mean = np.cumsum(difference[1:]) / np.arange(1, longest + 1)
        ratio = np.concatenate([[1], difference[1:] / np.maximum(mean, 1e-12)])
        shortest = int(16000 / high_hz)
        below = np.flatnonzero(ratio[shortest:] < 0.15)
        if not len(below):
            continue
        lag = shortest + below[0]
        while lag + 1 < longest and ratio[lag + 1] < ratio[lag]:
            lag += 1
        out.append(16000 / lag)
    return np.array(out)


class Listener:
    """Speaker similarity and words, where their models are there; None where not."""

    def __init__(self, models: Path, words: bool) -> None:
        from accounts.gates import speaker, speaker_weights

        self._speaker, self._weights = speaker, speaker_weights.find(models)
        self._decoder: Any = None
        if words:
            from pocketsphinx import Decoder

            self._decoder = Decoder(samprate=16000, loglevel="FATAL")

    @property
    def hears_voices(self) -> bool:
        return self._weights is not None

    def embed(self, samples: Samples, rate_hz: int) -> npt.NDArray[Any]:
        x = resample(samples, rate_hz, 16000)
        active = active_frames(frame_levels_db(x, 16000))
        active = np.convolve(active, np.ones(11), "same") > 0
        kept = x[: len(active) * 160].reshape(-1, 160)[active[: len(x) // 160]]
        return np.asarray(self._speaker.embed(kept.ravel(), self._weights).whole)

    def word_errors(self, samples: Samples, rate_hz: int, text: str) -> tuple[int, int]:
        """(word errors, words) with the recogniser's open language model."""
        x = resample(samples, rate_hz, 16000)
        x = np.pad(x * (0.6 / np.abs(x).max()), 3200)
        self._decoder.start_utt()
        self._decoder.process_raw((x * 32767).astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
        heard = self._decoder.hyp()
        said = re.sub("[^a-z ]", "", text.lower()).split()
        return edit_distance(said, heard.hypstr.split() if heard else []), len(said)


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    row = np.arange(len(b) + 1)
    for i, x in enumerate(a):
        before = row.copy()
        row[0] = i + 1
        for j, y in enumerate(b):
            row[j + 1] = min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y))
    return int(row[-1])


def speak(case: Case, text: str, engine: Any) -> Speech:
    clip = reference(case.voice, case.emotion)
    return engine.speak(SpeakRequest(text, "en", [clip], clip, seed=1))


def run_case(case: Case, count: int, word_count: int, models: Path) -> dict[str, Any]:
    """All figures of one case; lists hold one value per sentence, the first ``word_count`` are recognised."""
    listener = Listener(models, word_count > 0)
    clip = reference(case.voice, case.emotion)
    engine, plain_engine = case.engine(), case.engine(strength=Strength(timbre=False))
    start = time.process_time()
    speak(case, "Hi.", engine)
    result: dict[str, Any] = {
        "profile_cpu_s": time.process_time() - start,
        "cpu_rtf": [],
        "same": [],
        "other": [],
        "unconverted": [],
        "follow": [],
        "yin_percent": [],
        "errors": [],
    }
    if listener.hears_voices:
        held_out = listener.embed(*plain(case.voice, HELD_OUT_TRANSCRIPT))
        others = [
            listener.embed(*plain(v, HELD_OUT_TRANSCRIPT)) for v in flite.VOICE_F0_HZ if v != case.voice
        ]
    clip_pitch = np.median(yin(clip.samples, clip.sample_rate_hz))
    for index, text in enumerate(SENTENCES[:count]):
        start = time.process_time()
        speech = speak(case, text, engine)
        result["cpu_rtf"].append((time.process_time() - start) / speech.duration_s)
        result["follow"].append(
            follow_report(
                clip.samples,
                clip.sample_rate_hz,
                speech.samples,
                speech.sample_rate_hz,
                reference_units=speech.details["reference_phones"],
                output_units=speech.details["phones"],
            )
        )
        pitch = yin(speech.samples, speech.sample_rate_hz)
        result["yin_percent"].append(100 * (np.median(pitch) / clip_pitch - 1))
        words = index < word_count
        if not (listener.hears_voices or words):
            continue
        bare = speak(case, text, plain_engine)
        if listener.hears_voices:
            heard = listener.embed(speech.samples, speech.sample_rate_hz)
            result["same"].append(cosine(heard, held_out))
            result["other"].append(max(cosine(heard, o) for o in others))
            result["unconverted"].append(cosine(listener.embed(bare.samples, bare.sample_rate_hz), held_out))
        if words:
            errors, words_said = listener.word_errors(speech.samples, speech.sample_rate_hz, text)
            bare_errors, _ = listener.word_errors(bare.samples, bare.sample_rate_hz, text)
            result["errors"].append((errors, bare_errors, words_said))
    return result


def rows_of(case: Case, result: dict[str, Any]) -> list[Row]:
    n = len(result["follow"])
    rows = []
    for key, bound in TOLERANCES.items():
        values = [f["difference"][key] for f in result["follow"]]
        rows.append(
            Row(
                f"{case.label}_{key}",
                UNITS[key],
                round(abs(float(np.mean(values))), 3),
                spread_of(values),
                n,
                bound,
                "lower",
                "absolute mean difference to the clip"
                + (f" (at most {PAUSE_RATIO_MAX})" if key == "pause_ratio" else ""),
            )
        )
    rows.append(
        Row(
            f"{case.label}_f0_median_percent_yin",
            "%",
            round(abs(float(np.mean(result["yin_percent"]))), 3),
            spread_of(result["yin_percent"]),
            n,
            TOLERANCES["f0_median_percent"],
            "lower",
            "the same by an independent tracker",
        )
    )
    if result["same"]:
        least = 0.72 if case.source == "flite" else 0.68
        same, other, bare = (np.array(result[k]) for k in ("same", "other", "unconverted"))
        rows += [
            Row(
                f"{case.label}_similarity",
                "cosine",
                round(float(same.mean()), 3),
                spread_of(list(same)),
                n,
                least,
            ),
            Row(
                f"{case.label}_over_best_other",
                "cosine",
                round(float((same - other).mean()), 3),
                spread_of(list(same - other)),
                n,
                0.0,
            ),
            Row(
                f"{case.label}_over_unconverted",
                "cosine",
                round(float((same - bare).mean()), 3),
                spread_of(list(same - bare)),
                n,
                0.04,
            ),
        ]
    if result["errors"]:
        wrong, bare_wrong, count = np.sum(result["errors"], axis=0)
        rows.append(
            Row(
                f"{case.label}_wer_over_unconverted",
                "share",
                round((wrong - bare_wrong) / count, 3),
                f"WER {wrong / count:.2f}, unconverted {bare_wrong / count:.2f};"
                + " 95 % interval {:.2f} to {:.2f}".format(*interval_over_unconverted(result["errors"])),
                int(count),
                0.10,
                "lower",
                "n counts words; open language model of pocketsphinx",
            )
        )
        if case.source == "flite" and case.emotion == "neutral":
            rows.append(
                Row(f"{case.label}_wer", "share", round(wrong / count, 3), None, int(count), 0.40, "lower")
            )
    return rows


def interval_over_unconverted(errors: Sequence[tuple[int, int, int]]) -> tuple[float, float]:
    """What 95 % of 2,000 draws of sentences with replacement give for the added word errors."""
    counts = np.array(errors, dtype=float)
    draws = np.random.default_rng(0).integers(0, len(counts), (2000, len(counts)))
    wrong, bare_wrong, words = counts[draws].sum(axis=1).T
    low, high = np.percentile((wrong - bare_wrong) / words, [2.5, 97.5])
    return float(low), float(high)


def order_rows(results: dict[Case, dict[str, Any]]) -> list[Row]:
    """Sad below happy in pitch, range, pace and level, sentence by sentence."""
    rows = []
    for key in ("f0_median_hz", "f0_range_st", "rate_per_s", "level_db"):
        held = total = 0
        for case, sad in results.items():
            if case.emotion == "sad":
                happy = results[Case(case.voice, "happy", case.source)]
                pairs = list(zip(sad["follow"], happy["follow"], strict=True))
                held += sum(s["output"][key] < h["output"][key] for s, h in pairs)
                total += len(pairs)
        rows.append(Row(f"sad_below_happy_{key}", "share", round(held / max(1, total), 3), None, total, 1.0))
    return rows


def rows_of_all(results: dict[Case, dict[str, Any]]) -> list[Row]:
    """What takes more than one case."""
    rows: list[Row] = []
    gaps = [s - o for r in results.values() for s, o in zip(r["same"], r["other"], strict=True)]
    if gaps:
        rows.append(
            Row(
                "similarity_over_best_other_mean",
                "cosine",
                round(float(np.mean(gaps)), 3),
                spread_of(gaps),
                len(gaps),
                0.05,
            )
        )
    speeds = [s for r in results.values() for s in r["cpu_rtf"]]
    profiles = [r["profile_cpu_s"] for r in results.values()]
    return [
        *rows,
        *order_rows(results),
        Row(
            "cpu_rtf",
            "CPU s per s",
            round(float(np.mean(speeds)), 3),
            spread_of(speeds),
            len(speeds),
            0.25,
            "lower",
            "this process; the program that pronounces the text takes little more",
        ),
        Row(
            "profile_cpu",
            "CPU s",
            round(float(np.max(profiles)), 2),
            spread_of(profiles),
            len(profiles),
            6.0,
            "lower",
            "once per clip, then cached",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=len(SENTENCES))
    parser.add_argument("--words", type=int, default=len(SENTENCES), help="sentences per case to recognise")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    arguments = parser.parse_args()
    require_programs("bench-preview", "flite", "espeak-ng")
    run = partial(run_case, count=arguments.sentences, word_count=arguments.words, models=arguments.models)
    rows: list[Row] = []
    results: dict[Case, dict[str, Any]] = {}
    with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
        for case, result in zip(CASES, pool.imap(run, CASES), strict=True):
            results[case] = result
            fresh = rows_of(case, result)
            rows += fresh
            figures = (f"{row.metric.removeprefix(case.label + '_')}={row.value}" for row in fresh)
            print(case.label, *figures, flush=True)
    rows += rows_of_all(results)
    write_report("preview", rows, command=" ".join(["python -m benchmarks.preview", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
