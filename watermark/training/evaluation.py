"""Figures of a checkpoint: scores, thresholds, intervals of confidence, places, message, distortion.

Thresholds are chosen on one set of clips and reported on another; nothing here does both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from watermark.codec.audioseal_checkpoint import MESSAGE_BITS
from watermark.codec.audioseal_layer import PublicMark
from watermark.codec.parameters import SAMPLE_RATE_HZ

from . import sounds
from .material import clips
from .voices import Split


@dataclass(frozen=True)
class MarkedClip:
    """A clip at 16 kHz before and after, who speaks, and the message that was put in."""

    voice: str
    original: np.ndarray
    marked: np.ndarray
    message: tuple[int, ...]


def marked_clips(
    public: PublicMark, split: Split, count: int, seed: int, *, varied: bool = False
) -> list[MarkedClip]:
    """`count` clips of a set of voices, each marked with a message of its own.

    As the engines give them, which is what a service marks; varied: with noise, rooms and filters first.
    """
    made = []
    for index, (samples, voice) in enumerate(islice(clips(split, seed, varied=varied), count)):
        message = tuple(int(bit) for bit in np.random.default_rng([seed, index]).integers(0, 2, MESSAGE_BITS))
        made.append(MarkedClip(voice, samples, public.embed(samples, SAMPLE_RATE_HZ, message), message))
    return made


def cut(samples: np.ndarray, seconds: float) -> list[np.ndarray]:
    """Whole pieces of a clip that hold sound, from 1,001 samples on: no multiple of a frame."""
    size = int(seconds * SAMPLE_RATE_HZ)
    starts = range(min(1_001, max(0, len(samples) - size)), len(samples) - size + 1, size)
    return [piece for start in starts if (piece := samples[start : start + size]).any()]


def unmarked_pieces(
    split: Split, count: int, seed: int, seconds: float = 3.0
) -> Iterator[tuple[np.ndarray, str]]:
    """`count` pieces of unmarked speech of a set of voices, and the clip that each comes from."""
    made = 0
    for index, (samples, voice) in enumerate(clips(split, seed, words=40)):
        for piece in cut(samples, seconds):
            yield piece, f"{voice} {index}"
            made += 1
            if made == count:
                return


def unmarked_scores(public: PublicMark, split: Split, count: int, *, seed: int = 11) -> list[float]:
    """Scores of unmarked speech and, one in four, of sound that is not speech."""
    generator = np.random.default_rng(seed)
    pieces = unmarked_pieces(split, count - count // 4, seed)
    other = (sounds.drawn(3 * SAMPLE_RATE_HZ, generator) for _ in range(count // 4))
    return [public.detect(piece, SAMPLE_RATE_HZ).score for piece in chain((p for p, _ in pieces), other)]


def threshold_at(unmarked: Sequence[float], rate: float) -> float:
    """The lowest of the scores with at most `rate` of them above it: a decision is `score > threshold`."""
    ordered = np.sort(np.asarray(unmarked, float))[::-1]
    return float(ordered[min(len(ordered) - 1, math.floor(rate * len(ordered)))])


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    z, share = 1.959964, hits / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    values: Sequence[float], sources: Sequence[str], *, rounds: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a mean when values of one source (a clip, a voice) resemble each other."""
    groups: dict[str, list[float]] = {}
    for value, source in zip(values, sources, strict=True):
        groups.setdefault(source, []).append(value)
    sums = np.array([(sum(group), len(group)) for group in groups.values()])
    generator = np.random.default_rng(seed)
    drawn = sums[generator.integers(len(sums), size=(rounds, len(sums)))].sum(1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)


def overlap(found: Sequence[tuple[float, float]], truth: tuple[float, float], length_s: float) -> float:
    """Intersection over union of the found intervals and the marked one, to the millisecond."""
    grid = np.zeros((2, round(length_s * 1000)), bool)
    for row, intervals in enumerate((found, [truth])):
        for start, end in intervals:
            grid[row, round(start * 1000) : round(end * 1000)] = True
    union = (grid[0] | grid[1]).sum()
    return float((grid[0] & grid[1]).sum() / union) if union else 1.0


def si_snr_db(original: np.ndarray, marked: np.ndarray) -> float:
    """Power of the original's part in the marked clip to that of the rest, in dB."""
    x, y = np.asarray(original, float), np.asarray(marked, float)
    part = (x @ y) / (x @ x) * x
    return float(10 * np.log10((part @ part) / ((y - part) @ (y - part) + 1e-20)))


def white_noise(samples: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    """The clip with white noise, relative to its own power."""
    noise = np.random.default_rng(seed).standard_normal(len(samples))
    scale = np.sqrt(np.mean(np.square(samples, dtype=float))) * 10 ** (-snr_db / 20)
    return (samples + scale * noise).astype(np.float32)


def at_speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """The clip played `factor` times as fast, pitch and all, exact for the band."""
    count = round(len(samples) / factor)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(samples))).astype(np.float32)


EDITS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "clean": lambda x, seed: x,
    "white_20db": lambda x, seed: white_noise(x, 20, seed),
    "white_12db": lambda x, seed: white_noise(x, 12, seed),
    "speed_1.05": lambda x, seed: at_speed(x, 1.05),
    "speed_0.95": lambda x, seed: at_speed(x, 0.95),
    "8_bit": lambda x, seed: np.asarray(np.round(x * 128) / 128, np.float32),
}


def quick_figures(
    public: PublicMark, *, split: Split = "tune", count: int = 24, seed: int = 7
) -> dict[str, float]:
    """What to look at between legs of training: detection after simple edits, bits, SI-SNR, PESQ if installed.

    The thresholds are those of the few unmarked pieces at hand, so these figures compare checkpoints and
    prove nothing.
    """
    made = marked_clips(public, split, count, seed)
    figures = {}
    for name, edit in EDITS.items():
        scores = [
            [public.detect(edit(piece, index), SAMPLE_RATE_HZ).score for piece in cut(samples, 3.0)[:2]]
            for index, clip in enumerate(made)
            for samples in (clip.marked, clip.original)
        ]
        marked = [score for pair in scores[::2] for score in pair]
        unmarked = [score for pair in scores[1::2] for score in pair]
        figures[f"{name}_found"] = float(np.mean(np.array(marked) > max(unmarked)))
        figures[f"{name}_marked_p10"] = float(np.quantile(marked, 0.1))
        figures[f"{name}_unmarked_max"] = max(unmarked)
    figures["si_snr_db"] = float(np.mean([si_snr_db(clip.original, clip.marked) for clip in made]))
    try:
        from pesq import pesq
    except ImportError:
        return figures
    scored = [pesq(SAMPLE_RATE_HZ, clip.original, clip.marked, "wb") for clip in made]
    figures["pesq_mean"], figures["pesq_min"] = float(np.mean(scored)), float(min(scored))
    return figures
