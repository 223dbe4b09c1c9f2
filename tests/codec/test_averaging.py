"""Averaging with whitening and blind alignment, on features with a mark as strong as a real one."""

import numpy as np
import pytest

from benchmarks.averaging import (
    average_at,
    blind_average,
    blind_average_with_polarity,
    output_of,
    signs_right,
    whiten,
)
from benchmarks.marking import KEYS
from watermark.codec.keystream import keystream
from watermark.codec.parameters import KEYSTREAM_TILES, PERIOD_TILES, PERIODS, TILE_ROWS

TILES = 500  # 8 s


@pytest.fixture(scope="module")
def stream():
    return keystream(KEYS.for_epoch("averaged"))


def surrogates(stream, count, strength, polarity):
    """Noise as strong as features, with `strength` of the sync signs at a random place."""
    generator = np.random.default_rng(5)
    sync = stream.sync.reshape(KEYSTREAM_TILES, TILE_ROWS)
    features, places = [], []
    for _ in range(count):
        place = int(generator.integers(KEYSTREAM_TILES))
        columns = (place + np.arange(TILES)) % KEYSTREAM_TILES
        flips = generator.choice([-1, 1], PERIODS) if polarity else np.ones(PERIODS)
        noise = 2 * generator.normal(size=(TILES, TILE_ROWS))
        features.append(
            (noise + strength * sync[columns] * flips[columns // PERIOD_TILES, None]).astype("f4")
        )
        places.append(place)
    return features, places


def test_averaging_with_blind_alignment_guesses_no_sync_signs(stream):
    features, places = surrogates(stream, 60, 0.5, polarity=True)
    ready = whiten(features)
    assert signs_right(blind_average(ready, 4), stream) < 0.55
    assert signs_right(blind_average_with_polarity(ready, 3), stream, per_period=True) < 0.55
    assert signs_right(average_at(ready, places), stream) < 0.55


def test_the_averaging_attacker_wins_where_he_should(stream):
    # Without polarity and with a mark far too strong he reads the keystream: the instrument works.
    features, places = surrogates(stream, 60, 3.0, polarity=False)
    assert signs_right(blind_average(features), stream) > 0.8
    assert signs_right(average_at(features, places), stream) > 0.95


def test_the_place_an_attacker_is_handed_is_the_true_one(stream, rms):
    output = output_of(rms[:64_000], 7)
    sync = stream.sync.reshape(KEYSTREAM_TILES, TILE_ROWS)
    columns = (output.place + np.arange(len(output.features))) % KEYSTREAM_TILES
    toward = (output.features * sync[columns]).sum(axis=1)
    by_period = np.abs(np.bincount(columns // PERIOD_TILES, toward, PERIODS)).sum()
    elsewhere = (output.features * sync[(columns + 500) % KEYSTREAM_TILES]).sum(axis=1)
    assert by_period > 2 * np.abs(np.bincount(columns // PERIOD_TILES, elsewhere, PERIODS)).sum()
