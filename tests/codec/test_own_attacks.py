"""Attacks on the mark itself, each named after what it tries."""

import numpy as np
import pytest

from benchmarks.marking import KEYS, Marked, epoch_of
from benchmarks.own_attacks import (
    climb_to_erase,
    climb_to_issued,
    flatten,
    random_gains,
    transplant_gains,
    transplant_residual,
)
from tests.codec.conftest import EPOCH, RATE, RECORD, mark
from watermark.codec import detect, embed, fingerprint
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
    for number in range(16):
        host = (rms, slt)[number % 2]
        start = 6_000 * (number // 2)
        marked = mark(host[start : start + 40_000], keys, number, seed=100 + number, epoch=epoch)
        view = view_tiles(spectrum_of(marked))
        best = find_alignments(bank, view)[0][0]
        values = view.values[best.phase]
        np.add.at(total, stream.columns(best.place, len(values)), values - values.mean(axis=0))
    sync = (stream.sync.reshape(total.shape) != 0) & (total != 0)
    assert sync.sum() > 15_000
    assert (np.sign(total)[sync] == stream.signs[sync]).mean() == pytest.approx(0.5, abs=0.05)


def test_one_output_repeats_nothing_within_itself(marked_rms):
    # A pattern that repeats each second would betray itself by autocorrelation of the features.
    values = view_tiles(spectrum_of(marked_rms)).values[0]
    values = values - values.mean(axis=0)
    energy = (values**2).sum()
    around = [float((values[lag:] * values[:-lag]).sum() / energy) for lag in range(40, 90)]
    assert abs(around[63 - 40] - np.median(around)) < 4 * np.std(around) + 1e-3


@pytest.mark.parametrize("erase", [lambda x: random_gains(x, 5.0, 1), lambda x: flatten(x, 1.0)])
def test_erasing_costs_quality_first(marked_rms, keys, erase):
    erased = erase(marked_rms)
    assert estimate_quality(marked_rms, erased) < 4.1
    found = detect(erased, RATE, keys=keys, epochs=[EPOCH])
    assert [record.record_number for record in found.records] == [RECORD]


def test_hill_climbing_by_verdicts_does_not_find_an_erased_copy_that_sounds_well(rms, marked_rms):
    clip = _bench_clip(rms[:48_000])
    erased = climb_to_erase(clip, queries=10, seed=1, known=_few)
    assert estimate_quality(clip.original, erased) < 3.5


def test_hill_climbing_by_verdicts_does_not_turn_a_transplant_into_issued(rms, slt):
    clip = _bench_clip(rms[:48_000])
    assert climb_to_issued(clip, slt[:48_000], queries=6, seed=1, known=_few) != "issued"


def _few(epoch: str) -> range:
    return range(700, 800)


def _bench_clip(samples: np.ndarray) -> Marked:
    """A clip marked with the benchmark's own keys, which its public answers are made with."""
    marked = embed(
        samples,
        RATE,
        record_number=778,
        keys=KEYS,
        epoch=epoch_of(778),
        generator=np.random.default_rng(3),
    )
    return Marked("rms", "rms", 778, samples, marked, 0.0)


def test_overwriting_with_a_mark_of_another_key_leaves_the_first(marked_rms, keys):
    from watermark.codec import MarkKeys

    overwritten = mark(marked_rms, MarkKeys(bytes(32)), 1, seed=3)
    found = detect(overwritten, RATE, keys=keys, epochs=[EPOCH])
    assert [record.record_number for record in found.records] == [RECORD]
