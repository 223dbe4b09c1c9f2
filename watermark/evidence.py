"""Scores as callers may see them: coarse steps, nothing below the threshold, a ceiling above.

Whoever could watch an exact score move could climb it, edit by edit, until a mark is gone or forged. So scores are
given only to callers who are known, and only in steps too wide for one edit to show. Whole numbers throughout.
"""

from __future__ import annotations

import math

SCORE_STEP = 4
SCORE_CEILING = 20
PERCENT_STEP = 10


def score_step(score: float, threshold: float) -> int:
    """Standard deviations in steps of 4, at most 20; 0 for anything that did not pass ``threshold``."""
    if not math.isfinite(score) or score <= threshold:
        return 0
    return min(SCORE_CEILING, SCORE_STEP * max(1, math.floor(score / SCORE_STEP)))


def percent_step(share: float) -> int:
    """A share in steps of ten per cent, downwards."""
    return PERCENT_STEP * math.floor(min(1.0, max(0.0, share)) * 100 / PERCENT_STEP + 1e-9)
