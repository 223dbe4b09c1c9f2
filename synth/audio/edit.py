"""Edits of a recording by analysis and synthesis: pitch, pitch range, tempo, breath, pauses, level."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.f0 import HOP_S
from synth.audio.loudness import to_active_level
from synth.audio.vocoder import BANDS, BINS, LOG_FLOOR, RATE_HZ, Frames, analyse, synthesise

Floats = npt.NDArray[np.float64]

#: F0 is never moved out of these.
F0_LIMITS_HZ = (50.0, 600.0)


def edit(
    samples: npt.NDArray[Any],
    sample_rate_hz: int,
    *,
    f0_ratio: float = 1.0,
    range_ratio: float = 1.0,
    tempo: float = 1.0,
    breath: float = 0.0,
    pauses_s: tuple[float, ...] = (),
    level_db: float | None = None,
    seed: int = 0,
) -> tuple[npt.NDArray[np.float32], int]:
    """Change how mono samples were said; returns (float32 samples, sample rate of the vocoder).

    ``f0_ratio`` scales the pitch, ``range_ratio`` its excursions around the median (in log), ``tempo`` the
    pace; ``breath`` in [0, 1] moves every band that far towards noise; each of ``pauses_s`` is put at a quiet
    spot near an even division of the time; ``level_db`` sets the level of active speech.
    """
    frames = analyse(samples, sample_rate_hz)
    frames = frames.with_f0(scale_f0(frames.f0_hz, f0_ratio, range_ratio))
    noisier = np.clip(frames.aperiodicity + breath * (1 - frames.aperiodicity), 0, 1)
    frames = Frames(frames.f0_hz, frames.log_power, noisier)
    frames = frames.take(stretched_rows(len(frames), tempo))
    level = frames.level_db
    at = np.linspace(0, len(frames), len(pauses_s) + 2)[1:-1]
    spots = [(quiet_spot(level, int(p), 0.4), seconds) for p, seconds in zip(at, pauses_s, strict=True)]
    y = synthesise(with_pauses(frames, spots), seed=seed)
    return (y if level_db is None else to_active_level(y, RATE_HZ, level_db)), RATE_HZ


def scale_f0(f0_hz: Floats, ratio: float, range_ratio: float) -> Floats:
    """Scale voiced F0 around its median, in log; unvoiced frames stay 0."""
    voiced = f0_hz > 0
    out = np.zeros_like(f0_hz)
    if voiced.any():
        logs = np.log(f0_hz[voiced])
        middle = np.median(logs)
        scaled = np.exp(middle + np.log(ratio) + (logs - middle) * range_ratio)
        out[voiced] = np.clip(scaled, *F0_LIMITS_HZ)
    return out


def stretched_rows(count: int, tempo: float) -> npt.NDArray[np.int64]:
    """Frame numbers to take so that ``count`` frames last ``count / tempo``."""
    rows = np.round(np.arange(0, count, tempo)).astype(np.int64)
    return np.minimum(rows, count - 1)


def quiet_spot(level_db: Floats, near: int, within_s: float) -> int:
    """The quietest frame (smoothed) at most ``within_s`` from frame ``near``."""
    reach = int(within_s / HOP_S)
    low, high = max(0, near - reach), min(len(level_db), near + reach + 1)
    smooth = np.convolve(np.pad(level_db[low:high], 4, mode="edge"), np.ones(9) / 9, "valid")
    return low + int(smooth.argmin())


def with_pauses(frames: Frames, spots: list[tuple[int, float]]) -> Frames:
    """Insert silence: each (frame number, seconds)."""
    f0, power, noise = [], [], []
    last = 0
    for at, seconds in sorted(spots):
        count = round(seconds / HOP_S)
        f0 += [frames.f0_hz[last:at], np.zeros(count)]
        power += [frames.log_power[last:at], np.full((count, BINS), LOG_FLOOR)]
        noise += [frames.aperiodicity[last:at], np.ones((count, BANDS))]
        last = at
    return Frames(
        np.concatenate([*f0, frames.f0_hz[last:]]),
        np.concatenate([*power, frames.log_power[last:]]),
        np.concatenate([*noise, frames.aperiodicity[last:]]),
    )
