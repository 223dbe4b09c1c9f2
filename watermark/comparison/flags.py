"""Which seconds of a file are not as released: what stands out of the residual, and every jump of the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.ndimage import binary_opening

from . import path
from .overlay import Overlay, lay_over
from .reference import FRAMES_PER_SECOND, Reference
from .score import FINDING, PLACING, Model, columns, model

Kind = Literal["silenced", "changed", "put_in", "cut", "moved"]
_PLACED_WITHIN_S = 0.25
_BORDER_NATS = 2.5
_JOIN_S = 0.1
_JOINT_S = 0.12
_PAUSE_S = 0.6
_BESIDE = 12
_SHORTEST_MATCH = 20
_LONGEST_END_S = 1.0
"""What differs for longer than this at the beginning or the end is no edit in our speech, but where it is not."""
_BEYOND_S = 0.5
_HEARD = 0.2
_RATE = FRAMES_PER_SECOND


@dataclass(frozen=True)
class Flag:
    """Seconds of the file that are not as released; equal ends: a joint. record_start_s .. record_end_s: what the
    record has there, in its own seconds (for a cut: what is gone).

    kind: ``silenced`` (sound of ours is missing), ``changed`` (other sound, or more than ours), ``put_in``,
    ``cut``, ``moved`` (ours, from another place of the record).
    """

    start_s: float
    end_s: float
    kind: Kind
    record_start_s: float
    record_end_s: float
    score: float = 0.0

    def later(self, seconds: float) -> Flag:
        """The same with its place in the file moved, for a file that was compared in pieces."""
        return replace(self, start_s=self.start_s + seconds, end_s=self.end_s + seconds)


@dataclass(frozen=True)
class Comparison:
    """``matching``: seconds of the file that are as released; ``flags``: what lies on the record and is not.
    ``disturbed``: the file differs from the record everywhere, too much to compare single words: then there are no
    flags, and no second is vouched for. ``missing_s``: seconds of the record's sound at which the file had ended, or
    not yet begun. ``offset_s``: to add to a time of the file to get the record's, (file start, offset) of each passage.

    What could not be compared: ``heard_to_hz``: bands above are not in the file; ``under_noise``: share of the
    record's sound that this file's noise covers.
    """

    matching: tuple[tuple[float, float], ...]
    flags: tuple[Flag, ...]
    disturbed: bool
    usual_db: float
    missing_s: float
    offsets_s: tuple[tuple[float, float], ...]
    heard_to_hz: float
    under_noise: float
    gain_db: tuple[float, ...] = ()
    """Of the file against the record, band by band."""


def compare(
    reference: Reference,
    samples: np.ndarray,
    *,
    anchors_s: Sequence[float] = (),
    trusted_s: Sequence[tuple[float, float]] = (),
    weights: Model | None = None,
) -> Comparison | None:
    """Compare one channel (n,) at 16 kHz with a record. None where less than half a second of the record is in it.

    anchors_s: where it is known to lie, in seconds to add to a time of the file to get the record's; without any,
    the best correlation of the whole. trusted_s: seconds of the file that are known to agree in outline: the channel
    is estimated from them; without any, from all that lies on the record.
    """
    over = lay_over(reference, samples, anchors_s, trusted_s)
    return None if over is None else judge(over, weights or model())


def judge(over: Overlay, weights: Model) -> Comparison:
    """Flags of an overlay under some weights."""
    found = over.found
    disturbed = found.usual_db > weights.disturbed_db or found.audible_share < weights.audible_share
    groups = [] if disturbed else _groups(_findings(over, weights), found.head)
    on = _reach(over, groups)
    kept = [_flag(over, group) for group in groups if on[_middle(group)]]
    followed = [(a / _RATE, b / _RATE) for a, b in _runs(on)]
    matching = [] if disturbed else _vouched(_without(followed, kept), kept, found.head)
    return Comparison(
        matching=tuple(matching),
        flags=tuple(kept),
        disturbed=disturbed,
        usual_db=found.usual_db,
        missing_s=_missing_s(over, on),
        offsets_s=tuple((p.first / _RATE, p.offset_first / _RATE) for p in over.kept),
        heard_to_hz=over.heard_to_hz,
        under_noise=over.under_noise,
        gain_db=over.gain_db,
    )


@dataclass(frozen=True, order=True)
class _Finding:
    """Frames first .. last of the file that are not as released."""

    first: int
    last: int
    kind: Kind
    score: float = 0.0


def _findings(over: Overlay, weights: Model) -> list[_Finding]:
    scores = weights.finding.score(columns(over.found, FINDING))
    scores[~over.inside] = -np.inf
    placing = weights.placing.score(columns(over.found, PLACING))
    found = []
    for a, b in _runs(scores > weights.threshold):
        first, last = _placed(a, b, placing)
        found.append(_Finding(first, last, _kind(over, first, last), float(scores[a:b].max())))
    found += [_Finding(p.first, p.last, "moved") for p in over.moved]
    found += [_Finding(j.first, j.last, "put_in" if j.last > j.first else "cut") for j in over.jumps]
    return found


def _reach(over: Overlay, groups: list[list[_Finding]]) -> np.ndarray:
    """Frames that the record reaches: (frames,). What differs for more than a second at its beginning or end is no
    edit in our speech: there it has not begun, or has ended."""
    on = over.inside.copy()
    matched = on & (over.found.head > _HEARD)
    for group in groups:
        matched[max(0, group[0].first - _BESIDE) : _end(group) + _BESIDE] = False
    matched = binary_opening(matched, np.ones(_SHORTEST_MATCH))
    places, reached = np.flatnonzero(matched), np.flatnonzero(on)
    if not len(places):
        return on
    # What differs counts, not the quiet beside it: a word near the end of a record that ends in a pause is a word.
    before = [group for group in groups if group[0].first < places[0]]
    behind = [group for group in groups if _end(group) > places[-1]]
    if before:
        first, last = max(before[0][0].first, reached[0]), max(map(_end, before))
        if _is_elsewhere(before, last - first, reached[0]):
            on[:last] = False
    if behind:
        first, last = behind[0][0].first, min(max(map(_end, behind)), reached[-1])
        if _is_elsewhere(behind, last - first, len(on) - reached[-1]):
            on[first:] = False
    return on


def _is_elsewhere(groups: list[list[_Finding]], length: int, beside: int) -> bool:
    """Does the record not lie where these groups are, at its beginning or end? Sound that differs for longer than a
    word is another's; silence that reaches on beyond the record's end, ``beside`` frames of it, is silence."""
    silent = all(one.kind == "silenced" for group in groups for one in group)
    return length > _LONGEST_END_S * _RATE or (silent and beside > _BEYOND_S * _RATE)


def _middle(group: list[_Finding]) -> int:
    return (group[0].first + _end(group)) // 2


def _end(group: list[_Finding]) -> int:
    return max(one.last for one in group)


def _missing_s(over: Overlay, on: np.ndarray) -> float:
    """Seconds of the record's sound before the first and behind the last frame that follows it."""
    places = (np.arange(len(on)) + over.offsets)[on]
    if not len(places):
        return float(over.record_sounds.sum()) / _RATE
    first, last = max(0, int(places.min())), int(places.max())
    return float(over.record_sounds[:first].sum() + over.record_sounds[last + 1 :].sum()) / _RATE


