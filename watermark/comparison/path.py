"""Which place of the record each moment of a file is: a path over offsets, whose jumps are cuts and insertions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .channel import HEADROOM_DB, Channel

REACH_S = 0.8
"""Offsets looked at around each anchor."""
JUMP_COST = 30.0
"""dB x frames of 20 ms that a change of offset must save."""
LEAST_JUMP_S = 0.04
LARGEST_DIFFERENCE_DB = 20.0
FINE = 4
"""The file's own frames are so many times denser than the record's: alignment to 2.5 ms."""
_NEIGHBOUR_COST = 6.0
_SILENT_SHARE = 0.15
_FINE_SHIFTS = np.arange(-6, 7)
_FINE_NEIGHBOUR_COST, _FINE_JUMP_COST = 3.0, 20.0


def main_offset(heard: np.ndarray, record: np.ndarray) -> int:
    """Frames to add to a frame of the file to get the record's: the best correlation of levels over all lags."""
    a = np.clip(heard - np.maximum(heard.mean(axis=0), heard.max(axis=0) - 50), -15, 15)
    b = np.clip(record - record.mean(axis=0), -15, 15)
    size = 1 << int(np.ceil(np.log2(len(a) + len(b))))
    product = np.conj(np.fft.rfft(a, size, axis=0)) * np.fft.rfft(b, size, axis=0)
    lag = int(np.fft.irfft(product.sum(axis=1), size).argmax())
    return lag if lag < len(b) else lag - size


def at(levels: np.ndarray, frames: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Levels at some frames, ``outside`` (bands,) where there are none."""
    inside = (frames >= 0) & (frames < len(levels))
    return np.where(inside[..., None], levels[np.clip(frames, 0, len(levels) - 1)], outside)


def difference(heard: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Mean absolute difference over the bands, each at most 20 dB: (frames,)."""
    gap = np.minimum(np.abs(heard - expected), np.float32(LARGEST_DIFFERENCE_DB))
    result: np.ndarray = gap.mean(axis=1)
    return result


def follow(
    heard: np.ndarray, record: np.ndarray, channel: Channel, anchors: Sequence[int], frames_per_second: int
) -> np.ndarray:
    """Offset of each frame of the file: int (frames,), frames to add to get the record's.

    Followed 50 times a second in steps of 20 ms around each anchor. A silent stretch says nothing about its place:
    it costs nothing anywhere, so that a muted word cannot hide in a pause of the record.
    """
    reach = int(REACH_S * frames_per_second)
    offsets = np.unique(np.concatenate([a // 2 * 2 + np.arange(-reach, reach + 1, 2) for a in anchors]))
    steps = np.arange(0, len(heard), 2)
    expected, silent = channel.expected(record), channel.expected(record.min(axis=0)[None])[0]
    audible = channel.audible_from(expected)
    here = np.maximum(heard[steps], audible)
    there, outside = np.maximum(expected, audible), np.maximum(silent, audible)
    sounding = sounds(here, audible)
    cost = np.stack([difference(here, at(there, steps + offset, outside)) for offset in offsets], axis=1)
    cost *= np.clip(sounding / (2 * _SILENT_SHARE), 0, 1)[:, None]
    path = offsets[cheapest(cost, _NEIGHBOUR_COST, JUMP_COST, neighbours=np.diff(offsets) == 2)]
    whole: np.ndarray = np.repeat(path, 2)[: len(heard)]
    edges = [0, *(np.flatnonzero(np.abs(np.diff(whole)) > 3) + 1).tolist(), len(whole)]
    loud = np.repeat(sounding, 2)[: len(heard)]
    for k, (first, last) in enumerate(pairwise(edges)):
        if len(edges) > 2 and loud[first:last].mean() < _SILENT_SHARE:
            whole[first:last] = whole[first - 1] if k else whole[last]
    return whole


def sounds(heard: np.ndarray, audible: np.ndarray) -> np.ndarray:
    """How far a frame stands above what is audible, 0 to 1 on the mean of its bands: (frames,)."""
    result: np.ndarray = np.clip((heard - audible) / HEADROOM_DB, 0, 1).mean(axis=1)
    return result


def align_finely(
    fine: np.ndarray, record_here: np.ndarray, offsets: np.ndarray, channel: Channel
) -> np.ndarray:
    """Index into the file's fine frames that fits each frame of the record best, within 15 ms: int (frames,)."""
    centre = np.arange(len(record_here)) * FINE
    expected = channel.expected(record_here)
    audible = channel.audible_from(expected)
    expected = np.maximum(expected, audible)
    cost = np.stack(
        [
            difference(np.maximum(fine[np.clip(centre + s, 0, len(fine) - 1)], audible), expected)
            for s in _FINE_SHIFTS
        ],
        axis=1,
    )
    free = np.append(False, np.abs(np.diff(offsets)) > 1)
    shift = _FINE_SHIFTS[cheapest(cost, _FINE_NEIGHBOUR_COST, _FINE_JUMP_COST, free=free)]
    result: np.ndarray = np.clip(centre + shift, 0, len(fine) - 1)
    return result


def cheapest(
    cost: np.ndarray,
    neighbour: float,
    jump: float,
    *,
    free: np.ndarray | None = None,
    neighbours: np.ndarray | None = None,
) -> np.ndarray:
    """The cheapest state at each step of ``cost`` (steps, states): int (steps,).

    Staying is free, the next state costs ``neighbour``, any other ``jump``, and nothing at steps that are ``free``.
    neighbours: (states - 1,) whether a state is the neighbour of the one before; None: all are.
    """
    steps, states = cost.shape
    came = np.empty((steps, states), np.int32)
    score = cost[0].astype(np.float64)
    up = np.full(states, np.inf)
    down = np.full(states, np.inf)
    toll = np.full(states - 1, neighbour) if neighbours is None else np.where(neighbours, neighbour, np.inf)
    ids = np.arange(states)
    for step in range(1, steps):
        best = int(score.argmin())
        up[1:] = score[:-1] + toll
        down[:-1] = score[1:] + toll
        here, origin = score.copy(), ids.copy()
        for other, shift in ((up, -1), (down, 1)):
            better = other < here
            here[better] = other[better]
            origin[better] = ids[better] + shift
        any_other = score[best] + (0.0 if free is not None and free[step] else jump)
        better = any_other < here
        here[better] = any_other
        origin[better] = best
        came[step] = origin
        score = here + cost[step]
    path = np.empty(steps, np.int64)
    path[-1] = score.argmin()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came[step, path[step]]
    return path
