"""Files put together to be called ours: what a verdict says when a released file is only a part of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from synth.audio.decode import Audio
from watermark.codec import Detection, fingerprint
from watermark.codec.detect import Word
from watermark.verdict import Verdict, decide
from worker import verification

RATE_HZ = 16_000
LENGTH_S = 20
NUMBER = 7


def speech(seed: int, length_s: float = LENGTH_S) -> np.ndarray:
    """Noise whose bands come and go as syllables do: all that a fingerprint looks at."""
    random = np.random.default_rng(seed)
    count = int(length_s * RATE_HZ)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    out = np.zeros(count)
    for low, high in ((300, 600), (600, 1100), (1100, 2000), (2000, 3400)):
        band = np.fft.irfft(np.where((frequency_hz >= low) & (frequency_hz < high), spectrum, 0), count)
        steps = random.uniform(0.1, 1.0, count // 1600 + 2)
        out += band * np.interp(np.arange(count), np.arange(len(steps)) * 1600, steps)
    return (0.3 * out / np.abs(out).max()).astype(np.float32)


OURS, THEIRS = speech(1), speech(2)


@pytest.fixture
def verdict_of(monkeypatch):
    """The verdict on channels of sound; the keyed mark is read wherever ours is the stronger part."""
    mark = SimpleNamespace(fingerprint=fingerprint.compute(OURS, RATE_HZ), duration_ms=LENGTH_S * 1000)

    def detect(samples, sample_rate_hz, epochs, *, deep):
        words = []
        if np.corrcoef(samples[: len(OURS)], OURS[: len(samples)])[0, 1] > 0.6:
            words = [Word(NUMBER, "e", 0.0, len(samples) / sample_rate_hz, 20.0, True, True)]
        return Detection(bool(words), 20.0 * len(words), words, len(samples) / sample_rate_hz, 0.0)

    monkeypatch.setattr(verification, "_detect", detect)
    monkeypatch.setattr(verification, "_public", lambda audio: (False, ()))
    monkeypatch.setattr(verification.selectors, "readable_epochs", lambda: ["e"])
    monkeypatch.setattr(verification.selectors, "issued_marks", lambda numbers: dict.fromkeys(numbers, mark))

    def ask(*channels: np.ndarray) -> Verdict:
        audio = Audio(np.stack(channels), RATE_HZ, "wav", "pcm_16")
        return decide(verification.examine(audio, deep=False)[0]).verdict

    return ask


def test_our_own_file_is_issued_in_one_channel_or_two(verdict_of):
    assert verdict_of(OURS) is Verdict.ISSUED
    assert verdict_of(OURS, OURS) is Verdict.ISSUED
    assert verdict_of(OURS, np.zeros_like(OURS)) is Verdict.ISSUED
    assert verdict_of(OURS, 0.5 * OURS + 1e-4 * THEIRS) is Verdict.ISSUED


@pytest.mark.parametrize("ours_at", [1.0, 0.03, 0.003])
def test_other_speech_beside_ours_in_another_channel_is_never_issued(verdict_of, ours_at):
    assert verdict_of(ours_at * OURS, THEIRS) is Verdict.PARTIAL
    assert verdict_of(THEIRS, ours_at * OURS) is Verdict.PARTIAL


def test_speech_that_cancels_in_the_mean_of_the_channels_is_never_issued(verdict_of):
    assert verdict_of(0.3 * OURS + THEIRS, 0.3 * OURS - THEIRS) is Verdict.PARTIAL


def test_words_silenced_in_our_file_are_an_edit(verdict_of):
    silenced = OURS.copy()
    silenced[8 * RATE_HZ : 9 * RATE_HZ] = 0
    assert verdict_of(silenced) is Verdict.ISSUED_EDITED


def test_words_replaced_in_the_first_second_are_an_edit(verdict_of):
    replaced = OURS.copy()
    replaced[: int(0.9 * RATE_HZ)] = THEIRS[: int(0.9 * RATE_HZ)]
    assert verdict_of(replaced) is Verdict.ISSUED_EDITED


def test_a_word_replaced_in_the_middle_is_an_edit(verdict_of):
    replaced = OURS.copy()
    replaced[8 * RATE_HZ : int(8.9 * RATE_HZ)] = THEIRS[8 * RATE_HZ : int(8.9 * RATE_HZ)]
    assert verdict_of(replaced) is Verdict.ISSUED_EDITED
