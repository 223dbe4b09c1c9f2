"""The public layer: AudioSeal's networks (San Roman et al., arXiv 2401.17264) for "synthetic, marked
publicly".

Presence and where; never a proof of origin, because anyone with the checkpoint can add or copy this mark.
Its files are read by `audioseal_checkpoint`.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import audioseal_checkpoint
from .audibility import Level
from .audioseal_checkpoint import MESSAGE_BITS
from .borders import FRAME, Borders, MarkOf, shift_of
from .embed import add_residual
from .parameters import SAMPLE_RATE_HZ
from .records import segments
from .resample import resample

DEFAULT_STRENGTH = (
    1.0  # of the residual; below it presence is near its threshold under the keyed mark and MP3
)
PRESENCE_THRESHOLD = -0.6  # of the score, see PublicDetection and watermark/checkpoints/README.md
# Tried when a clip shows nothing at its own speed; the networks take about 5 % either way by themselves.
SPEEDS = (0.9, 1.1)
SPEED_PRICE = 1.0  # off the score at another speed: further chances of a false alarm
# Off the score of a sound whose frames hardly differ in level, as hum, tones and plain noise do. The mark is put on
# speech; speech at 10 dB above white noise still deviates by 4.4 dB.
STEADY_PRICE, STEADY_DB = 2.0, 4.0
STRETCH_NATS = 130.0  # summed log-odds that make a stretch of any length count; a marked second has about 275

_CHUNK_FRAMES = 750  # 15 s: the networks need 8 MB of memory a second of it
_CONTEXT_FRAMES = 50  # 1 s on each side, more than the networks see
_LEVEL_LEAST, _LEVEL_STRETCH, _LEVEL_STRETCHES = 4_000, 160_000, 12  # samples, samples, at most so many
_LEVEL_WIDEST = 0.92  # 8 dB as an exponent of e
# On the tuning voices, whose marked frames have 5.3 as their middle and unmarked ones -3.0, this puts 2.0 % of the
# marked and 0.3 % of the unmarked on the wrong side.
_MARKED_FROM = 0.5
_SWITCH_NATS = 12.0
_SHORTEST_FRAMES = 10
_BORDER_FRAMES, _BORDER_REACH = 45, 8  # looked at on each side of a border; how far it moves at most
_BORDER_CLIP = (-3.0, 4.0)  # log-odds that say no more of a border than that
_SILENT_POWER = 1e-9


FOREIGN_BITS = 5
"""Of the 16 of a message: ours has none set, any other's half of them on average."""


@dataclass(frozen=True)
class PublicDetection:
    """presence: the clip carries the public mark, or a passage of it does. score: log-odds against threshold, as
    `_score` takes them from the frames, less the price of another speed.

    intervals: (start_s, end_s) that carry it. message: its bits, averaged over those intervals only; None
    without any. The shipped checkpoint carries no message, so its bits mean nothing there (`carries_message`).
    speed: how many times as fast as it was marked the clip plays, of the speeds that were tried.
    """

    presence: bool
    score: float
    threshold: float
    intervals: list[tuple[float, float]]
    message: tuple[int, ...] | None
    speed: float = 1.0
    carries_message: bool = False

    @property
    def is_foreign(self) -> bool:
        """It carries a message, and one that is not ours (all zeros), beyond what wrong bits would explain."""
        return self.presence and self.carries_message and sum(self.message or ()) >= FOREIGN_BITS


