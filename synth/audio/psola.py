"""Pitch and timing of speech changed on the sound itself: pitch-synchronous overlap-add (TD-PSOLA).

Grains of two periods are cut at the glottal rhythm and laid down at another one, so that the envelope (formants,
breath, noise) stays as it was. Unvoiced sound is laid down as it is. Source: Moulines and Charpentier 1990.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.f0 import HOP_S
from synth.audio.prosody import runs

Floats = npt.NDArray[np.float64]

_UNVOICED_S = 0.005  # half a grain where there is no period
_SEARCH = 0.2  # of a period: how far from the expected place the next mark is looked for


def respeak(
    samples: npt.NDArray[Any],
    sample_rate_hz: int,
    f0_hz: Floats,
    wanted_f0_hz: Floats,
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Mono ``samples`` with F0 ``wanted_f0_hz`` in place of ``f0_hz`` (Hz per frame, 0 unvoiced), its frames in the
    order of ``rows`` (-1: silence). Returns float32, len(rows) * HOP_S seconds long."""
    x = np.asarray(samples, dtype=np.float64)
    hop = HOP_S * sample_rate_hz
    marks, periods = _marks(x, sample_rate_hz, f0_hz)
    length = round(len(rows) * hop)
    pad = sample_rate_hz // 20
    out, weight = np.zeros(length + 2 * pad), np.zeros(length + 2 * pad)
    source = np.pad(x, pad)
    unvoiced = round(_UNVOICED_S * sample_rate_hz)
    at, goes_on = 0.0, False
    while at < length:
        frame = int(at / hop)
        row = int(rows[frame])
        if row < 0:
            at, goes_on = at + unvoiced, False
            continue
        centre = row * hop + (at - frame * hop)
        step, half, begin = float(unvoiced), unvoiced, round(centre)
        if f0_hz[row] <= 0:
            goes_on = False
        elif len(marks):
            near = int(np.searchsorted(marks, centre))
            near = min(
                (n for n in (near - 1, near) if 0 <= n < len(marks)), key=lambda n: abs(marks[n] - centre)
            )
            if abs(marks[near] - centre) < 1.5 * periods[near]:
                begin, half = int(marks[near]), round(periods[near])
                if not goes_on and abs(begin - centre) < half:
                    at += begin - centre  # a voice begins where it began
                goes_on = True
                wanted = wanted_f0_hz[row]
                step = periods[near] * f0_hz[row] / wanted if wanted > 0 else float(half)
        if begin >= len(x):
            break
        grain = slice(begin - half + pad, begin + half + pad)
        place = slice(round(at) - half + pad, round(at) + half + pad)
        window = np.hanning(2 * half + 1)[:-1]
        piece = source[grain]
        if len(piece) == len(window) and place.stop <= len(out):
            out[place] += piece * window
            weight[place] += window
        at += step
    return np.asarray((out / np.maximum(weight, 0.5))[pad : pad + length], dtype=np.float32)


def _marks(x: Floats, sample_rate_hz: int, f0_hz: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Sample numbers one period apart inside voiced stretches, and how far it is to the next in samples."""
    marks: list[int] = []
    periods: list[int] = []
    hop = HOP_S * sample_rate_hz
    for first, last in runs(f0_hz > 0):
        begin, end = int(first * hop), min(len(x), int(last * hop))
        period = sample_rate_hz / f0_hz[first]
        head = x[begin : min(end, begin + round(1.2 * period))]
        if not len(head):
            continue
        mark = begin + int(np.argmax(np.abs(head)))
        while mark < end:
            period = sample_rate_hz / f0_hz[min(last - 1, max(first, int(mark / hop)))]
            following = _next(x, mark, period)
            marks.append(mark)
            periods.append(following - mark)
            mark = following
    order = np.argsort(marks)
    return np.asarray(marks, dtype=np.int64)[order], np.asarray(periods, dtype=np.float64)[order]


def _next(x: Floats, mark: int, period: float) -> int:
    """About a period on, where the sound is most like itself at ``mark``."""
    half, reach = max(4, round(period / 2)), max(1, round(_SEARCH * period))
    expected = mark + round(period)
    if mark - half < 0 or expected + reach + half > len(x):
        return expected
    pattern = x[mark - half : mark + half]
    stretch = x[expected - reach - half : expected + reach + half]
    products = np.correlate(stretch, pattern, mode="valid")
    energy = np.convolve(stretch**2, np.ones(2 * half), mode="valid")
    likeness = products / np.sqrt(np.maximum(energy, 1e-12))
    likeness *= 1 - 0.1 * np.abs(np.arange(-reach, reach + 1)) / reach
    return expected - reach + int(np.argmax(likeness))
