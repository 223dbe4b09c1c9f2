"""Sound that is neither speech nor marked, for counting false alarms of the public layer.

Written apart from what the training package makes (watermark/training/sounds.py), so that nothing here was
trained on; periodic sounds are the hard ones, because the public mark itself repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.signal import butter, lfilter, sawtooth, sosfilt, square

from benchmarks.attacks import RATE, Samples, synthetic_music

Maker = Callable[[int, np.random.Generator], Samples]


def pieces(count: int, seconds: float, seed: int) -> Iterator[tuple[str, Samples]]:
    """(kind, float32 samples at 16 kHz), the kinds in turn, each piece drawn anew and at its own level."""
    makers: tuple[Maker, ...] = (
        music, bells, drums, coloured, rain, engine, siren, dial_tones, waves, wind, repeated_noise, clicks, hum, scale,
    )  # fmt: skip
    for index in range(count):
        generator = np.random.default_rng([seed, index])
        maker = makers[index % len(makers)]
        out = maker(int(seconds * RATE), generator)
        level = 10 ** (-generator.uniform(12, 45) / 20)
        yield maker.__name__, (out / (np.std(out) + 1e-9) * level).clip(-1, 1).astype(np.float32)


def _time(count: int) -> Samples:
    return np.arange(count) / RATE


def music(count: int, generator: np.random.Generator) -> Samples:
    """Chords over a soft beat."""
    return synthetic_music(count, generator)


def bells(count: int, generator: np.random.Generator) -> Samples:
    """Struck bells by frequency modulation."""
    out = np.zeros(count)
    for _ in range(int(generator.integers(2, 9))):
        since = np.maximum(_time(count) - generator.uniform(0, count / RATE), 0)
        carrier_hz, ratio = generator.uniform(150, 1_500), generator.choice([1.4, 2.0, 2.76, 3.5])
        ring = np.exp(-generator.uniform(1, 5) * since) * (since > 0)
        bend = generator.uniform(1, 8) * ring * np.sin(2 * np.pi * carrier_hz * ratio * since)
        out += ring * np.sin(2 * np.pi * carrier_hz * since + bend)
    return out + 1e-3 * generator.normal(size=count)


def drums(count: int, generator: np.random.Generator) -> Samples:
    """A drum pattern: falling tones and short noise on a grid of sixteenths."""
    out = np.zeros(count + RATE)
    beat = int(RATE * generator.uniform(0.09, 0.17))
    for start in range(0, count, beat):
        if generator.random() < 0.6:
            time = _time(RATE // 2)
            if generator.random() < 0.5:
                hit = np.sin(2 * np.pi * 60 * time * (1 + 2 * np.exp(-30 * time))) * np.exp(-12 * time)
            else:
                hit = generator.normal(size=len(time)) * np.exp(-generator.uniform(20, 80) * time)
            out[start : start + len(time)] += generator.uniform(0.3, 1) * hit
    return out[:count] + 1e-3 * generator.normal(size=count)


def coloured(count: int, generator: np.random.Generator) -> Samples:
    """White, pink-like or brown noise through a drawn filter."""
    base = generator.normal(size=count)
    return lfilter([1], [1, -generator.uniform(0, 0.995)], base)


def rain(count: int, generator: np.random.Generator) -> Samples:
    """Random drops on a hiss."""
    drops = (generator.random(count) < generator.uniform(50, 900) / RATE) * generator.exponential(1, count)
    edge = butter(2, generator.uniform(800, 4_000), "highpass", fs=RATE, output="sos")
    return sosfilt(edge, lfilter([1], [1, -0.8], drops)) + 0.02 * generator.normal(size=count)


def engine(count: int, generator: np.random.Generator) -> Samples:
    """A motor: firing pulses whose rate wanders, through body resonances."""
    rate_hz = generator.uniform(20, 180) * (
        1 + 0.1 * np.sin(2 * np.pi * generator.uniform(0.1, 1) * _time(count))
    )
    phase = np.cumsum(rate_hz) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0) * (1 + 0.2 * generator.normal(size=count))
    return lfilter([1], [1, -1.6, 0.8], pulses) + 0.05 * generator.normal(size=count)


def siren(count: int, generator: np.random.Generator) -> Samples:
    """A tone that rises and falls."""
    sweep = sawtooth(2 * np.pi * generator.uniform(0.3, 3) * _time(count), 0.5)
    pitch_hz = generator.uniform(400, 1_200) * 2 ** (generator.uniform(0.2, 1) * sweep)
    return np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE) + 0.003 * generator.normal(size=count)


def dial_tones(count: int, generator: np.random.Generator) -> Samples:
    """Keys of a telephone."""
    time, out = _time(count), np.zeros(count)
    for start in np.arange(0, count / RATE, 0.2):
        on = (time >= start) & (time < start + 0.12)
        low, high = generator.choice([697, 770, 852, 941]), generator.choice([1_209, 1_336, 1_477])
        out += on * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))
    return out + 1e-3 * generator.normal(size=count)


def waves(count: int, generator: np.random.Generator) -> Samples:
    """Square, sawtooth or triangle at a steady pitch."""
    phase = 2 * np.pi * generator.uniform(30, 2_000) * _time(count)
    shape = int(generator.integers(3))
    out = (square(phase), sawtooth(phase), sawtooth(phase, 0.5))[shape]
    return out + 10 ** generator.uniform(-4, -1) * generator.normal(size=count)


def wind(count: int, generator: np.random.Generator) -> Samples:
    """Narrow noise whose middle drifts."""
    low_hz = generator.uniform(150, 1_500)
    band = butter(2, [low_hz, low_hz * 2], "bandpass", fs=RATE, output="sos")
    swell = 0.4 + np.abs(np.sin(2 * np.pi * generator.uniform(0.1, 0.8) * _time(count)))
    return sosfilt(band, generator.normal(size=count)) * swell


def repeated_noise(count: int, generator: np.random.Generator) -> Samples:
    """One stretch of noise again and again, 20 to 500 times a second, bare or under coloured noise."""
    one = generator.normal(size=int(RATE / generator.uniform(20, 500)))
    out = np.tile(one, count // len(one) + 1)[:count]
    return out + generator.choice([0.0, 0.3, 1.0, 3.0]) * coloured(count, generator)


def clicks(count: int, generator: np.random.Generator) -> Samples:
    """An exact train of pulses, 20 to 500 a second."""
    out = np.zeros(count)
    out[:: int(RATE / generator.uniform(20, 500))] = 1
    return out + 10 ** generator.uniform(-4, -2) * generator.normal(size=count)


def hum(count: int, generator: np.random.Generator) -> Samples:
    """Mains hum with its harmonics and some hiss."""
    base_hz = generator.choice([50.0, 60.0, 100.0, 120.0, 400.0])
    out = sum(
        generator.random() / harmonic * np.sin(2 * np.pi * base_hz * harmonic * _time(count))
        for harmonic in range(1, int(3_500 / base_hz))
    )
    return out + 10 ** generator.uniform(-3, -1) * generator.normal(size=count)


def scale(count: int, generator: np.random.Generator) -> Samples:
    """A melody of harmonic notes with vibrato."""
    time, out = _time(count), np.zeros(count)
    note_s = generator.uniform(0.1, 0.4)
    for start in np.arange(0, count / RATE, note_s):
        since = time - start
        on = (since >= 0) & (since < note_s)
        pitch_hz = 130 * 2 ** (generator.integers(0, 25) / 12)
        phase = 2 * np.pi * pitch_hz * since + 0.3 * np.sin(2 * np.pi * 6 * since)
        out += on * np.exp(-4 * np.maximum(since, 0)) * sum(np.sin(h * phase) / h for h in range(1, 7))
    return out + 1e-3 * generator.normal(size=count)
