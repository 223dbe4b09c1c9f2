"""The vocoder gives back what it measured, and edits change what they say and nothing else."""

import numpy as np
import pytest

from synth.audio.edit import edit, stretched_rows
from synth.audio.prosody import measure
from synth.audio.vocoder import BANDS, BINS, RATE_HZ, Frames, analyse, synthesise
from tests.audio.signals import syllables


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    x = syllables(10, 130.0, RATE_HZ, range_st=5.0)
    return (x + np.random.default_rng(0).standard_normal(len(x)) * 1e-3).astype(np.float32)


def test_resynthesis_keeps_pitch_envelope_and_level(speech):
    frames = analyse(speech, RATE_HZ)
    assert frames.log_power.shape == (len(frames), BINS)
    assert frames.aperiodicity.shape == (len(frames), BANDS)
    again = analyse(synthesise(frames, seed=1), RATE_HZ)
    n = min(len(frames), len(again))
    both = frames.voiced[:n] & again.voiced[:n]
    assert both.mean() > 0.9
    assert np.percentile(np.abs(again.f0_hz[:n] / np.maximum(frames.f0_hz[:n], 1) - 1)[both], 90) < 0.02
    difference_db = 4.343 * (again.log_power[:n] - frames.log_power[:n])[both][:, 4:150]
    assert abs(difference_db.mean()) < 1.5
    assert np.abs(difference_db.mean(axis=0)).max() < 5


def test_same_seed_same_samples(speech):
    frames = analyse(speech, RATE_HZ)
    np.testing.assert_array_equal(synthesise(frames, seed=3), synthesise(frames, seed=3))
    assert np.abs(synthesise(frames, seed=3) - synthesise(frames, seed=4)).max() > 0


def test_noise_is_aperiodic_and_a_tone_is_not(speech):
    tone = analyse(speech, RATE_HZ)
    assert tone.aperiodicity[tone.voiced][:, 0].mean() < 0.1
    rng = np.random.default_rng(2)
    breathy = analyse(speech + rng.standard_normal(len(speech)) * speech.std() * 0.3, RATE_HZ)
    assert (
        breathy.aperiodicity[breathy.voiced].mean(axis=0)
        >= tone.aperiodicity[tone.voiced].mean(axis=0) - 0.02
    ).all()
    assert breathy.aperiodicity[breathy.voiced][:, 2:].mean() > 0.5


def test_edit_changes_what_it_says(speech):
    before = measure(speech, RATE_HZ, units=20)
    y, rate = edit(speech, RATE_HZ, f0_ratio=0.8, range_ratio=0.5, tempo=0.75, level_db=-30, pauses_s=(0.4,))
    after = measure(y, rate, units=20)
    assert abs(after.f0_median_hz / before.f0_median_hz / 0.8 - 1) < 0.02
    assert abs(after.f0_range_st / before.f0_range_st - 0.5) < 0.1
    assert after.rate_per_s is not None
    assert before.rate_per_s is not None
    assert abs(after.rate_per_s / before.rate_per_s / 0.75 - 1) < 0.06
    assert after.pause_count == 1
    assert abs(after.level_db + 30) < 0.5


def test_odd_sizes():
    for n in (0, 1, 2, 100, 2401):
        y = synthesise(analyse(np.zeros(n, dtype=np.float32), 24000))
        assert np.abs(y).max() < 1e-3
    frames = Frames(np.array([0.0, 100.0]), np.zeros((2, BINS)), np.zeros((2, BANDS)))
    assert np.isfinite(synthesise(frames)).all()
    assert len(stretched_rows(100, 2.0)) == 50
