"""A source-filter vocoder in numpy, in the manner of WORLD (Morise et al., 2016).

Analysis: F0 (:mod:`synth.audio.f0`), a spectral envelope from F0-adaptive windows whose power spectrum is
smoothed over two thirds of F0 and liftered (CheapTrick), and band aperiodicity from how alike two
neighbouring periods are in each band. Synthesis: minimum-phase pulses and noise, overlap-added.
Written from the published descriptions; no code of WORLD is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.f0 import HOP_S, track_f0
from synth.audio.resample import resample

Floats = npt.NDArray[np.float64]

#: The vocoder works at this rate only; other rates are converted first.
RATE_HZ = 24_000
FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
#: Edges of the aperiodicity bands in Hz.
BAND_EDGES_HZ = (0.0, 1000.0, 2000.0, 4000.0, 6000.0, 8000.0, 12_000.0)
BANDS = len(BAND_EDGES_HZ) - 1
#: Natural-log power below which the envelope is not followed (about -110 dB).
LOG_FLOOR = -25.3
#: Pulses of our own making are measured as noisier than they were asked to be; this takes it back.
_NOISE_EXPONENT = 1.5
_UNVOICED_HZ = 200.0
_CHUNK = 512
_HOP = round(RATE_HZ * HOP_S)


@dataclass(frozen=True, eq=False)
class Frames:
    """Vocoder parameters, one row per 5 ms.

    ``f0_hz`` (T,), 0 for unvoiced; ``log_power`` (T, BINS), natural log of the power density;
    ``aperiodicity`` (T, BANDS), the share of noise in [0, 1].
    """

    f0_hz: Floats
    log_power: Floats
    aperiodicity: Floats

    def __len__(self) -> int:
        return len(self.f0_hz)

    @property
    def voiced(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.f0_hz > 0)

    @property
    def level_db(self) -> Floats:
        """Level of each frame in dB (mean power over the bins)."""
        return np.asarray(10 * np.log10(np.exp(self.log_power).mean(axis=1) + 1e-12))

    def take(self, rows: npt.NDArray[Any]) -> Frames:
        """The given rows, in order; this is how time is stretched and cut."""
        return Frames(self.f0_hz[rows], self.log_power[rows], self.aperiodicity[rows])

    def with_f0(self, f0_hz: Floats) -> Frames:
        return replace(self, f0_hz=f0_hz)


def analyse(samples: npt.NDArray[Any], sample_rate_hz: int) -> Frames:
    """Vocoder parameters of mono samples (n,) at any rate. A band that the recording lacks stays empty."""
    x = np.asarray(resample(samples, sample_rate_hz, RATE_HZ), dtype=np.float64)
    f0 = track_f0(x, RATE_HZ)
    return Frames(f0, spectral_envelope(x, f0), band_aperiodicity(x, f0))


def spectral_envelope(x: Floats, f0_hz: Floats) -> Floats:
    """Natural-log power envelope (T, BINS) of ``x`` at RATE_HZ, free of the harmonics of ``f0_hz``."""
    used = np.where(f0_hz > 0, f0_hz, 300.0)
    widest = round(1.5 * RATE_HZ / 71.0)
    offsets = np.arange(-widest, widest + 1)
    padded = np.pad(x, (widest, widest + 2 * FFT_SIZE))
    view = np.lib.stride_tricks.sliding_window_view(padded, len(offsets))
    quefrency = np.minimum(np.arange(FFT_SIZE), FFT_SIZE - np.arange(FFT_SIZE)) / RATE_HZ
    out = np.empty((len(f0_hz), BINS))
    for start in range(0, len(f0_hz), _CHUNK):
        f0 = used[start : start + _CHUNK, None]
        half = np.minimum(np.round(1.5 * RATE_HZ / np.maximum(f0, 71.0)), min(widest, FFT_SIZE // 2 - 1))
        window = np.where(np.abs(offsets) <= half, 0.5 + 0.5 * np.cos(np.pi * offsets / (half + 0.5)), 0.0)
        rows = np.minimum(np.arange(start, start + len(f0)) * _HOP, len(view) - 1)
        block = view[rows] * window
        block -= window * (block.sum(axis=1, keepdims=True) / window.sum(axis=1, keepdims=True))
        block /= np.sqrt((window**2).sum(axis=1, keepdims=True))
        spectrum = np.fft.rfft(_folded(block, widest), FFT_SIZE)
        power = spectrum.real**2 + spectrum.imag**2 + 1e-11
        log_power = np.log(_smoothed(power, f0 * (2 / 3)))
        lifter = np.sinc(f0 * quefrency) * (1.18 - 0.18 * np.cos(2 * np.pi * f0 * quefrency))
        cepstrum = np.fft.irfft(log_power, FFT_SIZE) * lifter
        out[start : start + len(f0)] = np.fft.rfft(cepstrum).real
    return np.maximum(out, LOG_FLOOR)


def _folded(block: Floats, widest: int) -> Floats:
    """Drop the columns beyond FFT_SIZE around the centre (windows never reach them)."""
    spare = max(0, block.shape[1] - FFT_SIZE + 1) // 2 + 1
    return block[:, spare:-spare] if block.shape[1] > FFT_SIZE else block


def _smoothed(power: Floats, width_hz: Floats) -> Floats:
    """Moving average of each row over ``width_hz`` (rows, 1), edges mirrored, fractional widths."""
    bin_hz = RATE_HZ / FFT_SIZE
    pad = int(np.ceil(width_hz.max() / bin_hz / 2)) + 2
    mirrored = np.pad(power, ((0, 0), (pad, pad)), mode="reflect")
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(mirrored, axis=1)], axis=1)
    half = width_hz / bin_hz / 2
    centre = np.arange(BINS)[None, :] + pad + 0.5
    high, low = _at(total, centre + half), _at(total, centre - half)
    return np.maximum((high - low) / (2 * half), 1e-12)


def _at(rows: Floats, position: Floats) -> Floats:
    """Linear interpolation of each row at fractional column positions of its own."""
    left = np.floor(position).astype(int)
    weight = position - left
    line = np.arange(len(rows))[:, None]
    return np.asarray(rows[line, left] * (1 - weight) + rows[line, left + 1] * weight)


def band_aperiodicity(x: Floats, f0_hz: Floats) -> Floats:
    """Share of noise per frame and band (T, BANDS), 1 for unvoiced frames.

    In each band the analytic signal of one and a half periods before a frame is correlated with that after
    it; the magnitude of the correlation does not mind small errors of F0. What chance alone would give in
    a band of that width is taken off.
    """
    out = np.ones((len(f0_hz), BANDS))
    voiced = np.flatnonzero(f0_hz > 0)
    if not len(voiced):
        return out
    size = len(x) + RATE_HZ // 10
    spectrum = np.fft.fft(x, size)
    frequency = np.fft.fftfreq(size, 1 / RATE_HZ)
    margin = int(2.5 * RATE_HZ / 55)
    period = RATE_HZ / f0_hz[voiced]
    for band, (low, high) in enumerate(pairwise(BAND_EDGES_HZ)):
        analytic = np.fft.ifft(np.where((frequency >= low) & (frequency < high), spectrum, 0))[: len(x)]
        padded = np.pad(analytic, (margin, 2 * margin)).astype(np.complex64)
        for start in range(0, len(voiced), _CHUNK):
            rows = voiced[start : start + _CHUNK]
            lag = np.round(period[start : start + _CHUNK]).astype(int)[:, None]
            span = (1.5 * period[start : start + _CHUNK]).astype(int)[:, None]
            offset = np.arange(int(span.max()))[None, :]
            first = rows[:, None] * _HOP + margin - (lag + span) // 2 + offset
            inside = offset < span
            a = np.where(inside, padded[np.minimum(first, len(padded) - 1)], 0)
            b = np.where(inside, padded[np.minimum(first + lag, len(padded) - 1)], 0)
            cross = np.abs((a * b.conj()).sum(axis=1))
            power = np.sqrt((np.abs(a) ** 2).sum(axis=1) * (np.abs(b) ** 2).sum(axis=1)) + 1e-12
            chance = np.minimum(0.9, RATE_HZ / (span[:, 0] * (high - low)))
            alike = np.maximum((cross / power) ** 2 - chance, 0) / (1 - chance)
            out[rows, band] = np.clip(1 - np.sqrt(alike), 0.001, 1)
    return out


def synthesise(frames: Frames, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Samples float32 (n,) at RATE_HZ, ``n = (T - 1) * hop``; equal arguments give equal samples."""
    length = max(1, (len(frames) - 1) * _HOP)
    generator = np.random.default_rng(seed)
    times, is_voiced = _excitation(frames.f0_hz, length)
    out = np.zeros(length + 3 * FFT_SIZE)
    bounds = np.append(times, length)
    bin_hz = np.arange(BINS) * RATE_HZ / FFT_SIZE
    centres = (np.array(BAND_EDGES_HZ[:-1]) + np.array(BAND_EDGES_HZ[1:])) / 2
    bands_to_bins = np.stack([np.interp(bin_hz, centres, row) for row in np.eye(BANDS)])
    whole = np.floor(bounds).astype(int)
    longest = int(np.diff(whole).max()) + 1 if len(times) else 1
    for start in range(0, len(times), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(times)))
        frame = np.minimum((times[rows] / _HOP + 0.5).astype(int), len(frames) - 1)
        filter_ = _minimum_phase(frames.log_power[frame])
        voiced = is_voiced[rows, None]
        noise_share = np.where(voiced, frames.aperiodicity[frame] ** _NOISE_EXPONENT @ bands_to_bins, 1.0)
        gaps = np.diff(whole[start : rows.stop + 1])
        noise = generator.standard_normal((len(frame), longest))
        noise *= np.arange(longest)[None, :] < gaps[:, None]
        spectrum = np.fft.rfft(noise, FFT_SIZE) * np.sqrt(noise_share)
        fraction = (times[rows] - whole[rows])[:, None]
        pulse = np.exp(-2j * np.pi * np.arange(BINS) / FFT_SIZE * fraction)
        pulse *= np.sqrt(np.maximum(gaps, 1))[:, None] * np.sqrt(1 - noise_share)
        grains = np.fft.irfft((spectrum + np.where(voiced, pulse, 0)) * filter_, FFT_SIZE)
        for position, grain in zip(whole[rows], grains, strict=True):
            out[position : position + FFT_SIZE] += grain
    return out[:length].astype(np.float32)


def _excitation(f0_hz: Floats, length: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Instants (samples, fractional) at which the phase of F0 wraps; unvoiced parts use a fixed rate."""
    times: list[float] = []
    flags: list[bool] = []
    now = 0.0
    last = len(f0_hz) - 1
    while now < length:
        at = now / _HOP
        left = min(int(at), last)
        f0, after = f0_hz[left], f0_hz[min(left + 1, last)]
        if f0 > 0 and after > 0:  # between two voiced frames the pitch glides
            f0 = f0 + (after - f0) * (at - left)
        elif at - left > 0.5:
            f0 = after
        times.append(now)
        flags.append(bool(f0 > 0))
        now += RATE_HZ / (f0 if f0 > 0 else _UNVOICED_HZ)
    return np.array(times), np.array(flags, dtype=bool)


def _minimum_phase(log_power: Floats) -> npt.NDArray[np.complex128]:
    cepstrum = np.fft.irfft(log_power / 2, FFT_SIZE)
    cepstrum[:, 1 : FFT_SIZE // 2] *= 2
    cepstrum[:, FFT_SIZE // 2 + 1 :] = 0
    return np.asarray(np.exp(np.fft.rfft(cepstrum)))
