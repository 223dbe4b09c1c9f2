"""Content binding: the same audio agrees, other audio does not, edits are located."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from tests.codec.conftest import RATE
from watermark.codec import fingerprint
from watermark.codec.fingerprint_alignment import clear_frames
from watermark.codec.resample import resample


def noisy(samples, snr_db, seed=0):
    noise = np.random.default_rng(seed).normal(size=len(samples))
    return samples + noise * np.sqrt(np.mean(samples**2)) * 10 ** (-snr_db / 20)


def test_the_same_audio_agrees_throughout(marked_rms):
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), marked_rms, RATE)
    assert match.ber < 0.001
    assert match.share > 0.99
    assert match.covered > 0.99
    assert match.in_order
    assert match.offset_s == pytest.approx(0, abs=0.02)


def test_size_is_four_hundred_bytes_a_second(marked_rms):
    assert len(fingerprint.compute(marked_rms, RATE)) == pytest.approx(400 * len(marked_rms) / RATE, rel=0.02)


@pytest.mark.parametrize("attack", ["noise_20", "noise_10", "phone", "rate_8000", "quieter", "inverted"])
def test_common_damage_still_agrees(marked_rms, attack):
    phone = butter(6, [300, 3_400], "band", fs=RATE, output="sos")
    damaged = {
        "noise_20": lambda x: noisy(x, 20),
        "noise_10": lambda x: noisy(x, 10),
        "phone": lambda x: sosfiltfilt(phone, x),
        "rate_8000": lambda x: resample(resample(x, RATE, 8_000), 8_000, RATE),
        "quieter": lambda x: 0.05 * x,
        "inverted": lambda x: -x,
    }[attack](marked_rms)
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), damaged, RATE)
    assert match.ber < 0.40
    assert match.share > 0.8


def test_other_speech_does_not_agree(marked_rms, slt, espeak, rms):
    stored = fingerprint.compute(marked_rms, RATE)
    for other in (slt, espeak, rms[::-1]):
        match = fingerprint.compare(stored, other, RATE)
        assert match.share < 0.05
        assert match.ber > 0.42
        assert match.offset_s is None


def test_a_crop_is_placed_in_its_record(marked_rms):
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), marked_rms[40_037:88_037], RATE)
    assert match.offset_s == pytest.approx(2.5, abs=0.03)
    assert match.share > 0.95
    assert match.covered == pytest.approx(3 / 9.25, abs=0.1)


def test_a_replaced_passage_is_located(marked_rms, espeak):
    edited = marked_rms.copy()
    edited[64_000:96_000] = espeak[20_000:52_000]
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), edited, RATE)
    assert [interval.ok for interval in match.intervals] == [True, False, True]
    assert match.intervals[1].start_s == pytest.approx(4.0, abs=0.3)
    assert match.intervals[1].end_s == pytest.approx(6.0, abs=0.3)


def test_a_cut_is_seen_as_a_jump(marked_rms):
    edited = np.concatenate([marked_rms[:56_000], marked_rms[88_000:]])
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), edited, RATE)
    assert not match.in_order
    good = [interval for interval in match.intervals if interval.ok]
    assert good[0].end_s == pytest.approx(3.5, abs=0.3)
    assert good[-1].record_start_s == pytest.approx(5.5, abs=0.3)


def test_swapped_halves_are_out_of_order(marked_rms):
    edited = np.concatenate([marked_rms[72_000:], marked_rms[:72_000]])
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), edited, RATE)
    assert not match.in_order
    assert match.covered > 0.9


def test_speed_is_undone_before_comparing(marked_rms):
    stored = fingerprint.compute(marked_rms, RATE)
    faster = resample(marked_rms, 17_000, RATE)
    assert fingerprint.compare(stored, faster, RATE).share < 0.3
    scale = 17_000 / RATE
    match = fingerprint.compare(stored, faster, RATE, time_scale=scale, frequency_scale=scale)
    assert match.ber < 0.2
    assert match.share > 0.95
    assert match.intervals[-1].end_s == pytest.approx(len(faster) / RATE, abs=0.2)


def test_blocks_give_the_same_fingerprint(marked_rms, espeak):
    long = np.concatenate([marked_rms, np.tile(espeak, 9)])
    pieces = [long[start : start + 99_999] for start in range(0, len(long), 99_999)]
    assert fingerprint.compute_blocks(pieces, RATE) == fingerprint.compute(long, RATE)


@pytest.mark.parametrize("stored", [b"", b"AFP1", b"AFP1\x05\x00\x00\x00abc", b"nope" * 10])
def test_damaged_fingerprints_are_errors(stored, rms):
    with pytest.raises(ValueError, match="fingerprint"):
        fingerprint.compare(stored, rms, RATE)


def test_silence_neither_agrees_nor_fails(marked_rms):
    match = fingerprint.compare(fingerprint.compute(marked_rms, RATE), np.zeros(RATE), RATE)
    assert match.share == 0
    assert fingerprint.compare(fingerprint.compute(np.zeros(RATE), RATE), marked_rms, RATE).share == 0


def test_a_doubtful_passage_is_not_broken_up_by_a_moment_of_agreement():
    errors = np.full(800, 0.1)
    errors[300:330] = errors[350:400] = 0.45  # a quarter of a second between them
    clear = clear_frames(errors, np.ones(800, bool))
    doubtful = np.flatnonzero(~clear)
    assert len(doubtful) == doubtful[-1] - doubtful[0] + 1
    assert clear[:250].all() and clear[450:].all()
    errors[600:650] = 0.45  # what is further away stands for itself
    assert clear_frames(errors, np.ones(800, bool))[460:540].all()
