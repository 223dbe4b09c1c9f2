"""Speech-like test signals with known pitch, rests and level."""

import numpy as np


def voiced(f0_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    """A harmonic tone with formant-like tilt whose pitch is ``f0_hz`` per sample."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate_hz
    out = np.zeros(len(f0_hz))
    for k in range(1, 40):
        hz = k * f0_hz
        gain = np.exp(-(((hz - 600) / 500) ** 2)) + 0.3 * np.exp(-(((hz - 1700) / 400) ** 2)) + 0.02
        out += np.where(hz < 0.45 * rate_hz, gain * np.sin(k * phase), 0)
    return 0.1 * out


def syllables(
    count: int, f0_hz: float, rate_hz: int, *, range_st: float = 0.0, rests_s: float = 0.0, rests: int = 0
) -> np.ndarray:
    """``count`` beats of 0.2 s with a glide over ``range_st``; ``rests`` silences of ``rests_s`` among them."""
    n = int(0.2 * rate_hz)
    beat = np.sin(np.pi * np.arange(n) / n) ** 0.5 * 0.9 + 0.1
    tone = voiced(f0_hz * 2 ** (np.linspace(-0.5, 0.5, count * n) * range_st / 12), rate_hz)
    parts = []
    after = {round((i + 1) * count / (rests + 1)) for i in range(rests)}
    for i in range(count):
        parts.append(tone[i * n : (i + 1) * n] * beat)
        if i + 1 in after:
            parts.append(np.zeros(int(rests_s * rate_hz)))
    return np.concatenate(parts).astype(np.float32)
