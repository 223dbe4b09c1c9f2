"""The plan of signs and roles that a key gives."""

import hashlib

import numpy as np

from watermark.codec.keystream import CONFIRMATION, SYNC, keystream


def test_the_plan_is_the_same_on_every_machine(keys):
    stream = keystream(keys.for_epoch("golden"))
    plan = stream.signs.tobytes() + stream.roles.astype("<i2").tobytes()
    assert hashlib.sha256(plan).hexdigest()[:16] == "ee51c4378bf3dbd6"


def test_every_period_has_the_same_shares_in_different_places(keys):
    stream = keystream(keys.for_epoch("a"))
    periods = stream.roles.reshape(64, -1)
    assert set((periods == SYNC).sum(axis=1)) == {956}
    assert set((periods == CONFIRMATION).sum(axis=1)) == {347}
    counts = np.bincount(stream.roles.ravel())[:SYNC]
    assert counts.min() >= 0.9 * counts.max()
    same = (periods[0] == SYNC) & (periods[1] == SYNC)
    assert same.sum() < 956 / 2


def test_epochs_are_uncorrelated(keys):
    a, b = keystream(keys.for_epoch("a")), keystream(keys.for_epoch("b"))
    correlation = (a.signs.astype(float) * b.signs).mean()
    assert abs(correlation) < 5 / np.sqrt(a.signs.size)


def test_confirmation_signs_differ_by_record(keys):
    stream = keystream(keys.for_epoch("a"))
    one, two = stream.confirmation_signs(1).astype(float), stream.confirmation_signs(2)
    assert abs((one * two).mean()) < 5 / np.sqrt(one.size)
