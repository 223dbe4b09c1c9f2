"""Files put together to be called ours: what a verdict says when a released file is only a part of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worker.material import decoded, sources, speech
from watermark.codec import Detection, fingerprint
from watermark.codec.detect import RecordDetection
from watermark.reading import search
from watermark.reading.examination import examine
from watermark.reading.registry import Record
from watermark.reading.verdict import Verdict, decide

RATE_HZ = 16_000
LENGTH_S = 20
NUMBER = 7
OURS, THEIRS = speech(1), speech(2)


@pytest.fixture
def verdict_of(monkeypatch):
    """The verdict on channels of sound; the keyed mark is read wherever ours is the stronger part."""
    record = Record(NUMBER, fingerprint.compute(OURS, RATE_HZ), LENGTH_S)

    def detect(track, sources, epochs, blocks, *, deep):
        samples = np.concatenate(list(blocks))
        read = []
        if np.corrcoef(samples[: len(OURS)], OURS[: len(samples)])[0, 1] > 0.6:
            read = [RecordDetection(NUMBER, "e", 0.0, len(samples) / RATE_HZ, 20.0, True, True)]
        return Detection(bool(read), 20.0 * len(read), read, len(samples) / RATE_HZ, 0.0)

    monkeypatch.setattr(search, "detect_in", detect)

    def ask(*channels: np.ndarray) -> Verdict:
        return decide(examine(decoded(*channels), sources(record)).findings).verdict

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
