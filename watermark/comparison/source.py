"""Which other released sound a passage of a file comes from: its levels against the references of candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .bands import band_levels
from .channel import AUDIBLE_DB
from .reference import FRAMES_PER_SECOND, Reference

SHORTEST_S, LONGEST_S = 0.15, 2.0
_EDGE = 2  # frames whose windows reach over the passage's ends
_ALIKE_DB = 2.5
_CLEARLY = 1.4
_ELSEWHERE = 10
_LARGEST_DB = 20.0
_PLACES = 512  # compared at once: a record may last for hours


@dataclass(frozen=True)
class Source:
    """A place in a released sound: its number, its own seconds."""

    number: int
    start_s: float


def source_of(samples: np.ndarray, gain_db: np.ndarray, candidates: Mapping[int, Reference]) -> Source | None:
    """Where among ``candidates`` a passage (n,) at 16 kHz comes from; None where nothing is alike beyond doubt: alike,
    and far more so than any other place of any of them.

    gain_db: (bands,) of the file against what was released, from where it is as released.
    """
    heard = band_levels(samples[: round(LONGEST_S * 16_000)], FRAMES_PER_SECOND) - gain_db
    heard = heard[_EDGE:-_EDGE]
    if len(heard) < SHORTEST_S * FRAMES_PER_SECOND - 2 * _EDGE:
        return None
    places = [
        (float(difference), number, frame)
        for number, reference in candidates.items()
        for difference, frame in _best(_differences(heard, reference.levels))
    ]
    if not places:
        return None
    places.sort()
    difference, number, frame = places[0]
    others = [d for d, n, f in places[1:] if n != number or abs(f - frame) > _ELSEWHERE]
    if difference > _ALIKE_DB or (others and others[0] < _CLEARLY * difference):
        return None
    return Source(number, max(0, frame - _EDGE) / FRAMES_PER_SECOND)


def _differences(heard: np.ndarray, record: np.ndarray) -> np.ndarray:
    """Mean difference of the passage from each place of a record in dB, whatever its loudness: (places,)."""
    if len(record) < len(heard):
        return np.zeros(0)
    there = sliding_window_view(record, len(heard), axis=0).swapaxes(1, 2)
    stands = heard > heard.max() - AUDIBLE_DB
    starts = range(0, len(there), _PLACES)
    return np.concatenate([_differences_from(there[k : k + _PLACES], heard, stands) for k in starts])


def _differences_from(there: np.ndarray, heard: np.ndarray, stands: np.ndarray) -> np.ndarray:
    apart = heard - there
    apart -= np.median(apart[:, stands], axis=1)[:, None, None]
    gap = np.minimum(np.abs(apart), _LARGEST_DB)
    expected = stands | (there > there.max(axis=(1, 2), keepdims=True) - AUDIBLE_DB)
    result: np.ndarray = (gap * expected).sum(axis=(1, 2)) / expected.sum(axis=(1, 2))
    return result


def _best(differences: np.ndarray) -> list[tuple[float, int]]:
    """The two best places of a record that do not lie beside each other."""
    if not len(differences):
        return []
    first = int(differences.argmin())
    rest = differences.copy()
    rest[max(0, first - _ELSEWHERE) : first + _ELSEWHERE + 1] = np.inf
    second = int(rest.argmin())
    return [(differences[k], k) for k in dict.fromkeys((first, second)) if np.isfinite(rest[k]) or k == first]
