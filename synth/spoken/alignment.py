"""Two rows of sounds, one beside the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_GAP, _OTHER, _OTHER_KIND = 1.0, 1.0, 1.4
_VOWELS = frozenset("aeiouAEIOUɯɨəɛɔv")


def aligned(expected: Sequence[str], heard: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of positions (expected, heard) in order; None: nothing there. The cheapest way: a gap costs 1, another
    sound 1, a vowel for a consonant 1.4."""
    rows, columns = len(expected), len(heard)
    change = _costs(expected, heard)
    total = np.zeros((rows + 1, columns + 1))
    total[:, 0], total[0, :] = np.arange(rows + 1) * _GAP, np.arange(columns + 1) * _GAP
    for i in range(1, rows + 1):
        above = np.minimum(total[i - 1, 1:] + _GAP, total[i - 1, :-1] + change[i - 1])
        left = total[i, 0]
        for j, value in enumerate(above.tolist(), start=1):
            left = min(value, left + _GAP)
            total[i, j] = left
    return _path(total, change)


def _costs(expected: Sequence[str], heard: Sequence[str]) -> np.ndarray:
    same = np.array([[a == b for b in heard] for a in expected], dtype=bool).reshape(
        len(expected), len(heard)
    )
    vowel_a = np.array([a[:1] in _VOWELS for a in expected], dtype=bool)
    vowel_b = np.array([b[:1] in _VOWELS for b in heard], dtype=bool)
    return np.where(same, 0.0, np.where(vowel_a[:, None] == vowel_b[None, :], _OTHER, _OTHER_KIND))


def _path(total: np.ndarray, change: np.ndarray) -> list[tuple[int | None, int | None]]:
    i, j = total.shape[0] - 1, total.shape[1] - 1
    pairs: list[tuple[int | None, int | None]] = []
    while i or j:
        here = total[i, j]
        if i and j and np.isclose(here, total[i - 1, j - 1] + change[i - 1, j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and np.isclose(here, total[i - 1, j] + _GAP):
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]
