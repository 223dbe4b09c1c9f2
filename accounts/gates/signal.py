"""The cheap gates: length, level, clipping, signal to noise. numpy only.

Functions take mono float32 samples with their rate and return a `Gate`.
"""

from __future__ import annotations

import numpy as np

from . import limits
from .report import Gate

_FLOOR = 1e-12


def to_mono_16k(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Float32 mono at `limits.RATE_HZ` from samples of shape (n,) or (channels, n).

    ValueError when they are of another shape or not finite.
    """
    import soxr

    mono = np.asarray(samples, dtype=np.float32)
    if mono.ndim == 2:
        mono = mono.mean(axis=0)
    if mono.ndim != 1:
        raise ValueError(f"samples of shape {mono.shape}")
    if not np.isfinite(mono).all():
        raise ValueError("samples that are not finite")
    if sample_rate_hz != limits.RATE_HZ:
        mono = soxr.resample(mono, sample_rate_hz, limits.RATE_HZ)
    return np.ascontiguousarray(mono, dtype=np.float32)


def length_gate(duration_s: float, minimum_s: float, maximum_s: float) -> Gate:
    """Between ``minimum_s`` and ``maximum_s``."""
    measured, bounds = round(duration_s, 2), [minimum_s, maximum_s]
    if duration_s < minimum_s:
        message = f"Too short: {measured} s, at least {minimum_s:g} s is needed."
        return Gate("length", "fail", measured, bounds, "s", "too_short", message)
    if duration_s > maximum_s:
        message = f"Too long: {measured} s, at most {maximum_s:g} s is allowed."
        return Gate("length", "fail", measured, bounds, "s", "too_long", message)
    return Gate("length", "pass", measured, bounds, "s")


def rate_gate(sample_rate_hz: int) -> Gate:
    """Below 8 kHz the recogniser and the embedding have too little to hear."""
    if sample_rate_hz < limits.MIN_RATE_HZ:
        message = f"Sample rate {sample_rate_hz} Hz; at least {limits.MIN_RATE_HZ} Hz is needed."
        return Gate("rate", "fail", sample_rate_hz, limits.MIN_RATE_HZ, "Hz", "sample_rate_too_low", message)
    return Gate("rate", "pass", sample_rate_hz, limits.MIN_RATE_HZ, "Hz")


def level_gate(samples: np.ndarray) -> Gate:
    """Loud enough to be measured at all."""
    peak_dbfs = round(float(20 * np.log10(max(float(np.abs(samples).max(initial=0.0)), 1e-6))), 1)
    if peak_dbfs < limits.QUIET_PEAK_DBFS:
        message = f"Too quiet: the loudest sample is at {peak_dbfs} dBFS. Speak closer to the microphone."
        return Gate("level", "fail", peak_dbfs, limits.QUIET_PEAK_DBFS, "dBFS", "too_quiet", message)
    return Gate("level", "pass", peak_dbfs, limits.QUIET_PEAK_DBFS, "dBFS")


def clipped_share(samples: np.ndarray) -> float:
    """Share of samples that lie in flat runs of three or more at the recording's own peak.

    The own peak, not full scale, so that turning a clipped recording down does not hide it.
    """
    magnitude = np.abs(samples)
    peak = float(magnitude.max(initial=0.0))
    if peak <= 0:
        return 0.0
    flat = np.concatenate(([0], (magnitude >= 0.999 * peak).astype(np.int8), [0]))
    edges = np.diff(flat)
    runs = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return float(runs[runs >= limits.CLIPPED_RUN_SAMPLES].sum() / len(samples))


def clipping_gate(samples: np.ndarray) -> Gate:
    """Measured on the recording as it came: resampling would round the flat tops."""
    percent = round(100 * clipped_share(samples), 3)
    limit = 100 * limits.MAX_CLIPPED_SHARE
    if percent >= limit:
        message = f"Clipped: {percent} % of the samples are flat at the top. Lower the input level."
        return Gate("clipping", "fail", percent, limit, "%", "clipped", message)
    return Gate("clipping", "pass", percent, limit, "%")


def snr_db(samples: np.ndarray, sample_rate_hz: int) -> float:
    """Signal to noise from frame energies: mean of the louder half against the quietest tenth, 60 dB at most.

    Needs a quarter of a second of pause somewhere, which every spoken statement has.
    """
    frame, hop = sample_rate_hz // 50, sample_rate_hz // 100
    if len(samples) < 4 * frame:
        return 0.0
    x = samples.astype(np.float64)
    energies = (np.lib.stride_tricks.sliding_window_view(x, frame)[::hop] ** 2).mean(axis=1)
    noise = float(np.percentile(energies, 10))
    loud = float(energies[energies >= np.median(energies)].mean())
    return float(min(10 * np.log10(max(loud - noise, _FLOOR) / max(noise, _FLOOR)), 60.0))


def snr_gate(samples: np.ndarray, sample_rate_hz: int) -> Gate:
    """20 dB passes, 15 to 20 dB is for a reviewer, less is refused: the speaker match needs quiet."""
    measured = round(snr_db(samples, sample_rate_hz), 1)
    limit = limits.SNR_PASS_DB
    if measured < limits.SNR_FAIL_DB:
        message = f"Too noisy: {measured} dB, {limit:g} dB is needed. Record in a quieter room."
        return Gate("snr", "fail", measured, limit, "dB", "too_noisy", message)
    if measured < limit:
        return Gate(
            "snr", "review", measured, limit, "dB", "noisy", f"Noisy: {measured} dB, {limit:g} dB is good."
        )
    return Gate("snr", "pass", measured, limit, "dB")
