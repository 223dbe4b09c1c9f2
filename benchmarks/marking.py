"""What the parts of the watermark benchmark share: marked clips, material to mix in, intervals of
confidence.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import beta

from benchmarks import speech
from benchmarks.attacks import RATE, Material
from benchmarks.report import Row
from watermark.codec import MarkKeys, embed
from watermark.codec.resample import resample

EPOCHS = ("bench-1", "bench-2")  # 2 epochs of 64 periods: what ships
ISSUED = 20_000  # record numbers that the registry of the benchmark holds
FIRST_RECORD = 777
KEYS = MarkKeys(bytes(range(100, 132)))


@dataclass(frozen=True)
class Marked:
    """A clip at 16 kHz before and after, its record, and the CPU seconds that marking took per second of
    audio.
    """

    name: str
    voice: str
    record_number: int
    original: np.ndarray
    marked: np.ndarray
    cpu_s_per_s: float


def mark_clips(clips: list[speech.Clip]) -> list[Marked]:
    """Each clip marked with a record of its own, alternately in the two epochs."""
    out = []
    for index, clip in enumerate(clips):
        original = resample(clip.samples, clip.sample_rate_hz, RATE)
        record_number = FIRST_RECORD + index
        begun = time.process_time()
        marked = embed(
            original,
            RATE,
            record_number=record_number,
            keys=KEYS,
            epoch=epoch_of(record_number),
            generator=np.random.default_rng([index, 5]),
        )
        spent = time.process_time() - begun
        out.append(
            Marked(clip.name, clip.voice, record_number, original, marked, spent * RATE / len(original))
        )
    return out


def epoch_of(record_number: int) -> str:
    """Epoch that a record of the benchmark was marked in."""
    return EPOCHS[record_number % 2]


def issued(epoch: str) -> range:
    """Record numbers issued in an epoch, as the registry would tell: half of them each."""
    return range(EPOCHS.index(epoch), ISSUED, 2)


def material() -> Material:
    """Six unmarked voices of 12 s and more, none of them among those reported on."""
    voices = []
    for index, voice in enumerate(speech.OTHER_VOICES[:6]):
        text = " ".join(speech.SENTENCES[(index + k) % len(speech.SENTENCES)] for k in range(3))
        samples, rate = speech.speak(voice, text)
        voices.append(resample(samples, rate, RATE))
    return Material(tuple(voices))


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(0.975, hits + 1, count - hits))
    return low, high


def share_row(
    metric: str,
    hits: int,
    count: int,
    target: float | None,
    note: str,
    better: Literal["higher", "lower"] = "higher",
) -> Row:
    """A share with its interval; of nothing it is not known."""
    if not count:
        return Row(metric, "share", None, None, 0, target, better, note)
    low, high = share_interval(hits, count)
    interval = f"95 % interval {low:.3f} to {high:.3f}"
    return Row(metric, "share", hits / count, interval, count, target, better, note)
