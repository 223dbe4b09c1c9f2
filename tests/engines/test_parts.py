"""Pieces of the preview engine, each on its own."""

import numpy as np

from synth.audio.vocoder import BINS, RATE_HZ
from synth.engines import cepstra
from synth.engines.alignment import align
from synth.engines.sentences import MAX_CHARACTERS, split_sentences


def smooth_envelope(rows: int, centre_hz: float = 1200.0) -> np.ndarray:
    hz = np.linspace(0, RATE_HZ / 2, BINS)
    return np.tile(-hz / 1500 + 3 * np.exp(-(((hz - centre_hz) / 400) ** 2)), (rows, 1))


def test_cepstra_round_trip_of_a_smooth_envelope():
    x = smooth_envelope(3)
    assert np.abs(cepstra.decode(cepstra.encode(x)) - x)[:, :400].max() < 0.15


def test_warp_moves_the_formant():
    hz = np.linspace(0, RATE_HZ / 2, BINS)
    tilt = -hz / 1500
    up = cepstra.warp(smooth_envelope(1) - tilt, 1.1)[0]
    assert abs(hz[up.argmax()] - 1320) < 40
    np.testing.assert_allclose(cepstra.warp(smooth_envelope(1), 1.0), smooth_envelope(1))


def test_fill_above_leaves_the_own_band_alone():
    x = smooth_envelope(2)
    x[:, 350:] = -25
    filled = cepstra.fill_above(x, 8000)
    np.testing.assert_array_equal(filled[:, :320], x[:, :320])
    assert (filled[:, 350:] > -24).all()
    assert filled is not x
    np.testing.assert_array_equal(cepstra.fill_above(x, 24000), x)


def test_alignment_finds_a_known_warp():
    rng = np.random.default_rng(0)
    a = np.cumsum(rng.standard_normal((120, 8)), axis=0)
    repeat = rng.integers(1, 3, 120)
    b = np.repeat(a, repeat, axis=0)
    rows_a, rows_b, distance = align(a, b)
    truth = np.repeat(np.arange(120), repeat)
    assert distance < 1e-6
    assert (truth[rows_b] == rows_a).all()
    assert (np.diff(rows_a) >= 0).all()
    assert (np.diff(rows_b) >= 0).all()
    assert (rows_a[0], rows_b[0], rows_a[-1], rows_b[-1]) == (0, 0, 119, len(b) - 1)


def test_alignment_cost_is_that_of_the_plain_recursion():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((14, 3)), rng.standard_normal((17, 3))
    d = np.linalg.norm(a[:, None] - b[None], axis=2)
    total = np.full((15, 18), np.inf)
    total[0, 0] = 0
    for i in range(14):
        for j in range(17):
            if abs(i / 13 - j / 16) <= 0.25:
                total[i + 1, j + 1] = d[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    rows_a, rows_b, _ = align(a, b)
    assert abs(d[rows_a, rows_b].sum() - total[14, 17]) < 1e-9


def test_alignment_of_single_rows():
    rows_a, rows_b, _ = align(np.zeros((1, 2)), np.zeros((4, 2)))
    assert list(rows_a) == [0, 0, 0, 0]
    assert list(rows_b) == [0, 1, 2, 3]


def test_sentences():
    assert split_sentences("Hello there. How are you?  Fine!") == ["Hello there.", "How are you?", "Fine!"]
    assert split_sentences("Dr. Smith paid 3.50 dollars. J. K. left.") == [
        "Dr. Smith paid 3.50 dollars.",
        "J. K. left.",
    ]
    assert split_sentences("今天天气很好。我们去公园！好吗？") == ["今天天气很好。", "我们去公园！", "好吗？"]
    assert split_sentences('He said "no." Then he left') == ['He said "no.', "Then he left"]
    assert split_sentences(" \n ... !!! ") == []


def test_long_sentences_are_cut_and_nothing_is_lost():
    text = ", ".join(["one two three four five six seven eight"] * 30)
    parts = split_sentences(text)
    assert max(map(len, parts)) <= MAX_CHARACTERS
    assert " ".join(parts).split() == text.split()
    assert "".join(split_sentences("好" * 1000)) == "好" * 1000
