"""Where a public mark begins and ends: a second, closer look at the borders that detection found.

Detection sees a frame through a second of sound, which is what makes it hold out and what blurs a border. This
network, begun from the detector's own layers and trained on borders alone, looks at what lies around one border
and says how likely each frame is to be it. Beside the sound it is told what the generator would add to that sound:
the mark hardly changes what the generator does (correlation 0.99), so where it lies, the sound agrees with it in
phase, cell by cell of the spectrum. A clip that was cut is aligned for that first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .parameters import SAMPLE_RATE_HZ

FRAME = 320  # samples at 16 kHz: a latent step of every published configuration
REACH_FRAMES = 20  # how far from where detection put it a border is looked for
_CHANNELS = 3  # of the output: begins here, ends here, is marked; the last one serves training only
_SEEN_FRAMES = 60  # on each side of a border
_ALIGNED_FRAMES = 50  # that tell how a clip was cut
_HOP = 160
_FFTS = (256, 512)
_LOWEST_HZ, _BAND_HZ, _BANDS = 500, 500, 12
_AGREEMENT = 0.5  # the mark can be no larger than that against what it hides under
_LEAST_POWER = 1e-10
_SLOPE = 0.1
# Frames: weak marks need a longer look, and the sound on either side to compare with.
_APART = (1, 2, 4, 8, 16)

MarkOf = Callable[[np.ndarray], np.ndarray]


class Borders(nn.Module):
    """samples, mark (b, 1, n) at 16 kHz -> (b, 3, n / 320) logits; a frame stands for the border at its beginning."""

    def __init__(self, encoder: nn.Sequential, width: int = 48) -> None:
        """encoder: the layers of a detector up to its last one, which they replace; they are taken over, not copied."""
        super().__init__()
        *front, down, _ = list(encoder)[:-1]
        self.front, self.down = nn.Sequential(*front), down
        channels = next(m for m in down.modules() if isinstance(m, nn.Conv1d)).out_channels
        self.compare = nn.Conv1d(len(_FFTS) * 3 * _BANDS, 64, 1)
        self.agree = nn.Conv1d(64, channels, 4, 2)
        for weights in self.agree.parameters():  # it begins as the detector's own view
            nn.init.zeros_(weights)
        self.mix = nn.Conv1d(channels, width, 5, padding=2)
        self.around = nn.ModuleList(
            nn.Conv1d(width, width, 5, padding=2 * apart, dilation=apart) for apart in _APART
        )
        self.out = nn.Conv1d(width, _CHANNELS, 1)

    def forward(self, samples: torch.Tensor, mark: torch.Tensor) -> torch.Tensor:
        compared = functional.leaky_relu(self.compare(_comparison(samples, mark)), _SLOPE)
        seen = self.down(self.front(samples)) + self.agree(functional.pad(compared, (1, 1)))
        seen = functional.leaky_relu(self.mix(functional.leaky_relu(seen, _SLOPE)), _SLOPE)
        for layer in self.around:
            seen = seen + functional.leaky_relu(layer(seen), _SLOPE)
        logits: torch.Tensor = self.out(seen)
        return logits

    def refine(
        self, core: np.ndarray, found: Sequence[tuple[float, float]], aligned: Callable[[np.ndarray], MarkOf]
    ) -> list[tuple[float, float]]:
        """Intervals of frames of samples (n,) at 16 kHz, their borders moved to where they most likely are.

        aligned takes a marked piece of the clip and returns what gives the mark of any other piece, as embedding made
        it. The ends of the clip stay, and no border passes the middle between its neighbours.
        """
        frames = len(core) / FRAME
        edges = [edge for interval in found for edge in interval]
        inside = [0 < edge < frames - 1 for edge in edges]
        if not any(inside):  # a clip that is marked from end to end needs no aligning
            return list(found)
        mark_of = aligned(_clearest(core, found))
        limits = [0.0, *((a + b) / 2 for a, b in pairwise(edges)), frames]
        moved = [
            self._place(core, edge, index % 2, limits[index : index + 2], mark_of) if inside[index] else edge
            for index, edge in enumerate(edges)
        ]
        return list(zip(moved[::2], moved[1::2], strict=True))

    def _place(
        self, core: np.ndarray, near: float, kind: int, limits: Sequence[float], mark_of: MarkOf
    ) -> float:
        """The median of where the border may be: what leaves the least error on average."""
        middle = round(near)
        first = max(0, middle - _SEEN_FRAMES)
        piece = np.ascontiguousarray(core[first * FRAME : (middle + _SEEN_FRAMES) * FRAME], np.float32)
        piece = piece[: len(piece) // FRAME * FRAME]
        samples, mark = _batch(piece), _batch(mark_of(piece))
        with torch.inference_mode():
            logits = self(samples, mark)[0, kind].numpy().astype(np.float64)
        low = max(first, int(np.ceil(limits[0])), middle - REACH_FRAMES)
        high = min(first + len(logits), int(np.floor(limits[1])) + 1, middle + REACH_FRAMES)
        if high - low < 2:
            return near
        logits = logits[low - first : high - first]
        likely = np.exp(logits - logits.max())
        passed = np.cumsum(likely) / likely.sum()
        at = int(np.searchsorted(passed, 0.5))
        before = passed[at - 1] if at else 0.0
        return low + at + float((0.5 - before) / (passed[at] - before)) - 0.5


def _clearest(core: np.ndarray, found: Sequence[tuple[float, float]]) -> np.ndarray:
    """What to align by: the middle of the longest interval, from a frame on, at most a second."""
    first, last = max(found, key=lambda interval: interval[1] - interval[0])
    start = max(math.ceil(first), math.ceil((first + last - _ALIGNED_FRAMES) / 2))
    return core[start * FRAME : min(math.floor(last), start + _ALIGNED_FRAMES) * FRAME]


def shift_of(piece: np.ndarray, mark_of: MarkOf, period: int) -> int:
    """How many samples before `piece`, marked and cut anywhere, the generator's frames began when it was marked.

    The generator counts its waves from the first sample that it is given, so a shift turns each bin of the mark, the
    more the higher it is. The strong bins tell it but for multiples of `period`, the generator's last stride; which of
    these it is, is tried. Half a wave also answers a clip whose polarity was turned.
    """
    heard, expected = (_spectrum(_batch(part), max(_FFTS))[0] for part in (piece, mark_of(piece)))
    quotient = heard * expected.conj() / (heard.abs().square() + _LEAST_POWER)
    bounded = quotient / (quotient.abs() / _AGREEMENT).clamp_min(1)
    turned = (bounded.sum(-1) * expected.abs().square().sum(-1)).numpy()
    cycles = (_LOWEST_HZ / SAMPLE_RATE_HZ + np.arange(len(turned)) / max(_FFTS)) * np.arange(period)[:, None]
    first = int(np.argmax((turned * np.exp(-2j * np.pi * cycles)).real.sum(1)))

    def agreement(by: int) -> float:
        mark = mark_of(np.pad(piece, (by, 0)))[by:]
        return float(_comparison(_batch(piece), _batch(mark))[:, :_BANDS].mean())

    return max(range(first, FRAME, period), key=agreement)


def _batch(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None, None]


def _comparison(samples: torch.Tensor, mark: torch.Tensor) -> torch.Tensor:
    """How far each band and 10 ms agrees with the mark it would carry: (b, 1, n) twice -> (b, 72, n / 160).

    Per cell of the spectrum, the part of the sound that is the mark if the mark is there; bounded, because where the
    sound is weaker than its mark could be, as in pauses, the quotient says nothing. With it the size of the mark
    against the sound, which says how much agreement would mean, and the level of the sound.
    """
    compared = []
    for size in _FFTS:
        heard, expected = (_spectrum(part, size) for part in (samples, mark))
        power = heard.abs().square() + _LEAST_POWER
        agreement = ((heard * expected.conj()).real / power).clamp(-_AGREEMENT, _AGREEMENT)
        ratio = (expected.abs().square() / power).clamp(max=_AGREEMENT**2).sqrt()
        level = torch.log10(power) / 4
        compared += [cells.unflatten(1, (_BANDS, -1)).mean(2) for cells in (4 * agreement, 4 * ratio, level)]
    return torch.cat(compared, 1)


def _spectrum(samples: torch.Tensor, size: int) -> torch.Tensor:
    """(b, 1, n) -> complex (b, bins of the bands, n / 160)."""
    spectrum = torch.stft(
        samples[:, 0],
        size,
        _HOP,
        window=torch.hann_window(size, device=samples.device),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    first, each = (hz * size // SAMPLE_RATE_HZ for hz in (_LOWEST_HZ, _BAND_HZ))
    return spectrum[:, first : first + each * _BANDS, : samples.shape[-1] // _HOP]
