"""Mel cepstra of log power envelopes, and the frequency warp that stands for another vocal-tract length."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from scipy import fft

from synth.audio.vocoder import BINS, LOG_FLOOR, RATE_HZ

Floats = npt.NDArray[np.float64]

ORDER = 32
_MEL_POINTS = 128
_CONTEXT_FRAMES = 8


def _mel(hz: Floats) -> Floats:
    return np.asarray(1127.0 * np.log1p(hz / 700.0))


@functools.cache
def _matrices() -> tuple[Floats, Floats]:
    """(BINS, ORDER) from log power to cepstra and (ORDER, BINS) back; both linear, so differences add."""
    hz = np.linspace(0, RATE_HZ / 2, BINS)
    grid = np.linspace(0, _mel(np.array([RATE_HZ / 2]))[0], _MEL_POINTS)
    grid_hz = 700.0 * np.expm1(grid / 1127.0)
    to_mel = np.stack([np.interp(grid_hz, hz, row) for row in np.eye(BINS)])
    to_hz = np.stack([np.interp(hz, grid_hz, row) for row in np.eye(_MEL_POINTS)])
    dct = fft.dct(np.eye(_MEL_POINTS), norm="ortho", axis=1)[:, :ORDER]
    return to_mel @ dct, dct.T @ to_hz


def encode(log_power: Floats) -> Floats:
    """Mel cepstra (T, ORDER) of natural-log power (T, BINS)."""
    return np.asarray(log_power @ _matrices()[0])


def decode(cepstra: Floats) -> Floats:
    """Smooth natural-log power (T, BINS) of mel cepstra (T, ORDER)."""
    return np.asarray(cepstra @ _matrices()[1])


def in_context(coded: Floats) -> Floats:
    """(T, 3 * ORDER): each row of ``coded`` (T, ORDER), then the ones 40 ms before and after it."""
    reach = _CONTEXT_FRAMES
    padded = np.pad(coded, ((reach, reach), (0, 0)), mode="edge")
    return np.concatenate([coded, padded[: len(coded)], padded[2 * reach :]], axis=1)


def warp(log_power: Floats, factor: float) -> Floats:
    """Move formants up by ``factor`` (> 1) or down (< 1) along a linear frequency axis."""
    position = np.clip(np.arange(BINS) / factor, 0, BINS - 1)
    left = np.minimum(position.astype(int), BINS - 2)
    weight = position - left
    return np.asarray(log_power[:, left] * (1 - weight) + log_power[:, left + 1] * weight)


def fill_above(log_power: Floats, bandwidth_hz: float) -> Floats:
    """Continue the envelope above the recording's own band, falling by 6 dB per kHz.

    A cliff there would ring through the cepstra of the whole spectrum.
    """
    top = int(bandwidth_hz * 0.94 / (RATE_HZ / 2) * (BINS - 1))
    if top >= BINS - 1:
        return log_power
    out = log_power.copy()
    last = log_power[:, max(0, top - 12) : top].mean(axis=1, keepdims=True)
    fall_per_bin = 6 / 4.343 * (RATE_HZ / 2 / (BINS - 1)) / 1000
    out[:, top:] = last - fall_per_bin * np.arange(BINS - top)
    return np.maximum(out, LOG_FLOOR)
