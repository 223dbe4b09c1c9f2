"""Stretches of a file, in seconds: joined, cut, subtracted."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[float, float]
"""(start, end) in seconds, the end not before the start."""


def joined(spans: Sequence[Span]) -> list[Span]:
    """Overlapping and touching spans as one, in order."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1] + 1e-6:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def clipped(spans: Sequence[Span], within: Span) -> list[Span]:
    """What of ``spans`` lies inside ``within``."""
    cut = [(max(a, within[0]), min(b, within[1])) for a, b in spans]
    return [(a, b) for a, b in cut if b > a]


def overlap(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in both; each of the two in any order."""
    rest = joined(others)
    return [cut for span in joined(spans) for cut in clipped(rest, span)]


def length_of(spans: Sequence[Span]) -> float:
    """Seconds that ``spans`` cover together, counting overlaps once."""
    total, at = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, at))
        at = max(at, end)
    return total


def subtract(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """``spans`` without ``holes``; both may overlap and come in any order. Seconds."""
    rest = []
    ordered = sorted(holes)
    for start, end in sorted(spans):
        at = start
        for hole_start, hole_end in ordered:
            if hole_end <= at or hole_start >= end:
                continue
            if hole_start > at:
                rest.append((at, hole_start))
            at = max(at, hole_end)
        if at < end:
            rest.append((at, end))
    return rest
