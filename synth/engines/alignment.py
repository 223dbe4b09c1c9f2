"""Dynamic time warping of two feature sequences, one numpy step per anti-diagonal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: How far the path may stray from the straight line, as a share of either length.
BAND = 0.25


def align(a: Floats, b: Floats) -> tuple[Ints, Ints, float]:
    """Rows of ``a`` (n, d) and ``b`` (m, d) that belong together, and their mean Euclidean distance.

    Returns (rows of a, rows of b, mean distance), both index arrays rising from 0 to the end.
    Memory is O(n * m).
    """
    n, m = len(a), len(b)
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    distance = np.sqrt(np.maximum(square, 0))
    stray = np.abs(np.arange(n)[:, None] / max(1, n - 1) - np.arange(m)[None, :] / max(1, m - 1))
    cost = np.where(stray <= max(BAND, 3 / min(n, m)), distance, 1e6)
    came_from = np.zeros((n + m - 1, n), dtype=np.int8)  # 0 both step, 1 only a, 2 only b
    before = np.full(n + 1, np.inf)  # diagonal k - 2, shifted by one so that index i + 1 is row i
    last = np.full(n + 1, np.inf)
    for k in range(n + m - 1):
        low, high = max(0, k - m + 1), min(n - 1, k)
        rows = np.arange(low, high + 1)
        now = np.full(n + 1, np.inf)
        if k == 0:
            now[1] = cost[0, 0]
        else:
            options = np.stack([before[rows], last[rows], last[rows + 1]])
            choice = options.argmin(axis=0)
            came_from[k, rows] = choice
            now[rows + 1] = options[choice, np.arange(len(rows))] + cost[rows, k - rows]
        before, last = last, now
    i, j = n - 1, m - 1
    path = [(i, j)]
    while i or j:
        step = came_from[i + j, i] if i and j else (1 if i else 2)
        i, j = i - (step != 2), j - (step != 1)
        path.append((i, j))
    rows_a, rows_b = np.array(path[::-1], dtype=np.int64).T
    return rows_a, rows_b, float(distance[rows_a, rows_b].mean())
