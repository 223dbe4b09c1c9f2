"""From a path of offsets to what an editor did: cuts, insertions, passages moved to another place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .channel import Channel
from .path import LEAST_JUMP_S, at, difference

_SHORTEST_PASSAGE_S = 0.12
_STRANGE_DB = 4.0  # beyond the usual difference a passage is at no place of the record
_OVERLAP_S = 0.06
_AROUND_S = 0.5


@dataclass(frozen=True)
class Passage:
    """Frames first .. last (exclusive) of the file that follow the record at one offset (frames to add)."""

    first: int
    last: int
    offset_first: int
    offset_last: int

    @property
    def length(self) -> int:
        return self.last - self.first

    @property
    def record_first(self) -> int:
        return self.first + self.offset_first

    @property
    def record_last(self) -> int:
        return self.last + self.offset_last


@dataclass(frozen=True)
class Jump:
    """Frames first .. last of the file were put in (equal for a plain cut); ``skipped`` frames of the record are
    gone there (negative: repeated or replaced by so many)."""

    first: int
    last: int
    skipped: int


def passages(offsets: np.ndarray, gaps: np.ndarray, sounding: np.ndarray, rate: int) -> list[Passage]:
    """The path cut where it jumps by 40 ms and more; passages that are too short, or that fit nowhere, are left out.

    gaps: difference of each frame from the record at its offset in dB; sounding: whether the file has sound there.
    """
    least = round(LEAST_JUMP_S * rate)
    edges = [0, *_jump_places(offsets, least), len(offsets)]
    whole = [Passage(a, b, int(offsets[a]), int(offsets[b - 1])) for a, b in pairwise(edges)]
    if len(whole) == 1:
        return whole
    usual = float(np.median(gaps[sounding])) if sounding.any() else 0.0
    kept = []
    for one in whole:
        here = gaps[one.first : one.last][sounding[one.first : one.last]]
        strange = len(here) and float(np.mean(here)) > max(2 * usual, usual + _STRANGE_DB)
        if one.length >= _SHORTEST_PASSAGE_S * rate and not strange:
            kept.append(one)
    return kept or [max(whole, key=lambda p: p.length)]


def _jump_places(offsets: np.ndarray, least: int) -> list[int]:
    """Where the offset changes by ``least`` and more within 60 ms; slow drift is none."""
    groups: list[list[int]] = []
    for place in np.flatnonzero(np.diff(offsets)).tolist():
        if groups and place - groups[-1][-1] <= 4:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [
        (group[0] + group[-1]) // 2 + 1
        for group in groups
        if abs(int(offsets[group[-1] + 1]) - int(offsets[group[0]])) >= least
    ]


def in_order(found: list[Passage], rate: int) -> tuple[list[Passage], list[Passage]]:
    """(passages in the record's order, the longest such choice; those that come from another place)."""
    slack = round(_OVERLAP_S * rate)
    best: list[tuple[int, int]] = []  # longest chain that ends with each passage, and its predecessor
    for k, one in enumerate(found):
        before = [(best[j][0], j) for j in range(k) if _follows(found[j], one, slack)]
        length, previous = max(before, default=(0, -1))
        best.append((length + one.length, previous))
    chain: set[int] = set()
    k = max(range(len(found)), key=lambda j: best[j][0], default=-1)
    while k >= 0:
        chain.add(k)
        k = best[k][1]
    return [p for k, p in enumerate(found) if k in chain], [p for k, p in enumerate(found) if k not in chain]


def _follows(one: Passage, other: Passage, slack: int) -> bool:
    """In the record too. Sound that was put in hangs on one of the two, which so seem to overlap a little."""
    overlap = one.record_last - other.record_first
    return overlap <= max(slack, min(one.length, other.length) // 2)


def jump_between(
    before: Passage, after: Passage, heard: np.ndarray, record: np.ndarray, channel: Channel, rate: int
) -> Jump | None:
    """The join of two passages that follow each other in order, placed where the sound on both sides fits best."""
    skipped = after.offset_first - before.offset_last
    if abs(skipped) < LEAST_JUMP_S * rate:
        return None  # whatever lies between was exchanged for as much, and differs
    put_in = max(0, -skipped)
    around = round(_AROUND_S * rate)
    first = max(before.first, before.last - around)
    last = min(after.last, max(after.first + around, before.last + put_in + 1))
    frames = np.arange(first, last)
    silent = record.min(axis=0)
    expected = channel.expected(record)
    audible = channel.audible_from(expected)
    expected, outside = np.maximum(expected, audible), np.maximum(channel.expected(silent[None])[0], audible)
    here = np.maximum(heard[first:last], audible)
    costs = [
        np.concatenate([[0.0], np.cumsum(difference(here, at(expected, frames + offset, outside)))])
        for offset in (before.offset_last, after.offset_first)
    ]
    places = np.arange(0, len(frames) - put_in + 1)
    if not len(places):
        return Jump(before.last, after.first, skipped)
    total = costs[0][places] + costs[1][-1] - costs[1][places + put_in]
    place = first + int(places[total.argmin()])
    return Jump(place, place + put_in, skipped)
