"""Signing tiles by the content: what the factors promise, and what they do to a mark that is moved."""

import numpy as np
import pytest

from benchmarks.own_attacks import (
    transplant_gains,
    transplant_residual,
    transplant_signed_anew,
    transplant_stronger,
)
from tests.codec.conftest import EPOCH, RATE, RECORD
from watermark.codec import detect, read_back
from watermark.codec.content import FREE, content_weights, delays_from
from watermark.codec.features import row_power, stft, tile_power
from watermark.codec.keystream import keystream
from watermark.codec.parameters import LONGEST_DELAY_TILES, TILE_ROWS


def tiles(samples: np.ndarray) -> np.ndarray:
    return tile_power(row_power(stft(samples)))


@pytest.fixture(scope="module")
def delays(keys):
    return keystream(keys.for_epoch(EPOCH)).delays


def test_two_rows_of_three_are_free_and_the_rest_look_into_the_past(delays, keys):
    bound = delays != FREE
    assert bound.sum() == TILE_ROWS // 3
    assert (delays[bound] >= 0).all()
    assert (delays[bound] <= LONGEST_DELAY_TILES).all()
    assert len(set(delays[bound])) > 5
    other = keystream(keys.for_epoch("other")).delays
    assert (other[bound] != delays[bound]).any()


def test_free_rows_keep_their_features_and_unknown_past_counts_nothing(rms, delays):
    weights = content_weights(tiles(rms), delays)
    assert (weights[:, delays == FREE] == 1).all()
    row = int(np.flatnonzero(delays == delays.max())[0])
    assert not weights[: delays[row], row].any()
    assert np.abs(weights).max() <= 1


def test_a_gain_and_a_little_noise_leave_the_content_alone(rms, delays):
    plain = content_weights(tiles(rms), delays)
    noise = np.random.default_rng(1).normal(size=len(rms)).astype(np.float32) * rms.std() * 0.05
    changed = content_weights(tiles((rms + noise) * 0.1), delays)
    bound = np.abs(plain[:, delays != FREE]) > 0.5
    agree = np.sign(plain) == np.sign(changed)
    assert agree[:, delays != FREE][bound].mean() > 0.97


def test_a_crop_sees_the_same_content(rms, delays):
    whole = content_weights(tiles(rms), delays)
    crop = content_weights(tiles(rms[100 * 256 : 300 * 256]), delays)
    inner = slice(20, 180)
    assert np.abs(whole[100:300][inner] - crop[inner]).mean() < 0.05


def test_empty_audio_has_no_content():
    assert content_weights(np.zeros((0, TILE_ROWS), np.float32), delays_from(bytes(TILE_ROWS))).shape == (
        0,
        TILE_ROWS,
    )


@pytest.mark.parametrize(
    "transplant", [transplant_residual, transplant_gains, transplant_stronger, transplant_signed_anew]
)
def test_a_moved_mark_is_never_a_bound_word(rms, marked_rms, slt, espeak, keys, transplant):
    for host in (slt, espeak):
        found = detect(
            transplant(rms, marked_rms, host), RATE, keys=keys, epochs=[EPOCH], known=lambda _: [RECORD]
        )
        assert not any(record.bound for record in found.records)


def test_a_forger_who_doubles_the_gains_is_told_by_the_content(rms, marked_rms, slt, keys):
    # Strong enough, the free rows alone carry the word: it is read, and known to have been moved.
    forged = transplant_stronger(rms, marked_rms, slt)
    (record,) = detect(forged, RATE, keys=keys, epochs=[EPOCH]).records
    assert record.record_number == RECORD
    assert not record.bound


def test_genuine_words_are_bound_after_coding_like_changes(marked_rms, keys):
    generator = np.random.default_rng(2)
    noise = generator.normal(size=len(marked_rms)).astype(np.float32) * marked_rms.std() * 0.1
    for samples in (marked_rms, marked_rms[20_000:68_000], marked_rms + noise, marked_rms * 0.3):
        (record,) = detect(samples, RATE, keys=keys, epochs=[EPOCH]).records
        assert record.bound
        assert read_back(samples, RATE, record_number=RECORD, keys=keys, epoch=EPOCH).ok
