"""Speech of the default engine with known faults: what `benchmarks.spoken` and the choice of its thresholds listen to.

Sentences of `spoken_texts`, spoken in the voices of recorded people; kept in var/bench between runs, for a second of
speech takes a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.people import Half, people_clips
from benchmarks.speech import Clip
from benchmarks.spoken_texts import TEXTS
from synth.audio.resample import resample
from synth.engines.base import ReferenceClip, SpeakRequest
from synth.spoken.findings import TimedWord

KEPT = Path(__file__).resolve().parent.parent / "var" / "bench" / "spoken"
MODELS = Path(__file__).resolve().parent.parent / "var" / "models"
RATE_HZ = 16_000


@dataclass(frozen=True, eq=False)
class Case:
    """A sentence as spoken: mono float32 at RATE_HZ."""

    name: str
    language: str
    text: str
    samples: np.ndarray


def sentences(half: Half, most: int | None = None) -> Iterator[Case]:
    """The sentences of a half, each in the voice of another of its people in turn."""
    clips: list[Clip] = []
    engine = None
    for language, texts in TEXTS[half].items():
        for number, text in enumerate(texts[:most]):
            name = f"{half}-{language}-{number:02d}"
            path = KEPT / f"{name}.flac"
            if not path.exists():
                if engine is None:
                    from worker import engines

                    engine, clips = engines.choose("kokoro", models_dir=MODELS), people_clips(half, 1)
                clip = clips[number % len(clips)]
                reference = ReferenceClip(clip.samples, clip.sample_rate_hz, "", language)
                speech = engine.speak(SpeakRequest(text, language, [reference], reference, seed=number))
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, resample(speech.samples, speech.sample_rate_hz, RATE_HZ), RATE_HZ)
            yield Case(name, language, text, soundfile.read(path, dtype="float32")[0])


FAULTS = ("word", "cut", "end", "half", "repeated")
_WORD_S = 0.2  # shorter words are not cut out
_CUT_S, _REPEATED_S, _END_S, _FADE_S = 0.3, 0.4, 0.5, 0.005


def without_word(case: Case, words: Sequence[TimedWord], seed: int) -> np.ndarray:
    """The case's samples without one of its words that take at least 0.2 s, the last apart (that is an ``end``)."""
    long = [word for word in words[:-1] if word.end_s - word.start_s >= _WORD_S]
    word = long[seed % len(long)]
    return _joined(case.samples[: round(word.start_s * RATE_HZ)], case.samples[round(word.end_s * RATE_HZ) :])


def with_fault(case: Case, kind: str, seed: int) -> tuple[np.ndarray, tuple[float, float]]:
    """The case's samples with one fault, and where it is now (s): ``cut`` 0.3 s out of running speech, wherever,
    ``repeated`` 0.4 s, ``end`` the last 0.5 s of speech, ``half`` a half of the sentence from anywhere."""
    samples, random = case.samples, np.random.default_rng([seed, len(case.samples), FAULTS.index(kind)])
    sounding = _sounding(samples)
    first, last = int(np.flatnonzero(sounding)[0]), int(np.flatnonzero(sounding)[-1]) + 1
    if kind == "end":
        at = last - round(_END_S * RATE_HZ)
        return _joined(samples[:at], np.zeros(round(0.05 * RATE_HZ), np.float32)), (
            at / RATE_HZ,
            at / RATE_HZ,
        )
    length = (
        (last - first) // 2 if kind == "half" else round((_CUT_S if kind == "cut" else _REPEATED_S) * RATE_HZ)
    )
    places = [
        at
        for at in range(first, last - length, RATE_HZ // 50)
        if sounding[at : at + length].mean() > 0.9 or kind == "half"
    ]
    at = int(random.choice(places))
    if kind == "repeated":
        end = at + length
        return _joined(samples[:end], samples[at:]), (at / RATE_HZ, (end + length) / RATE_HZ)
    return _joined(samples[:at], samples[at + length :]), (at / RATE_HZ, at / RATE_HZ)


def _sounding(samples: np.ndarray) -> np.ndarray:
    """Which samples lie in frames of 20 ms within 30 dB of the loudest."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    return np.repeat(level > level.max() - 30, 320)


def _joined(head: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Both, faded over into each other."""
    n = min(round(_FADE_S * RATE_HZ), len(head), len(tail))
    ramp = np.linspace(0, 1, n, dtype=np.float32)
    seam = head[len(head) - n :] * (1 - ramp) + tail[:n] * ramp
    return np.concatenate([head[: len(head) - n], seam, tail[n:]]).astype(np.float32)
