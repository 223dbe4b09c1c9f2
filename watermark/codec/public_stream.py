"""The public mark on speech that leaves in pieces, as a stage before the keyed one.

A piece is made with a second of what went before it and a quarter of what comes after, more than the networks
see, so the stream carries what a file marked at once would. The level is that of what was heard so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .audioseal_checkpoint import MESSAGE_BITS
from .audioseal_layer import DEFAULT_STRENGTH, PublicMark
from .embed import add_residual, checked
from .parameters import SAMPLE_RATE_HZ
from .resample import resample

# Whole in samples at common rates, and in the frames of the networks at 16 kHz.
_PIECE_S = 0.8
_BEFORE_S = 1.0
_AFTER_S = 0.24
_HEARD_PIECES = 12  # the level follows about the last ten seconds


class PublicStream:
    """Marks one channel that arrives in blocks of any size; holds back about one second. One per output.

    push(samples) returns what is ready (float32, possibly empty), finish() the rest; together they have the
    length of the input.
    """

    def __init__(
        self,
        mark: PublicMark,
        sample_rate_hz: int,
        message: Sequence[int] = (0,) * MESSAGE_BITS,
        *,
        strength: float = DEFAULT_STRENGTH,
    ) -> None:
        self._mark, self._rate = mark, sample_rate_hz
        self._message, self._strength = message, strength
        self._held = np.zeros(0, np.float32)  # context that has left, then what has not
        self._left = 0  # samples at the head of `_held` that have left
        self._gain_nats: float | None = None
        self._heard = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take samples (n,), give back those that are marked."""
        self._held = np.concatenate([self._held, checked(samples, self._rate)])
        size, after = round(_PIECE_S * self._rate), round(_AFTER_S * self._rate)
        ready = [np.zeros(0, np.float32)]
        while len(self._held) - self._left >= size + after:
            ready.append(self._marked(size, after))
        return np.concatenate(ready)

    def finish(self) -> np.ndarray:
        """The rest of the stream."""
        rest = len(self._held) - self._left
        return self._marked(rest, 0) if rest else np.zeros(0, np.float32)

    def _marked(self, size: int, after: int) -> np.ndarray:
        seen = self._held[: self._left + size + after]
        here = slice(self._left, self._left + size)
        core = resample(seen, self._rate, SAMPLE_RATE_HZ)
        residual = self._mark.residual(core, self._message)
        change = resample(residual, SAMPLE_RATE_HZ, self._rate)[: len(seen)]
        change = np.pad(change, (0, len(seen) - len(change)))
        change = change * np.float32(self._strength) * self._gains(residual, core, here, len(seen))
        # With its surroundings, so that silence and peaks on a border are seen whole.
        out = add_residual(seen, change, self._rate, blank_silence=False)[here]
        keep = min(self._left + size, round(_BEFORE_S * self._rate))
        self._held = self._held[self._left + size - keep :]
        self._left = keep
        return out

    def _gains(self, residual: np.ndarray, core: np.ndarray, here: slice, length: int) -> np.ndarray:
        """Level of the mark at each sample: what was used last, moving to the mean of what was heard."""
        latest = math.log(self._mark.equalising(residual, core))
        before = latest if self._gain_nats is None else self._gain_nats
        self._heard = min(self._heard + 1, _HEARD_PIECES)
        self._gain_nats = before + (latest - before) / self._heard
        path = np.interp(np.arange(length), [here.start, here.stop], [before, self._gain_nats])
        return np.exp(path).astype(np.float32)
