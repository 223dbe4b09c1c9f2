"""Attacks on the mark itself, each named after what it tries."""

import numpy as np
import pytest

from benchmarks.own_attacks import transplant_gains, transplant_residual
from tests.codec.conftest import EPOCH, RATE, RECORD, mark
from watermark.codec import detect, fingerprint
from watermark.codec.features import istft, stft
from watermark.codec.keystream import keystream
from watermark.codec.quality import estimate_quality
from watermark.codec.search import bank_for, find_alignments, spectrum_of, view_tiles


@pytest.mark.parametrize("transplant", [transplant_residual, transplant_gains])
def test_transplanted_marks_do_not_agree_with_their_record(rms, marked_rms, slt, espeak, transplant):
    # With the original known, a transplant may now and then read as a valid word; its content never is the
    # record's.
    stored = fingerprint.compute(marked_rms, RATE)
    for host in (slt, espeak, rms[::-1]):
        match = fingerprint.compare(stored, transplant(rms, marked_rms, host), RATE)
        assert match.share < 0.1


def test_averaging_many_outputs_shows_no_sync_pattern(rms, slt, keys):
    # Even with every output's true place handed to the attacker, random polarity leaves nothing to average.
    epoch = "averaged"
    bank = bank_for(keys, [epoch])
    stream = keystream(keys.for_epoch(epoch))
    total = np.zeros(stream.signs.shape)
    for number in range(24):
        host = (rms, slt)[number % 2]
        start = 4_000 * (number // 2)
        marked = mark(host[start : start + 40_000], keys, number, seed=100 + number, epoch=epoch)
        view = view_tiles(spectrum_of(marked))
        best = find_alignments(bank, view)[0][0]
        values = view.values[best.phase]
        np.add.at(total, stream.columns(best.place, len(values)), values - values.mean(axis=0))
    sync = (stream.sync.reshape(total.shape) != 0) & (total != 0)
    assert sync.sum() > 20_000
    assert (np.sign(total)[sync] == stream.signs[sync]).mean() == pytest.approx(0.5, abs=0.05)


def test_one_output_repeats_nothing_within_itself(marked_rms):
    # A pattern that repeats each second would betray itself by autocorrelation of the features.
    values = view_tiles(spectrum_of(marked_rms)).values[0]
    values = values - values.mean(axis=0)
    energy = (values**2).sum()
    around = [float((values[lag:] * values[:-lag]).sum() / energy) for lag in range(40, 90)]
    assert abs(around[63 - 40] - np.median(around)) < 4 * np.std(around) + 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_erasing_by_random_gains_costs_quality_first(marked_rms, keys, seed):
    generator = np.random.default_rng(seed)
    spectrum = stft(marked_rms)
    tiles = generator.choice([-5.0, 5.0], size=(-(-len(spectrum) // 2), 257 // 3 + 1))
    gains = 10 ** (np.repeat(np.repeat(tiles, 2, axis=0), 3, axis=1)[: len(spectrum), :257] / 20)
    erased = istft((spectrum * gains).astype(np.complex64), len(marked_rms))
    assert estimate_quality(marked_rms, erased) < 4.1
    found = detect(erased, RATE, keys=keys, epochs=[EPOCH])
    assert [word.record_number for word in found.words] == [RECORD]


def test_overwriting_with_a_mark_of_another_key_leaves_the_first(marked_rms, keys):
    from watermark.codec import MarkKeys

    overwritten = mark(marked_rms, MarkKeys(bytes(32)), 1, seed=3)
    found = detect(overwritten, RATE, keys=keys, epochs=[EPOCH])
    assert [word.record_number for word in found.words] == [RECORD]
