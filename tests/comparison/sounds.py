"""Speech-like sound without a speech program: voiced syllables with formants that glide, and pauses between."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

RATE = 16_000


def speechlike(seconds: float, seed: int) -> np.ndarray:
    """Float32 (n,) at 16 kHz, about -20 dBFS where it speaks: syllables of 0.12 to 0.3 s in groups with pauses."""
    generator = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * RATE:
        parts.append(_syllable(generator))
        if generator.random() < 0.2:
            parts.append(np.zeros(round(generator.uniform(0.08, 0.2) * RATE)))
    sound = np.concatenate(parts)[: round(seconds * RATE)]
    noise = 1e-4 * generator.standard_normal(len(sound))
    return (0.2 * sound / np.abs(sound).max() + noise).astype(np.float32)


def _syllable(generator: np.random.Generator) -> np.ndarray:
    count = round(generator.uniform(0.12, 0.3) * RATE)
    pitch = np.linspace(*generator.uniform(90, 190, 2), count) * (1 + 0.01 * generator.standard_normal())
    source = (np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0) > 0) + 0.02 * generator.standard_normal(
        count
    )
    if generator.random() < 0.35:  # a fricative begins it
        source[: count // 3] = 0.15 * generator.standard_normal(count // 3)
    sound = source
    for low, high, width in ((250, 900, 80), (900, 2_300, 120), (2_300, 3_600, 200)):
        centre = generator.uniform(low, high)
        radius = np.exp(-np.pi * width / RATE)
        sound = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], sound)
    ramp = np.minimum(1, np.minimum(np.arange(count), count - np.arange(count)) / (0.02 * RATE))
    result: np.ndarray = sound / (np.abs(sound).max() + 1e-9) * ramp * generator.uniform(0.4, 1.0)
    return result
