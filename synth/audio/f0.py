"""Fundamental frequency: normalised autocorrelation candidates, smoothed by a best path.

The method is that of P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound" (1993), written anew: each frame's windowed autocorrelation
is divided by the window's own, peaks are candidates, and a Viterbi path weighs their height against
jumps and voicing changes. A second pass narrows the search around the median of the first, which fits
the window to the voice and removes most octave errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.resample import resample

Floats = npt.NDArray[np.float64]

#: Distance between frames in seconds, shared by every per-frame array of this package.
HOP_S = 0.005
FLOOR_HZ = 55.0
CEILING_HZ = 520.0

_ANALYSIS_HZ = 12_000
_CANDIDATES = 5
_CHUNK = 1024
_VOICING_THRESHOLD = 0.45
_SILENCE_THRESHOLD = 0.03
_OCTAVE_COST = 0.02
_JUMP_COST = 0.35 * 0.01 / HOP_S
_VOICING_COST = 0.14 * 0.01 / HOP_S


def frame_count(length: int, sample_rate_hz: int) -> int:
    """Frames of a signal of ``length`` samples; frame i is centred at ``i * HOP_S`` seconds."""
    return int(length / sample_rate_hz / HOP_S) + 1


def track_f0(
    samples: npt.NDArray[Any],
    sample_rate_hz: int,
    *,
    floor_hz: float = FLOOR_HZ,
    ceiling_hz: float = CEILING_HZ,
) -> Floats:
    """F0 in Hz per frame, shape (frame_count,), 0 where the frame is not voiced. Mono samples (n,)."""
    count = frame_count(len(samples), sample_rate_hz)
    x = np.asarray(resample(samples, sample_rate_hz, _ANALYSIS_HZ), dtype=np.float64)
    if len(x) < 2 or not np.abs(x).max():
        return np.zeros(count)
    first = _one_pass(x, (count + 1) // 2, 2 * HOP_S, floor_hz, ceiling_hz)
    voiced = first[first > 0]
    if len(voiced) < 5:
        return _one_pass(x, count, HOP_S, floor_hz, ceiling_hz)
    middle = float(np.median(voiced))
    return _one_pass(x, count, HOP_S, max(floor_hz, middle / 2.4), min(ceiling_hz, middle * 2.6))


def _one_pass(x: Floats, count: int, hop_s: float, floor_hz: float, ceiling_hz: float) -> Floats:
    half = int(1.5 * _ANALYSIS_HZ / floor_hz)
    window = np.hanning(2 * half + 1)
    lags = np.arange(int(_ANALYSIS_HZ / ceiling_hz), min(int(_ANALYSIS_HZ / floor_hz) + 2, 2 * half))
    fft_size = 1 << int(2 * half + lags[-1] + 3).bit_length()  # long enough that no used lag wraps around
    own = np.fft.irfft(np.abs(np.fft.rfft(window, fft_size)) ** 2)
    own = own / own[0]
    padded = np.pad(x, (half, half + _ANALYSIS_HZ))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    centres = np.round(np.arange(count) * hop_s * _ANALYSIS_HZ).astype(int)
    loudest = np.abs(x).max()
    frequency = np.zeros((count, _CANDIDATES))
    strength = np.full((count, _CANDIDATES), -np.inf)
    unvoiced = np.zeros(count)
    for start in range(0, count, _CHUNK):
        rows = slice(start, min(start + _CHUNK, count))
        block = frames[np.minimum(centres[rows], len(frames) - 1)]
        block = block - block.mean(axis=1, keepdims=True)
        peak = np.abs(block).max(axis=1)
        spectrum = np.fft.rfft(block * window, fft_size)
        auto = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:, : lags[-1] + 2]
        auto /= np.maximum(auto[:, :1], 1e-20)
        auto /= own[: lags[-1] + 2]
        frequency[rows], strength[rows] = _peaks(auto, lags, floor_hz)
        quiet = peak / loudest * (1 + _VOICING_THRESHOLD) / _SILENCE_THRESHOLD
        unvoiced[rows] = _VOICING_THRESHOLD + np.maximum(0, 2 - quiet)
    return _best_path(frequency, strength, unvoiced)


def _peaks(auto: Floats, lags: npt.NDArray[Any], floor_hz: float) -> tuple[Floats, Floats]:
    """The highest local maxima of each row over ``lags``: frequency (rows, K) and weighed height."""
    left, here, right = auto[:, lags - 1], auto[:, lags], auto[:, lags + 1]
    is_peak = (here >= left) & (here > right) & (here > 0.25)
    score = np.where(is_peak, here, -np.inf)
    best = np.argpartition(-score, _CANDIDATES, axis=1)[:, :_CANDIDATES]
    pick = np.arange(len(auto))[:, None], best
    low, top, high = left[pick], here[pick], right[pick]
    curve = 2 * top - low - high
    shift = np.where(curve > 1e-9, 0.5 * (high - low) / np.maximum(curve, 1e-9), 0.0)
    frequency = _ANALYSIS_HZ / (lags[best] + np.clip(shift, -0.5, 0.5))
    height = np.minimum(top + 0.25 * (high - low) * shift, 1.0)
    height = height + _OCTAVE_COST * np.log2(frequency / floor_hz)
    strength = np.where(np.isfinite(score[pick]), height, -np.inf)
    return frequency, strength


def _best_path(frequency: Floats, strength: Floats, unvoiced: Floats) -> Floats:
    """Viterbi over K voiced candidates and one unvoiced state per frame; returns F0 with zeros."""
    count, k = frequency.shape
    gain = np.concatenate([strength, unvoiced[:, None]], axis=1)
    octave = np.log2(np.maximum(frequency, 1.0))
    score = gain[0].copy()
    back = np.zeros((count, k + 1), dtype=np.int8)
    step = np.zeros((k + 1, k + 1))  # cost from row (previous) to column (now)
    step[:k, k] = step[k, :k] = _VOICING_COST
    for i in range(1, count):
        step[:k, :k] = _JUMP_COST * np.abs(octave[i - 1][:, None] - octave[i][None, :])
        total = score[:, None] - step
        back[i] = total.argmax(axis=0)
        score = total[back[i], np.arange(k + 1)] + gain[i]
    out = np.zeros(count)
    state = int(score.argmax())
    for i in range(count - 1, -1, -1):
        if state < k:
            out[i] = frequency[i, state]
        state = int(back[i, state])
    return out