class PublicMark:
    """A loaded pair of generator and detector, on the CPU, in evaluation mode."""

    def __init__(
        self,
        generator: Any,
        detector: Any,
        threshold: float = PRESENCE_THRESHOLD,
        audible: float | None = None,
        borders: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        """audible: how much of the mark may be heard, see audibility.py; None leaves it as it comes.

        borders: weights of `Borders`; without them a border is where two levels fit the frames best.
        """
        self._generator = generator.eval()
        self._audible, self._level = audible, Level()
        self._period = _last_stride(generator)
        self._encoder = detector.eval().detector[0].model
        self._head, self._bias = _fused_head(detector)
        self._threshold = threshold
        self._borders: Borders | None = None
        if borders is not None:
            self._borders = self.new_borders()
            self._borders.load_state_dict(dict(borders))
            self._borders.eval()

    @classmethod
    def load(
        cls, path: Path, sha256: Mapping[str, str] | None = None, threshold: float = PRESENCE_THRESHOLD
    ) -> PublicMark:
        """Load generator.pth, detector.pth (or the official cache names) and, if there is one, borders.pth.

        sha256: expected digests by file name; a file without one is loaded unchecked. Raises AssentError
        `checkpoint_missing` or `checkpoint_altered`.
        """
        digests = sha256 or {}
        generator, audible = audioseal_checkpoint.generator(path, digests)
        detector = audioseal_checkpoint.detector(path, digests)
        borders = audioseal_checkpoint.borders(path, digests)
        return cls(generator, detector, threshold, audible, borders)

    def new_borders(self) -> Borders:
        """A network for borders, begun from this detector's layers, to be trained."""
        return Borders(copy.deepcopy(self._encoder)).requires_grad_(True)

    def embed(
        self,
        samples: np.ndarray,
        sample_rate_hz: int,
        message: Sequence[int] = (0,) * MESSAGE_BITS,
        *,
        strength: float = DEFAULT_STRENGTH,
    ) -> np.ndarray:
        """Marked copy of one channel (n,): float32, same length and rate. The residual is made at 16 kHz.

        A checkpoint that names an audible level gets each clip to that level, 8 dB up or down at most.
        strength multiplies the result.
        """
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1:
            raise ValueError(f"the mark takes one channel, not an array of shape {samples.shape}")
        core = resample(samples, sample_rate_hz, SAMPLE_RATE_HZ)
        mark = self.mark_of(core, message) * np.float32(strength)
        change = resample(mark, SAMPLE_RATE_HZ, sample_rate_hz)[: len(samples)]
        change = np.pad(change, (0, len(samples) - len(change)))
        # The networks' mark dies away by itself where sound ends; cut off sharply it is not found any more.
        return add_residual(samples, change, sample_rate_hz, blank_silence=False)

    def mark_of(self, core: np.ndarray, message: Sequence[int] = (0,) * MESSAGE_BITS) -> np.ndarray:
        """The mark of samples at 16 kHz at its audible level: float32 (n,)."""
        residual = self.residual(core, message)
        return residual * np.float32(self.equalising(residual, core))

    def aligned(self, marked: np.ndarray) -> MarkOf:
        """`mark_of` for pieces, begun on frames, of a clip that was cut anywhere after it was marked.

        marked: such a piece that is known to carry the mark.
        """
        if len(marked) < FRAME:
            return self.mark_of
        gain = np.float32(self.equalising(self.residual(marked), marked))
        by = shift_of(marked, lambda samples: self.residual(samples) * gain, self._period)
        return lambda samples: self.mark_of(np.pad(samples, (by, 0)))[by:]

    def residual(self, core: np.ndarray, message: Sequence[int] = (0,) * MESSAGE_BITS) -> np.ndarray:
        """What the generator adds to samples at 16 kHz before any equalising: float32 (n,), in chunks of 15 s."""
        bits = torch.tensor([list(message)], dtype=torch.int64)
        residual = np.zeros_like(core)
        with torch.inference_mode():
            for piece, inner, start in _pieces(core):
                made = self._generator.get_watermark(piece, message=bits)[0, 0].numpy()
                kept = made[inner]
                residual[start : start + len(kept)] = kept
        return residual

    def equalising(self, residual: np.ndarray, core: np.ndarray) -> float:
        """The factor that brings the clip's mark to the audible level: the mean, in dB, over its stretches."""
        if self._audible is None or len(core) < _LEVEL_LEAST:
            return 1.0
        count = max(1, round(len(core) / _LEVEL_STRETCH))
        edges = np.linspace(0, len(core), count + 1).astype(int)
        exponents = []
        for start, end in itertools.islice(pairwise(edges), 0, None, -(-count // _LEVEL_STRETCHES)):
            mark, host = (torch.from_numpy(part[start:end].copy())[None, None] for part in (residual, core))
            gain = self._level.audible_gain(mark, host, self._audible)
            exponents.append(float(gain.log().clamp(-_LEVEL_WIDEST, _LEVEL_WIDEST)))
        return math.exp(sum(exponents) / len(exponents))

    def detect(
        self, samples: np.ndarray, sample_rate_hz: int, progress: Callable[[float], None] = lambda done: None
    ) -> PublicDetection:
        """Presence in one channel (n,) at any rate, in chunks of 15 s, before each of which `progress` is told the
        share that is done.

        A clip in which nothing is found is listened to again at other speeds, because the networks know
        their mark at nearly its own speed only; the threshold allows for all these chances of a false alarm.
        """
        core = resample(np.nan_to_num(np.asarray(samples, np.float32)), sample_rate_hz, SAMPLE_RATE_HZ)
        parts = 1 + len(SPEEDS)
        plain = self._detect_at(core, 1.0, _part_of(progress, 0, parts))
        if plain.presence or len(core) < FRAME:
            return plain
        found = [
            self._detect_at(core, speed, _part_of(progress, number, parts))
            for number, speed in enumerate(SPEEDS, 1)
        ]
        best = max(found, key=lambda heard: heard.score)
        if best.presence:
            return best
        return replace(plain, score=max(plain.score, best.score))

    def _detect_at(
        self, core: np.ndarray, speed: float, progress: Callable[[float], None]
    ) -> PublicDetection:
        """Presence in a clip at 16 kHz that was played `speed` times as fast, times as in that clip."""
        if speed != 1.0:
            core = resample(core, 1_000, round(1_000 * speed))
        if len(core) < FRAME:
            return PublicDetection(False, float("-inf"), self._threshold, [], None)
        parts = []
        with torch.inference_mode():
            for piece, inner, start in _pieces(core):
                progress(start / len(core))
                logits = torch.nn.functional.conv1d(self._encoder(piece), self._head, self._bias)[0]
                parts.append(logits[:, inner.start // FRAME : -(-inner.stop // FRAME)].numpy())
        frames = np.concatenate(parts, axis=1)
        log_odds = frames[1] - frames[0]
        score = _score(log_odds, _levels_db(core), self._threshold) - (SPEED_PRICE if speed != 1.0 else 0.0)
        # Neighbouring frames see much of the same audio, so a frame counts for a part of its log-odds.
        found = [
            s
            for s in segments((log_odds - _MARKED_FROM) / 3, _SWITCH_NATS)
            if s[1] - s[0] >= _SHORTEST_FRAMES
        ]
        inside = np.concatenate([frames[2:, a:b] for a, b in found], axis=1) if found else None
        sharp = _sharpened(log_odds, found)
        if self._borders is not None:
            sharp = self._borders.refine(core, sharp, self.aligned)
        seconds = FRAME / SAMPLE_RATE_HZ / speed
        length_s = len(core) / SAMPLE_RATE_HZ / speed
        return PublicDetection(
            presence=score > self._threshold,
            score=score,
            threshold=self._threshold,
            intervals=[(a * seconds, min(b * seconds, length_s)) for a, b in sharp],
            message=None if inside is None else tuple(int(v > 0) for v in inside.mean(axis=1)),
            speed=speed,
            carries_message=self._audible
            is None,  # networks trained here say how audible they are, and carry none
        )


def _part_of(progress: Callable[[float], None], number: int, parts: int) -> Callable[[float], None]:
    """Progress within one of several equal parts."""
    return lambda done: progress((number + done) / parts)


def _sharpened(log_odds: np.ndarray, found: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Intervals of frames with their borders, not the ends of the clip, where two levels fit the frames best.

    The networks blur a border by several frames, and not evenly; what lies around it says more than the frame
    in which the log-odds change their sign.
    """
    clipped = np.clip(log_odds, *_BORDER_CLIP)
    sharp = []
    for first, last in found:
        reach = min(_BORDER_FRAMES, last - first)
        start = _border(clipped, first, reach) if first else 0.0
        sharp.append((start, _border(clipped, last, reach) if last < len(log_odds) else float(last)))
    return sharp


def _border(values: np.ndarray, near: int, reach: int) -> float:
    """The border near a frame that leaves the least squares around the means on its two sides, between frames too."""
    around = values[max(0, near - reach) : near + reach]
    place = min(near, reach)
    sums = np.cumsum(around, dtype=np.float64)
    left = np.arange(max(1, place - _BORDER_REACH), min(len(around) - 1, place + _BORDER_REACH) + 1)
    explained = sums[left - 1] ** 2 / left + (sums[-1] - sums[left - 1]) ** 2 / (len(around) - left)
    best = int(np.argmax(explained))
    middle = 0.0
    if 0 < best < len(left) - 1:
        before, peak, after = explained[best - 1 : best + 2]
        middle = 0.5 * (before - after) / min(before - 2 * peak + after, -1e-9)
    return near - place + float(left[best]) + middle


def _score(log_odds: np.ndarray, levels_db: np.ndarray, threshold: float) -> float:
    """Mean log-odds of the clip, less the price of a steady sound; or those of its best stretch if they say more.

    A stretch counts with what its sum has beyond STRETCH_NATS, shared out over the clip, so that a marked
    passage in a longer clip passes the threshold too.
    """
    score = float(log_odds.mean()) - (STEADY_PRICE if levels_db.std() < STEADY_DB else 0.0)
    first, last = _best_stretch(log_odds)
    if last > first and levels_db[first:last].std() >= STEADY_DB:
        beyond = float(log_odds[first:last].sum()) - STRETCH_NATS
        score = max(score, threshold + beyond / len(log_odds))
    return score


def _best_stretch(log_odds: np.ndarray) -> tuple[int, int]:
    """Where the sum is largest: (first, last), last exclusive."""
    sums = np.concatenate([[0.0], np.cumsum(log_odds, dtype=np.float64)])
    last = int(np.argmax(sums - np.minimum.accumulate(sums)))
    return int(np.argmin(sums[: last + 1])), last


def _levels_db(core: np.ndarray) -> np.ndarray:
    """Power of each frame of samples at 16 kHz, the last one perhaps shorter."""
    starts = np.arange(0, len(core), FRAME)
    power = np.add.reduceat(np.square(core, dtype=np.float64), starts) / np.diff(starts, append=len(core))
    return np.asarray(10 * np.log10(power + _SILENT_POWER))


def _last_stride(generator: Any) -> int:
    """Samples after which the decoder does the same again."""
    layers = [m for m in generator.decoder.modules() if isinstance(m, torch.nn.ConvTranspose1d)]
    return int(layers[-1].stride[0])


def _fused_head(detector: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Transposed convolution and output layer as one 1x1 convolution on latents: the exact mean logits of a
    frame.

    The stock head spreads each latent over 320 samples with a kernel as long as its stride, so the mean
    over those samples is the mean of the kernel.
    """
    spread, out = detector.detector[0].reverse_convolution, detector.detector[1]
    mean_kernel = spread.weight.mean(-1).t()[..., None]
    head = torch.einsum("oc,cd->od", out.weight[..., 0], mean_kernel[..., 0])[..., None]
    bias = out.weight[..., 0] @ spread.bias + out.bias
    return head.detach(), bias.detach()


def _pieces(core: np.ndarray) -> Iterator[tuple[torch.Tensor, slice, int]]:
    """Chunks with context: (samples (1, 1, n), the part that counts, where that part starts in `core`)."""
    size, context = _CHUNK_FRAMES * FRAME, _CONTEXT_FRAMES * FRAME
    for start in range(0, len(core), size):
        first, last = max(0, start - context), min(len(core), start + size + context)
        piece = torch.from_numpy(np.ascontiguousarray(core[first:last]))[None, None]
        yield piece, slice(start - first, min(start + size, len(core)) - first), start
