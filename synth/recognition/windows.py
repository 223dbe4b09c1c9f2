"""Cutting a long recording where nobody speaks."""

from __future__ import annotations

import numpy as np

_QUIET_S = 0.2  # how long a pause must at least be to be cut in
_SEARCHED = 1 / 3  # the last part of a window, where the cut is looked for


def cut(samples: np.ndarray, sample_rate_hz: int, longest_s: float) -> list[tuple[int, int]]:
    """Spans (first, end) of at most ``longest_s`` that together are all of mono ``samples``; each but the last ends
    in the middle of the quietest 0.2 s of its last third."""
    longest, quiet = int(longest_s * sample_rate_hz), int(_QUIET_S * sample_rate_hz)
    spans, first = [], 0
    while len(samples) - first > longest:
        begin = first + int(longest * (1 - _SEARCHED))
        energy = np.cumsum(np.square(samples[begin : first + longest], dtype=np.float64))
        quietest = int(np.argmin(energy[quiet:] - energy[:-quiet]))
        end = begin + quietest + quiet // 2
        spans.append((first, end))
        first = end
    return [*spans, (first, len(samples))]
