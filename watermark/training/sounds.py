"""Sounds that are not speech and carry no mark: noise, music-like tones, and exactly periodic decoys.

A public mark repeats itself every frame, so a detector soon takes anything periodic for one unless it has
met hum, pulse trains and repeated noise from early on. All float32 (count,) at 16 kHz, deviation about 0.1.
"""

from __future__ import annotations

import numpy as np

from watermark.codec.parameters import SAMPLE_RATE_HZ


def drawn(count: int, generator: np.random.Generator) -> np.ndarray:
    """One sound of a kind drawn by chance."""
    kinds = (noise, tones, steady, steady, chord, plucked, sweep, decoy, decoy, buried, bursts)
    return kinds[int(generator.integers(len(kinds)))](count, generator)


def noise(count: int, generator: np.random.Generator) -> np.ndarray:
    """Noise of any colour, sometimes swelling."""
    exponent = generator.uniform(-0.5, 2.0)
    spectrum = np.fft.rfft(generator.standard_normal(count))
    frequency = np.maximum(np.arange(len(spectrum)), 3.0)
    out = np.fft.irfft(spectrum / frequency ** (exponent / 2), count)
    if generator.random() < 0.3:
        time_s = np.arange(count) / SAMPLE_RATE_HZ
        out *= 0.3 + np.sin(2 * np.pi * generator.uniform(0.3, 8) * time_s + generator.uniform(0, 6)) ** 2
    return _levelled(out)


def tones(count: int, generator: np.random.Generator) -> np.ndarray:
    """One to six harmonic tones with decaying or steady envelopes, sometimes vibrato or clipping."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    out = np.zeros(count)
    for _ in range(int(generator.integers(1, 7))):
        pitch_hz = 50 * 2 ** generator.uniform(0, 5.8)
        fall = ((time_s * generator.uniform(0.5, 6) + generator.random()) % 1) * generator.uniform(0, 6)
        wobble = generator.choice([0, 0.004]) * np.sin(2 * np.pi * generator.uniform(3, 8) * time_s)
        for harmonic in range(1, int(generator.integers(2, 9))):
            if pitch_hz * harmonic < 7_800:
                phase = 2 * np.pi * pitch_hz * harmonic * time_s * (1 + wobble) + generator.uniform(0, 6.3)
                out += np.exp(-fall) * np.sin(phase) / harmonic ** generator.uniform(0.5, 1.5)
    if generator.random() < 0.25:
        out = np.clip(out, -0.5, 0.5)
    return _levelled(out + 10 ** generator.uniform(-4.5, -1.5) * generator.standard_normal(count))


def steady(count: int, generator: np.random.Generator) -> np.ndarray:
    """One pitch held for the whole sound, many harmonics: from mains hum to buzzers."""
    low = generator.random() < 0.3
    pitch_hz = float(generator.choice([50, 60, 100, 120])) if low else 25 * 2 ** generator.uniform(0, 6.5)
    pitch_hz *= generator.uniform(0.97, 1.03)
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    harmonics = np.arange(1, max(2, int(generator.uniform(1_500, 8_000) / pitch_hz) + 1))
    size = harmonics ** -generator.uniform(0.3, 2.0)
    if generator.random() < 0.4:  # odd ones alone, as in waves that are the same above and below
        size = size * (harmonics % 2)
    if generator.random() < 0.4:
        size = size * generator.random(len(size))
    phases = generator.choice([0.0, 1.0]) * generator.uniform(0, 6.3, len(size))
    out = np.zeros(count)
    for harmonic, strength, phase in zip(harmonics, size, phases, strict=True):
        if strength and pitch_hz * harmonic < 7_900:
            out += strength * np.sin(2 * np.pi * pitch_hz * harmonic * time_s + phase)
    floor = 10 ** generator.uniform(-4, -0.7) * float(out.std())
    return _levelled(out + floor * generator.standard_normal(count))


def chord(count: int, generator: np.random.Generator) -> np.ndarray:
    """Three or four held notes with harmonics, changed now and then, sometimes over bursts of noise."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    out = np.zeros(count)
    held_s = generator.uniform(0.2, 1.5)
    for start_s in np.arange(0, count / SAMPLE_RATE_HZ, held_s):
        inside = slice(int(start_s * SAMPLE_RATE_HZ), int((start_s + held_s) * SAMPLE_RATE_HZ))
        since = time_s[inside] - start_s
        fall = np.exp(-generator.uniform(0, 4) * since)
        root = 80 * 2 ** (generator.integers(0, 30) / 12)
        for step in generator.choice([0, 3, 4, 7, 10, 12], int(generator.integers(3, 5)), replace=False):
            for harmonic in range(1, int(generator.integers(2, 9))):
                cycles = root * 2 ** (step / 12) * harmonic * since
                out[inside] += fall * np.sin(2 * np.pi * cycles + generator.uniform(0, 6.3)) / harmonic
    if generator.random() < 0.5:
        out = out / (out.std() + 1e-6) + generator.uniform(0.05, 2) * 10 * bursts(count, generator)
    return _levelled(out + 10 ** generator.uniform(-4, -1.5) * generator.standard_normal(count))


