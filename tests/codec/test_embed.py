"""What embedding promises about the samples it returns."""

import itertools

import numpy as np
import pytest

from synth.errors import AssentError
from tests.codec.conftest import EPOCH, RATE, RECORD, mark
from watermark.codec import detect, embed
from watermark.codec.embed import add_residual, split_blocks
from watermark.codec.quality import estimate_quality
from watermark.codec.resample import resample


def test_output_has_the_shape_of_the_input(rms, marked_rms):
    assert marked_rms.shape == rms.shape
    assert marked_rms.dtype == np.float32
    assert np.abs(marked_rms).max() <= 1


def test_the_same_generator_state_gives_the_same_samples(rms, keys, marked_rms):
    assert np.array_equal(mark(rms, keys, RECORD, seed=1), marked_rms)
    assert not np.array_equal(mark(rms, keys, RECORD, seed=2), marked_rms)


def test_quality_is_searched_to_the_target(rms, slt, marked_rms, marked_slt):
    for before, after in ((rms, marked_rms), (slt, marked_slt)):
        assert 4.38 < estimate_quality(before, after) < 4.60


def test_digital_silence_stays_bit_exact(rms, keys):
    silence = np.zeros(RATE, np.float32)
    samples = np.concatenate([silence, rms[4_000:60_000], silence, rms[60_000:100_000], silence])
    marked = mark(samples, keys, RECORD, seed=3)
    for start in (0, RATE + 56_000, len(samples) - RATE):
        assert not marked[start : start + RATE].any()
    assert (marked != samples).any()


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_any_rate_carries_the_record(rms, keys, rate):
    samples = resample(rms[: 4 * RATE], RATE, rate)
    marked = embed(
        samples, rate, record_number=RECORD, keys=keys, epoch=EPOCH, generator=np.random.default_rng(5)
    )
    assert marked.shape == samples.shape
    assert [record.record_number for record in detect(marked, rate, keys=keys, epochs=[EPOCH]).records] == [
        RECORD
    ]


def test_content_above_the_band_is_untouched(rms, keys):
    generator = np.random.default_rng(6)
    samples = resample(rms[: 3 * RATE], RATE, 48_000)
    samples = samples + 0.01 * generator.normal(size=len(samples)).astype(np.float32)
    marked = embed(
        samples, 48_000, record_number=RECORD, keys=keys, epoch=EPOCH, generator=np.random.default_rng(5)
    )
    change = np.abs(np.fft.rfft(marked - samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / 48_000)
    assert change[hz > 9_000].sum() < 1e-4 * change.sum()


def test_peaks_are_kept_by_lowering_the_residual_not_the_signal(rms, keys):
    loud = np.clip(rms / np.abs(rms).max() * 1.5, -1, 1).astype(np.float32)
    marked = mark(loud, keys, RECORD, seed=7)
    assert np.abs(marked).max() <= 1
    scale = (loud @ marked) / (loud @ loud)
    assert scale == pytest.approx(1, abs=0.02)
    assert [record.record_number for record in detect(marked, RATE, keys=keys, epochs=[EPOCH]).records] == [
        RECORD
    ]


def test_input_beyond_full_scale_is_not_squeezed():
    samples = np.array([0.5, 1.5, -2.0, 0.5] * 1_000, np.float32)
    out = add_residual(samples, np.full(4_000, 0.1, np.float32), RATE)
    assert np.abs(out).max() <= 2.1
    assert np.abs(out - samples).max() <= 0.1 + 1e-6


def test_quiet_speech_is_marked_like_loud_speech(rms, keys):
    marked = mark(rms * np.float32(0.01), keys, RECORD, seed=1)
    assert [record.record_number for record in detect(marked, RATE, keys=keys, epochs=[EPOCH]).records] == [
        RECORD
    ]


def test_too_short_is_refused_with_measured_and_limit(rms, keys):
    with pytest.raises(AssentError) as refusal:
        mark(rms[:8_000], keys, RECORD, seed=1)
    assert refusal.value.code == "too_short_to_mark"
    assert refusal.value.measured == 0.5
    assert refusal.value.limit == 1.0


def test_too_quiet_is_refused(rms, keys):
    with pytest.raises(AssentError) as refusal:
        mark(rms * np.float32(1e-5), keys, RECORD, seed=1)
    assert refusal.value.code == "too_short_to_mark"


@pytest.mark.parametrize("samples", [np.zeros((2, RATE * 2), np.float32), np.full(RATE * 2, np.nan)])
def test_other_shapes_and_values_are_errors(samples, keys):
    with pytest.raises(ValueError, match=r"channel|finite"):
        mark(samples, keys, RECORD, seed=1)


def test_long_audio_is_cut_into_blocks_at_quiet_places():
    generator = np.random.default_rng(8)
    core = generator.normal(size=90 * RATE).astype(np.float32)
    core[int(23.1 * RATE) : int(23.3 * RATE)] = 0
    blocks = split_blocks(core)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == len(core)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(blocks))
    assert 23.1 * RATE <= blocks[0][1] <= 23.3 * RATE
    assert all((end - start) / RATE <= 36 for start, end in blocks)
