"""What is measured on a decoded file before any mark is looked for: loudness, shape, which channels differ."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synth.audio.decoded import DecodedFile
from watermark.reading.spans import Span

FRAME_S = 0.02
SHORTEST_GAP_S = 0.4
WAVEFORM_POINTS = 400
QUIETEST = 1e-3
"""-60 dBFS: whatever is below is silence."""
SILENT = 1e-4
"""-80 dBFS: a channel that stays below carries neither mark nor speech."""
LOUD = 0.18
TONE = 2.5
_BLOCK_FRAMES = 4096


@dataclass(frozen=True)
class Survey:
    """``levels``: root mean square of each 20 ms, float32 (channels + 1, n), the last row that of the mean of all
    channels. ``peaks``: for drawing, at most 400 values in 0..1. ``different``: one of each kind of
    channel that is not silent; a single one where all are alike, bit for bit."""

    levels: np.ndarray
    peaks: list[float]
    different: tuple[int, ...]

    def level_of(self, channel: int | None) -> np.ndarray:
        """Levels of one channel; None: of the mean."""
        row: np.ndarray = self.levels[-1 if channel is None else channel]
        return row

    def active(self, channel: int | None, at_least: float = QUIETEST) -> list[Span]:
        return active_spans(self.level_of(channel), at_least)

    def loud(self, channel: int | None) -> list[Span]:
        """Stretches within 15 dB of the loud parts, as short as they are: what a listener hears first."""
        levels = self.level_of(channel)
        return _spans(levels > max(loudness(levels) * LOUD, QUIETEST))


def survey(decoded: DecodedFile, progress: Callable[[float], None] = lambda share: None) -> Survey:
    """One pass over the whole file. ``progress`` is told the share that is done."""
    frame = round(FRAME_S * decoded.sample_rate_hz)
    size = frame * _BLOCK_FRAMES
    digests = [hashlib.blake2b(digest_size=16) for _ in range(decoded.channels)]
    rows: list[np.ndarray] = []
    step = max(1, -(-decoded.frames // WAVEFORM_POINTS))
    peaks = np.zeros(-(-decoded.frames // step), np.float32)
    for start in range(0, decoded.frames, size):
        stop = min(start + size, decoded.frames)
        block = decoded.frames_at(start, stop)
        for index, digest in enumerate(digests):
            digest.update(block[:, index].tobytes())
        mean = block.mean(axis=1)
        np.maximum.at(peaks, np.arange(start, stop) // step, np.abs(mean))
        whole = len(block) // frame * frame
        both = np.concatenate([block, mean[:, None]], axis=1)[:whole]
        rows.append(np.sqrt(np.mean(np.square(both.reshape(-1, frame, both.shape[1])), axis=1) + 1e-20))
        progress(stop / decoded.frames)
    levels = np.concatenate(rows).T
    audible = [index for index in range(decoded.channels) if (levels[index] > SILENT).any()] or [0]
    first = {digests[index].digest(): index for index in reversed(audible)}
    return Survey(
        levels=levels,
        peaks=[round(float(value), 2) for value in np.minimum(peaks, 1.0)],
        different=tuple(sorted(first.values())),
    )


def active_spans(levels: np.ndarray, at_least: float = QUIETEST) -> list[Span]:
    """Stretches of sound, in seconds: within 40 dB of the loud parts, above ``at_least`` (amplitude), -60 dBFS and
    the room's own tone, short gaps closed."""
    spans: list[Span] = []
    for a, b in _spans(levels > max(loudness(levels) * 1e-2, at_least, QUIETEST, room_tone(levels))):
        if spans and a - spans[-1][1] < SHORTEST_GAP_S:
            spans[-1] = (spans[-1][0], b)
        else:
            spans.append((a, b))
    return spans


def room_tone(levels: np.ndarray) -> float:
    """8 dB above what the quietest tenth of the file does not exceed, digital silence aside; at most 14 dB below the
    loud parts, where it would be sound."""
    heard = levels[levels > QUIETEST]
    return min(TONE * float(np.quantile(heard, 0.1)), 0.2 * loudness(levels)) if len(heard) else 0.0


def _spans(on: np.ndarray) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.view(np.int8), [0]])))
    return [(float(a * FRAME_S), float(b * FRAME_S)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def loudness(levels: np.ndarray) -> float:
    """Level of the loud parts: its 95th percentile."""
    return float(np.quantile(levels, 0.95)) if len(levels) else 0.0
