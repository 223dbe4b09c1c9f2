"""Edits of single words, made on purpose and with their true place, for measuring whether a verdict sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

RATE = 16_000
_FADE = 48  # 3 ms at a joint, as editors do
_FRAME = 320
_AUDIBLE_DB = 25.0
"""An edit's ends lie where the record has sound no further below its loud parts: elsewhere nobody, listening or
measuring, could say where it begins."""

Samples = np.ndarray
Span = tuple[float, float]


@dataclass(frozen=True)
class Material:
    """One clip and what is put into it: 16 kHz, float32. ``same_voice``: another clip of the speaker, ``other_voice``:
    of somebody else; ``own_record``: another released (marked) clip of the speaker."""

    released: Samples
    same_voice: Samples
    other_voice: Samples
    own_record: Samples


@dataclass(frozen=True)
class Edited:
    """``spans``: what is not as released, in seconds of ``samples``; equal ends for a joint."""

    samples: Samples
    spans: tuple[Span, ...]
    kind: str
    length_s: float


Maker = Callable[[Material, float, np.random.Generator], Edited]


def level_db(x: Samples) -> Samples:
    """Level of each 20 ms in dB."""
    frames = x[: len(x) // _FRAME * _FRAME].reshape(-1, _FRAME)
    result: Samples = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-10)
    return result


def place(
    x: Samples, length_s: float, generator: np.random.Generator, margin_s: float = 0.4
) -> tuple[int, int]:
    """Samples first .. last of a stretch with sound at both ends and over most of it."""
    level = level_db(x)
    loud = level > np.quantile(level, 0.9) - _AUDIBLE_DB
    count = max(2, round(length_s * RATE / _FRAME))
    margin = round(margin_s * RATE / _FRAME)
    starts = [
        s
        for s in range(margin, len(level) - count - margin)
        if loud[s]
        and loud[s + 1]
        and loud[s + count - 1]
        and loud[s + count - 2]
        and loud[s : s + count].mean() > 0.7
    ]
    start = int(generator.choice(starts)) if starts else margin
    return start * _FRAME, start * _FRAME + round(length_s * RATE)


def joined(parts: list[Samples]) -> Samples:
    """Parts one after another, each joint faded over 3 ms without moving anything."""
    out = [p.copy() for p in parts if len(p)]
    ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
    for before, after in pairwise(out):
        n = min(_FADE, len(before), len(after))
        before[-n:] *= ramp[::-1][:n]
        after[:n] *= ramp[:n]
    return np.concatenate(out)


def word_of(x: Samples, length_s: float, like: Samples, generator: np.random.Generator) -> Samples:
    """A stretch of other speech as loud as ``like``."""
    first, last = place(x, length_s, generator, margin_s=0.1)
    word = x[first:last]
    scale = np.sqrt(np.mean(np.square(like)) / (np.mean(np.square(word)) + 1e-12))
    result: Samples = (word * np.float32(min(scale, 8.0))).astype(np.float32)
    return result


def _seconds(first: int, last: int) -> tuple[Span, ...]:
    return ((first / RATE, last / RATE),)


def _replace(source: str) -> Maker:
    def make(m: Material, length_s: float, g: np.random.Generator) -> Edited:
        first, last = place(m.released, length_s, g)
        old = m.released[first:last]
        new = word_of(getattr(m, source), length_s, old, g)[: len(old)]
        out = joined([m.released[:first], new, m.released[last:]])
        return Edited(out, _seconds(first, last), f"replaced_{source}", length_s)

    return make


def _mute(noise_db: float | None) -> Maker:
    def make(m: Material, length_s: float, g: np.random.Generator) -> Edited:
        first, last = place(m.released, length_s, g)
        if noise_db is None:
            quiet = np.zeros(last - first, np.float32)
        else:
            quiet = (10 ** (noise_db / 20) * g.standard_normal(last - first)).astype(np.float32)
        out = joined([m.released[:first], quiet, m.released[last:]])
        return Edited(
            out, _seconds(first, last), "muted" if noise_db is None else "muted_with_noise", length_s
        )

    return make


def _insert(source: str) -> Maker:
    def make(m: Material, length_s: float, g: np.random.Generator) -> Edited:
        first, last = place(m.released, length_s, g)
        new = word_of(getattr(m, source), length_s, m.released[first:last], g)
        out = joined([m.released[:first], new, m.released[first:]])
        return Edited(out, _seconds(first, first + len(new)), f"inserted_{source}", length_s)

    return make


def _cut(m: Material, length_s: float, g: np.random.Generator) -> Edited:
    first, last = place(m.released, length_s, g)
    out = joined([m.released[:first], m.released[last:]])
    return Edited(out, _seconds(first, first), "cut", length_s)


def _swap(m: Material, length_s: float, g: np.random.Generator) -> Edited:
    first, last = place(m.released, 2 * length_s, g)
    middle = (first + last) // 2
    out = joined([m.released[:first], m.released[middle:last], m.released[first:middle], m.released[last:]])
    return Edited(out, _seconds(first, last), "swapped", length_s)


def _own_place(m: Material, length_s: float, g: np.random.Generator) -> Edited:
    first, last = place(m.released, length_s, g)
    for _ in range(20):
        other, end = place(m.released, length_s, g)
        if abs(other - first) > 2 * (last - first):
            break
    new = m.released[other:end][: last - first]
    out = joined([m.released[:first], new, m.released[last:]])
    return Edited(out, _seconds(first, last), "replaced_own_place", length_s)


def _over(below_db: float) -> Maker:
    def make(m: Material, length_s: float, g: np.random.Generator) -> Edited:
        first, last = place(m.released, length_s, g)
        voice = word_of(m.other_voice, length_s, m.released[first:last], g)[: last - first]
        ramp = np.ones(len(voice), np.float32)
        ramp[:_FADE], ramp[-_FADE:] = np.linspace(0, 1, _FADE), np.linspace(1, 0, _FADE)
        out = m.released.copy()
        out[first : first + len(voice)] += np.float32(10 ** (-below_db / 20)) * voice * ramp
        return Edited(out, _seconds(first, last), f"over_{below_db:.0f}db", length_s)

    return make


KINDS: dict[str, Maker] = {
    "muted": _mute(None),
    "muted_with_noise": _mute(-60.0),
    "replaced_same_voice": _replace("same_voice"),
    "replaced_other_voice": _replace("other_voice"),
    "replaced_own_record": _replace("own_record"),
    "replaced_own_place": _own_place,
    "inserted_other_voice": _insert("other_voice"),
    "inserted_own_record": _insert("own_record"),
    "cut": _cut,
    "swapped": _swap,
    "over_6db": _over(6.0),
    "over_12db": _over(12.0),
}
