"""Levels, and the limiter's promises."""

import numpy as np

from synth.audio.loudness import active_level_db, soft_limit, to_active_level


def sine(rate: int, amplitude: float, hz: float = 997.0, seconds: float = 4.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def test_limiter_keeps_the_ceiling_and_leaves_quiet_sound_alone():
    x = sine(24000, 0.5)
    np.testing.assert_allclose(soft_limit(x, 24000), x, atol=1e-6)
    loud = soft_limit(4 * x, 24000, ceiling=0.9)
    assert np.abs(loud).max() <= 0.9 + 1e-6
    assert np.corrcoef(loud, x)[0, 1] > 0.99  # turned down, not clipped to a square


def test_levels_are_reached():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(48000) * np.repeat(rng.uniform(0.05, 1, 100), 480) * 0.05
    assert abs(active_level_db(to_active_level(x, 24000, -20), 24000) + 20) < 0.3
    silent = to_active_level(np.zeros(24000), 24000, -20)
    assert not silent.any()
