from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from tests.comparison.sounds import RATE, speechlike
from watermark.comparison.bands import BANDS, band_edges_hz, band_levels
from watermark.comparison.reference import BadReference, make, parse


def test_a_reference_is_small_and_gives_the_levels_back_to_half_a_step() -> None:
    sound = speechlike(6.0, 1)
    stored = make(sound, RATE)
    assert len(stored) < 1_000 * 6
    found = parse(stored)
    levels = band_levels(sound, 100)
    assert found.levels.shape == levels.shape == (601, BANDS)
    assert found.duration_s == pytest.approx(6.0, abs=0.011)
    loud = levels > np.quantile(levels, 0.995, axis=0) - 50
    within = loud & (levels < np.quantile(levels, 0.995, axis=0))
    assert np.abs(found.levels - levels)[within].max() < 2.3


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda b: b[:20], id="cut in the header"),
        pytest.param(lambda b: b[:-9], id="cut in the body"),
        pytest.param(lambda b: b + b"\0", id="bytes behind"),
        pytest.param(lambda b: b"ARF9" + b[4:], id="another version"),
        pytest.param(lambda b: b[:4] + struct.pack("<I", 0) + b[8:], id="no frames"),
        pytest.param(lambda b: b[:4] + struct.pack("<I", 2**32 - 1) + b[8:], id="frames for ever"),
        pytest.param(lambda b: b[:4] + struct.pack("<I", 700) + b[8:], id="more frames than there are"),
        pytest.param(lambda b: b[:60] + bytes([b[60] ^ 255]) + b[61:], id="a byte turned over"),
        pytest.param(lambda b: b"", id="nothing"),
    ],
)
def test_what_is_no_reference_is_refused(damage: object) -> None:
    stored = make(speechlike(2.0, 2), RATE)
    with pytest.raises(BadReference):
        parse(damage(stored))  # type: ignore[operator]


def test_a_body_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    stored = make(speechlike(1.0, 3), RATE)
    bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
    with pytest.raises(BadReference):
        parse(stored[: 12 + 2 * BANDS] + bomb)
    with pytest.raises(ValueError, match="no sound"):
        make(np.zeros(0, np.float32), RATE)


def test_a_tone_is_where_its_band_is() -> None:
    edges = band_edges_hz()
    tone = np.sin(np.pi * (edges[12] + edges[13]) * np.arange(RATE) / RATE).astype(np.float32)
    levels = parse(make(tone, RATE)).levels
    assert int(levels.mean(axis=0).argmax()) == 12
