"""Marking speech while it leaves: about a second is held back, then goes out marked.

Each piece is optimised together with the 3 s that have left before it, which count but stay as they are, so
that every 3 s of the stream carry the record as they would in a file marked at once. A public layer goes
first, as a stage of its own; quality is then compared with what came in.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .embed import QUIETEST_RMS, TARGET_QUALITY, add_residual, checked, fade, mark_block, refuse_too_short
from .keys import MarkKeys
from .keystream import keystream
from .optimise import BlockPlan
from .parameters import FRAMES_PER_TILE, HOP, KEYSTREAM_TILES, PERIODS, SAMPLE_RATE_HZ
from .payload import pack
from .resample import resample

# Held back; must be a multiple of 80 ms, which is whole in samples and in tiles at common rates.
PIECE_S = 1.2
_GRID_S = 0.08
_CONTEXT_S = 2.4  # with the piece itself a little more than the 3 s window
_BLOCK_S = 36.0  # then a new place in the keystream
_TILE = FRAMES_PER_TILE * HOP


class Stage(Protocol):
    """Another mark that is written before ours: takes blocks, gives them back marked and perhaps later."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take samples (n,), give back those that are ready."""
        ...

    def finish(self) -> np.ndarray:
        """The rest."""
        ...


class StreamEmbedder:
    """Marks one channel that arrives in blocks of any size. One instance per output.

    before: a stage whose mark goes under ours, such as `public_stream.PublicStream`.

    push(samples) returns what is ready (float32, possibly empty), finish() the rest; together they have the
    length of the input. Raises ValueError for a rate that has no whole number of samples in 80 ms. Audio
    that ends before 1 s is refused by finish() with AssentError `too_short_to_mark`; nothing has left by
    then.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        record_number: int,
        keys: MarkKeys,
        epoch: str,
        generator: np.random.Generator,
        target_quality: float = TARGET_QUALITY,
        before: Stage | None = None,
    ) -> None:
        if sample_rate_hz * 8 % 100:
            raise ValueError(f"a stream cannot be marked at {sample_rate_hz} Hz: 80 ms are no whole samples")
        self._rate = sample_rate_hz
        self._record_number = record_number
        self._generator = generator
        self._target_quality = target_quality
        epoch_keys = keys.for_epoch(epoch)
        self._stream = keystream(epoch_keys)
        self._payload = pack(record_number, epoch_keys)
        self._before = before
        self._waiting = np.zeros(0, np.float32)
        self._came_in = np.zeros(0, np.float32)  # the same before the stage, and what it holds back
        self._left = False
        self._begin_block()

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take samples (n,), give back those that are marked."""
        samples = checked(samples, self._rate)
        self._came_in = np.concatenate([self._came_in, samples])
        staged = samples if self._before is None else self._before.push(samples)
        self._waiting = np.concatenate([self._waiting, staged])
        size = round(PIECE_S * self._rate)
        ready = []
        while len(self._waiting) >= 2 * size:  # keep one piece back, so that the last is never a scrap
            ready.append(self._mark_next(size))
        return np.concatenate([np.zeros(0, np.float32), *ready])

    def finish(self) -> np.ndarray:
        """The rest of the stream."""
        if self._before is not None:
            self._waiting = np.concatenate([self._waiting, self._before.finish()])
        if not self._left:
            refuse_too_short(self._waiting, self._rate)
        size = round(PIECE_S * self._rate)
        ready = [np.zeros(0, np.float32)]
        while len(self._waiting) >= 2 * size:  # what the stage held back
            ready.append(self._mark_next(size))
        if len(self._waiting):
            ready.append(self._mark_next(len(self._waiting)))
        return np.concatenate(ready)

    def _mark_next(self, size: int) -> np.ndarray:
        out = self._mark(self._waiting[:size], self._came_in[:size])
        self._waiting, self._came_in = self._waiting[size:], self._came_in[size:]
        return out

    def _begin_block(self) -> None:
        self._place = int(self._generator.integers(KEYSTREAM_TILES))
        self._polarity = self._generator.choice(np.array([-1, 1], np.float32), PERIODS)
        self._said_s = 0.0
        self._context = np.zeros(0, np.float32)  # of the input, for the resampling filter
        self._context_came_in = np.zeros(0, np.float32)
        self._context_marked = np.zeros(0, np.float32)  # at 16 kHz

    def _mark(self, piece: np.ndarray, came_in: np.ndarray) -> np.ndarray:
        self._left = True
        if self._said_s + PIECE_S > _BLOCK_S:
            self._begin_block()
        past = len(self._context_marked)
        core = resample(np.concatenate([self._context, piece]), self._rate, SAMPLE_RATE_HZ)[past:]
        plan = BlockPlan(self._stream, self._place, self._payload, self._record_number, self._polarity)
        residual = np.zeros_like(core)
        if np.sqrt(np.mean(np.square(core, dtype=np.float64))) > QUIETEST_RMS:
            block = np.concatenate([self._context_marked, core])
            whole_in = np.concatenate([self._context_came_in, came_in])
            reference = resample(whole_in, self._rate, SAMPLE_RATE_HZ)
            marked = mark_block(
                block, plan, self._target_quality, reference=reference, frozen_tiles=past // _TILE
            )
            residual = (marked[past:] - core) * fade(len(core))
        change = resample(residual, SAMPLE_RATE_HZ, self._rate)[: len(piece)]
        out = add_residual(piece, np.pad(change, (0, len(piece) - len(change))), self._rate)

        self._said_s += len(piece) / self._rate
        whole = np.concatenate([self._context_marked, core + residual])
        context_s = min(_CONTEXT_S, self._said_s) // _GRID_S * _GRID_S if len(whole) else 0.0
        keep = round(context_s * SAMPLE_RATE_HZ)
        self._place = (self._place + (len(whole) - keep) // _TILE) % KEYSTREAM_TILES
        self._context_marked = whole[len(whole) - keep :]
        held = round(context_s * self._rate)
        said, came = (
            np.concatenate(pair) for pair in ((self._context, piece), (self._context_came_in, came_in))
        )
        self._context, self._context_came_in = said[len(said) - held :], came[len(came) - held :]
        return out
