"""Parts put together: the pauses that were asked for, no clicks, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest

from synth.audio.joining import natural_pause_s, placed

RATE_HZ = 16_000


def joined(parts, rate_hz) -> np.ndarray:
    return placed(parts, rate_hz)[0]


def tone(seconds: float, quiet_s: float = 0.0) -> np.ndarray:
    sound = 0.5 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    quiet = np.zeros(round(quiet_s * RATE_HZ))
    return np.concatenate([quiet, sound, quiet]).astype(np.float32)


def silences(samples: np.ndarray) -> list[float]:
    """Lengths in seconds of the runs of zeros inside the sound."""
    loud = np.flatnonzero(np.abs(samples) > 1e-3)
    gaps = np.diff(loud)
    return [gap / RATE_HZ for gap in gaps if gap > 0.01 * RATE_HZ]


def test_pauses_are_as_long_as_asked_whatever_quiet_the_parts_bring():
    parts = [(tone(0.5, 0.3), 0.7), (tone(0.5, 0.1), 0.1), (tone(0.5, 0.2), 0.0)]
    samples = joined(parts, RATE_HZ)
    assert samples.dtype == np.float32
    assert silences(samples) == pytest.approx([0.7, 0.1], abs=0.06)
    assert len(samples) == pytest.approx(
        (0.3 + 0.5 + 0.7 + 0.5 + 0.1 + 0.5 + 0.2) * RATE_HZ, abs=0.1 * RATE_HZ
    )


def test_seams_do_not_click():
    step = np.full(RATE_HZ, 0.5, dtype=np.float32)
    samples = joined([(step, 0.05), (step, 0.0)], RATE_HZ)
    assert np.abs(np.diff(samples[100:-100])).max() < 0.02


def test_one_part_stays_as_it_is_and_empty_parts_are_pauses():
    part = tone(0.2, 0.1)
    assert np.array_equal(joined([(part, 0.0)], RATE_HZ), part)
    empty = np.zeros(0, dtype=np.float32)
    assert np.array_equal(joined([(empty, 0.5), (part, 0.0)], RATE_HZ)[RATE_HZ // 2 :], part)
    assert len(joined([(empty, 0.5)], RATE_HZ)) == RATE_HZ // 2
    assert len(joined([], RATE_HZ)) == 0
    still = np.zeros(1000, dtype=np.float32)
    assert len(joined([(still, 0.0), (still, 0.0)], RATE_HZ)) == 2000


def test_natural_pauses_go_by_the_mark_at_the_end():
    assert (
        natural_pause_s("He left.")
        == natural_pause_s("他走了。”")
        > natural_pause_s("well,")
        > natural_pause_s("and")
    )
    assert natural_pause_s("") == natural_pause_s("and")
