"""How extreme the manner of speaking is: a warning for style clips, never a refusal.

Crying, shouting and trembling make poor references: the engines copy the tremble and lose the words.
Measured on the pitch track: how often it jumps, how far it ranges, and how little of the speech has a pitch
at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import limits
from .report import Gate

_FRAME_S, _HOP_S = 0.04, 0.01
_MIN_F0_HZ, _MAX_F0_HZ = 60.0, 450.0


@dataclass(frozen=True)
class Manner:
    """``range_st``: 5th to 95th percentile of the pitch. ``jumps_per_s``: pitch steps of over 3 semitones in
    10 ms, per voiced second. ``tremble``: evenness of the level's movement at 3.5 to 9 Hz, 0 to 1. ``voiced``: share
    of the active frames that have a pitch."""

    range_st: float
    jumps_per_s: float
    tremble: float
    voiced: float


def pitch_hz(samples: np.ndarray) -> np.ndarray:
    """F0 every 10 ms of 16 kHz mono by normalised autocorrelation, 0 where unvoiced: float64 (frames,)."""
    frame, hop = int(_FRAME_S * limits.RATE_HZ), int(_HOP_S * limits.RATE_HZ)
    if len(samples) < frame:
        return np.zeros(0)
    window = np.hanning(frame)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), frame)[::hop] * window
    size = 2 * frame

    def autocorrelation(x: np.ndarray) -> np.ndarray:
        return np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2)[..., :frame]

    shape = autocorrelation(window)
    correlation = autocorrelation(frames) / np.maximum(shape / shape[0], 1e-3)
    power = correlation[:, :1].copy()
    correlation = correlation / np.maximum(power, 1e-12)
    low, high = int(limits.RATE_HZ / _MAX_F0_HZ), int(limits.RATE_HZ / _MIN_F0_HZ)
    lags = correlation[:, low:high]
    # The first lag that is nearly as good as the best: the best alone is often an octave too low.
    best = lags.max(axis=1)
    lag = low + np.argmax(lags >= 0.92 * best[:, None], axis=1)
    voiced = (best > 0.6) & (power[:, 0] > power.max() * 1e-3)
    return np.where(voiced, limits.RATE_HZ / lag, 0.0)


def measure(samples: np.ndarray) -> Manner:
    """Of mono float32 ``samples`` at 16 kHz."""
    f0 = pitch_hz(samples)
    voiced = f0 > 0
    if voiced.sum() < 20:
        return Manner(0.0, 0.0, 0.0, 0.0)
    semitones = 12 * np.log2(np.where(voiced, f0, 1.0))
    steps = np.abs(np.diff(semitones))[voiced[1:] & voiced[:-1]]
    low, high = np.percentile(semitones[voiced], (5, 95))
    hop = int(_HOP_S * limits.RATE_HZ)
    level = np.array(
        [np.mean(np.square(part)) for part in np.array_split(samples, max(1, len(samples) // hop))]
    )
    active = level > level.max() * 1e-3
    return Manner(
        range_st=float(high - low),
        jumps_per_s=float((steps > 3).sum() / (voiced.sum() * _HOP_S)),
        tremble=_tremble_share(level),
        voiced=float(voiced.sum() / max(1, active.sum())),
    )


def _tremble_share(level: np.ndarray) -> float:
    """How much of the level's movement between 3.5 and 9 Hz lies in one line.

    Syllables come at this rate too, but never so evenly.
    """
    decibels = np.log(np.maximum(level, level.max() * 1e-3))
    movement = decibels - np.convolve(decibels, np.ones(50) / 50, "same")
    spectrum = np.abs(np.fft.rfft(movement * np.hanning(len(movement)))) ** 2
    rate_hz = np.fft.rfftfreq(len(movement), _HOP_S)
    band = spectrum[(rate_hz >= 3.5) & (rate_hz <= 9)]
    if len(band) < 10 or band.sum() <= 0:
        return 0.0
    line = int(band.argmax())
    return float(band[max(0, line - 1) : line + 2].sum() / band.sum())


def expression_gate(samples: np.ndarray) -> Gate:
    """Passes always; warns with `extreme_expression` when the manner is unlike steady speech."""
    manner = measure(samples)
    measured = {
        "range_st": round(manner.range_st, 1),
        "jumps_per_s": round(manner.jumps_per_s, 1),
        "tremble": round(manner.tremble, 2),
        "voiced": round(manner.voiced, 2),
    }
    limit = {
        "range_st": limits.EXTREME_RANGE_ST,
        "jumps_per_s": limits.EXTREME_JUMPS_PER_S,
        "tremble": limits.EXTREME_TREMBLE_SHARE,
        "voiced": limits.EXTREME_VOICED_SHARE,
    }
    extreme = (
        manner.range_st > limits.EXTREME_RANGE_ST
        or manner.jumps_per_s > limits.EXTREME_JUMPS_PER_S
        or manner.tremble > limits.EXTREME_TREMBLE_SHARE
        or manner.voiced < limits.EXTREME_VOICED_SHARE
    )
    if extreme:
        message = "A very strong expression. A moderate one usually gives clearer speech in this style."
        return Gate("expression", "pass", measured, limit, "", "extreme_expression", message)
    return Gate("expression", "pass", measured, limit)
