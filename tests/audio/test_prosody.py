"""Pitch, range, pauses and pace of signals whose truth is known."""

import numpy as np
import pytest

from synth.audio.f0 import HOP_S, frame_count, track_f0
from synth.audio.follow import count_syllables, follow_report
from synth.audio.prosody import measure
from tests.audio.signals import syllables, voiced


@pytest.mark.parametrize("f0", [70.0, 110.0, 180.0, 260.0, 380.0])
@pytest.mark.parametrize("rate", [16000, 24000, 44100])
def test_steady_pitch_is_read_within_half_a_percent(f0, rate):
    x = voiced(np.full(rate, f0), rate)
    track = track_f0(x, rate)
    assert len(track) == frame_count(len(x), rate)
    inside = track[20:-20]
    assert (inside > 0).mean() > 0.98
    assert abs(np.median(inside[inside > 0]) / f0 - 1) < 0.005


def test_a_glide_with_noise_is_followed():
    rate = 16000
    truth = 140 * 2 ** (np.sin(2 * np.pi * 0.8 * np.arange(2 * rate) / rate) * 4 / 12)
    x = voiced(truth, rate)
    x = x + np.random.default_rng(0).standard_normal(len(x)) * x.std() * 0.18
    track = track_f0(x, rate)[10:-10]
    at = truth[(np.arange(10, 10 + len(track)) * HOP_S * rate).astype(int)]
    assert (track > 0).mean() > 0.95
    assert np.percentile(np.abs(track / at - 1)[track > 0], 95) < 0.03


def test_noise_and_silence_are_unvoiced():
    rng = np.random.default_rng(1)
    assert (track_f0(rng.standard_normal(16000) * 0.1, 16000) > 0).mean() < 0.05
    assert not track_f0(np.zeros(16000), 16000).any()
    assert not track_f0(np.zeros(3), 16000).any()


def test_measures_of_a_known_signal():
    x = syllables(15, 120.0, 16000, range_st=6.0, rests=2, rests_s=0.4)
    p = measure(x, 16000, units=30)
    assert abs(p.f0_median_hz / 120 - 1) < 0.02
    assert abs(p.f0_range_st - 0.8 * 6.0) < 0.4
    assert p.pause_count == 2
    assert abs(p.pause_ratio - 0.8 / 3.8) < 0.02
    assert p.rate_per_s is not None
    assert abs(p.rate_per_s / 10 - 1) < 0.05
    assert abs(p.syllables_per_s - 5) < 0.6
    assert abs(measure(x * 0.1, 16000).level_db - p.level_db + 20) < 0.2
    assert measure(np.zeros(8000, dtype=np.float32), 16000).level_db == -120.0


def test_follow_report_tells_what_differs():
    same = syllables(15, 120.0, 16000, range_st=4.0, rests=2, rests_s=0.3)
    other = 0.2 * syllables(15, 160.0, 24000, range_st=8.0)
    report = follow_report(same, 16000, same, 16000)
    assert all(report["followed"].values())
    report = follow_report(same, 16000, other, 24000, reference_text="one two three", output_text="one two")
    assert report["rate_unit"] == "syllables"
    assert not any(report["followed"].values())
    assert abs(report["difference"]["f0_median_percent"] - 33.3) < 3
    assert abs(report["difference"]["level_db"] + 14) < 1.5
    assert report["similarity"] is None
    silent = follow_report(same, 16000, np.zeros(16000, dtype=np.float32), 16000)
    assert silent["difference"]["f0_median_percent"] is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hello", 2),
        ("the birch canoe", 4),
        ("walked home", 2),
        ("wanted", 2),
        ("你好世界", 4),
        ("こんにちは", 5),
        ("きょう", 2),
        ("안녕하세요", 5),
        ("", 0),
        ("über", 2),
        ("123", 6),
    ],
)
def test_syllables_by_spelling(text, count):
    assert count_syllables(text) == count