def _without(followed: list[tuple[float, float]], flags: list[Flag]) -> list[tuple[float, float]]:
    rest = []
    for start, end in followed:
        for flag in flags:
            if flag.end_s <= start or flag.start_s >= end:
                continue
            if flag.start_s > start:
                rest.append((start, flag.start_s))
            start = max(start, flag.end_s)
        if start < end:
            rest.append((start, end))
    return rest


def _vouched(
    matching: list[tuple[float, float]], flags: list[Flag], head: np.ndarray
) -> list[tuple[float, float]]:
    """Matching stretches without those between two flags in which nothing is heard: silence in both is no evidence
    that what lies around it is ours."""
    ends, starts = {flag.end_s for flag in flags}, {flag.start_s for flag in flags}
    kept = []
    for start, end in matching:
        first = round(start * _RATE) + (_BESIDE if start in ends else 0)
        last = round(end * _RATE) - (_BESIDE if end in starts else 0)
        between = start in ends and end in starts
        if not between or (last > first and head[first:last].max() > _HEARD):
            kept.append((start, end))
    return kept


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _placed(first: int, last: int, placing: np.ndarray) -> tuple[int, int]:
    """The ends of a finding on the finer score: the most likely stretches of "edited" around it, joined."""
    around = round(_PLACED_WITHIN_S * _RATE)
    start = max(0, first - around)
    here = placing[start : last + around]
    on = path.cheapest(np.stack([here, -here], axis=1) / 2, _BORDER_NATS, _BORDER_NATS) == 1
    touching = [(start + a, start + b) for a, b in _runs(on) if start + a < last and start + b > first]
    if not touching:
        return first, last
    return touching[0][0], touching[-1][1]


def _kind(over: Overlay, first: int, last: int) -> Kind:
    missing = over.found.of["missing_middle"][first:last].mean()
    more = over.found.of["more_middle"][first:last].mean()
    return "silenced" if missing > 4 * more + 1 else "changed"


def _groups(findings: list[_Finding], head: np.ndarray) -> list[list[_Finding]]:
    """Findings that touch, or nearly, are one; and so are those with nothing but a short pause between them."""
    groups: list[list[_Finding]] = []
    end = 0
    for one in sorted(findings):
        gap = one.first - end
        pause = 0 < gap <= _PAUSE_S * _RATE and head[end : one.first].max() < _HEARD
        if groups and (gap <= _JOIN_S * _RATE or pause):
            groups[-1].append(one)
            end = max(end, one.last)
        else:
            groups.append([one])
            end = one.last
    return groups


def _flag(over: Overlay, group: list[_Finding]) -> Flag:
    first, last = group[0].first, _end(group)
    joint = next((one.first for one in group if one.kind == "cut"), None)
    if joint is not None and last - first <= _JOINT_S * _RATE:  # what differs beside a joint is the joint
        first, last, group = joint, joint, [one for one in group if one.kind == "cut"]
    # A passage of some frames that fits another place by chance does not make the whole a moved one.
    moved = sum(one.last - one.first for one in group if one.kind == "moved")
    kinds = {one.kind for one in group}
    if len(kinds) > 1 and 2 * moved < last - first:
        kinds.discard("moved")
    kind: Kind = next((k for k in ("moved", "put_in", "changed", "silenced") if k in kinds), "cut")
    # The path's own jump may lie some frames beside the joint: its offsets are taken at a distance.
    before, after = max(0, first - _BESIDE), min(len(over.offsets) - 1, last + _BESIDE)
    return Flag(
        start_s=first / _RATE,
        end_s=last / _RATE,
        kind=kind,
        record_start_s=max(0, first + int(over.offsets[before])) / _RATE,
        record_end_s=max(0, last + int(over.offsets[after])) / _RATE,
        score=max(one.score for one in group),
    )
