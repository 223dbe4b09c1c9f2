"""Whether the tokens of a sentence look like speech: known before any sound is made of them.

The decoder is known to go round in circles and to end too early or never. Limits are wide: what is merely odd is for
whoever listens to the sound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import IntEnum

TOKENS_PER_S = 25
#: A stretch of tokens that comes again and again at least this long (s), at periods up to the second.
_LOOP_S, _LONGEST_PERIOD_S = 2.0, 1.0
_LOOP_ROUNDS = 4
#: Sentences of fewer tokens are not judged by the share of one of them.
_FEWEST_TOLD = 25
#: A phone takes two tokens as people speak; four a second are a third of the quickest.
_FEWEST_PER_PHONE = 0.4


class Suspicion(IntEnum):
    """What is wrong with a row of tokens; of two the lesser is kept."""

    NONE = 0
    SHORT = 1
    ONE_TOKEN = 2
    LOOP = 3
    ENDLESS = 4


def suspicion(tokens: Sequence[int], phones: int, *, at_limit: bool) -> Suspicion:
    """``tokens`` of a sentence of ``phones`` phones; ``at_limit``: they did not end by themselves."""
    if at_limit:
        return Suspicion.ENDLESS
    if _goes_round(tokens):
        return Suspicion.LOOP
    if len(tokens) >= _FEWEST_TOLD and Counter(tokens).most_common(1)[0][1] > len(tokens) / 2:
        return Suspicion.ONE_TOKEN
    return Suspicion.SHORT if len(tokens) < _FEWEST_PER_PHONE * phones else Suspicion.NONE


def _goes_round(tokens: Sequence[int]) -> bool:
    """Whether somewhere the same ``period`` tokens come `_LOOP_ROUNDS` times and for `_LOOP_S` at least. One token held
    is no round: a pause is that."""
    for period in range(2, round(_LONGEST_PERIOD_S * TOKENS_PER_S) + 1):
        needed = max(_LOOP_ROUNDS * period, round(_LOOP_S * TOKENS_PER_S)) - period
        run = 0
        for n in range(period, len(tokens)):
            run = run + 1 if tokens[n] == tokens[n - period] else 0
            if run >= needed and len(set(tokens[n - period : n])) > 1:
                return True
    return False