def buried(count: int, generator: np.random.Generator) -> np.ndarray:
    """A periodic decoy under noise of any colour."""
    return _levelled(decoy(count, generator) + 10 ** generator.uniform(-1, 0.7) * noise(count, generator))


def plucked(count: int, generator: np.random.Generator) -> np.ndarray:
    """Strings: repeated, slowly smoothed noise, a new note now and then."""
    out = np.zeros(count)
    start = 0
    while start < count:
        length = min(count - start, int(generator.uniform(0.1, 0.6) * SAMPLE_RATE_HZ))
        period = int(generator.integers(25, 260))
        ring = generator.standard_normal(period)
        keep = generator.uniform(0.96, 1.0)
        rounds = []
        for _ in range(length // period + 1):
            rounds.append(ring)
            ring = keep * (0.5 * ring + 0.5 * np.roll(ring, 1))
        out[start : start + length] = np.concatenate(rounds)[:length]
        start += length
    return _levelled(out)


def sweep(count: int, generator: np.random.Generator) -> np.ndarray:
    """A gliding tone with harmonics."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    low_hz, high_hz = np.sort(60 * 2 ** generator.uniform(0, 6, 2))
    cycles = (
        np.cumsum(low_hz + (high_hz - low_hz) * ((time_s * generator.uniform(0.2, 3)) % 1)) / SAMPLE_RATE_HZ
    )
    out = np.sin(2 * np.pi * cycles) + generator.uniform(0, 0.5) * np.sin(4 * np.pi * cycles)
    return _levelled(out + 10 ** generator.uniform(-4, -1.5) * generator.standard_normal(count))


def bursts(count: int, generator: np.random.Generator) -> np.ndarray:
    """Drum-like bursts of noise at a regular pace."""
    time = np.arange(count)
    every = int(generator.uniform(0.03, 0.4) * SAMPLE_RATE_HZ)
    envelope = np.exp(-(time % every) / (generator.uniform(0.002, 0.06) * SAMPLE_RATE_HZ))
    return _levelled(envelope * noise(count, generator) + 1e-4 * generator.standard_normal(count))


def decoy(count: int, generator: np.random.Generator) -> np.ndarray:
    """Exactly periodic: hum, pulse trains, repeated noise, of any period, often those of a mark."""
    usual = generator.random() < 0.4
    period = int(generator.choice([40, 64, 80, 160, 320, 640])) if usual else int(generator.integers(24, 800))
    one = generator.standard_normal(period)
    if generator.random() < 0.3:
        one = np.zeros(period)
        one[0] = 1
    width = int(generator.integers(1, 7))
    stretch = generator.uniform(1.0, 1.25) if generator.random() < 0.35 else 1.0
    out = np.convolve(np.tile(one, count // period + 3), np.ones(width) / width, "same")
    out = out[int(generator.integers(period)) :]
    if stretch > 1:
        out = np.interp(np.arange(count) / stretch, np.arange(len(out)), out)
    return _levelled(out[:count])


def _levelled(samples: np.ndarray) -> np.ndarray:
    return (0.1 / (float(samples.std()) + 1e-6) * samples).astype(np.float32)
