"""Pieces of the preview engine, each on its own."""

import numpy as np

from synth.audio.vocoder import BINS, RATE_HZ
from synth.engines import cepstra
from synth.engines.alignment import align
from synth.engines.mapping import LinearShift
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


def test_context_is_the_row_and_its_neighbours():
    coded = np.arange(40.0)[:, None] + np.zeros(cepstra.ORDER)
    here, before, after = np.split(cepstra.in_context(coded), 3, axis=1)
    np.testing.assert_array_equal(here, coded)
    np.testing.assert_array_equal(before[:, 0], np.maximum(np.arange(40) - 8, 0))
    np.testing.assert_array_equal(after[:, 0], np.minimum(np.arange(40) + 8, 39))


def test_the_linear_map_finds_what_depends_on_the_input_and_not_what_does_not():
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((600, 12)) * 3 + 5
    signal = inputs[:, :4] - 5
    noise = rng.standard_normal((600, 4))
    differences = np.concatenate([2 + signal, 2 + noise], axis=1)
    shift = LinearShift.fit(inputs, differences)
    unseen = rng.standard_normal((200, 12)) * 3 + 5
    found, unfounded = np.split(shift(unseen) - 2, 2, axis=1)
    assert all(np.corrcoef(found[:, i], unseen[:, i])[0, 1] > 0.98 for i in range(4))
    assert 0.5 < found.std() / signal.std() < 0.7  # drawn towards the mean by 1 / (1 + RIDGE)
    assert unfounded.std() < 0.2


def test_the_linear_map_does_not_run_away_outside_its_pairs():
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((300, 3))
    shift = LinearShift.fit(inputs, inputs)
    assert np.abs(shift(np.full((1, 3), 1e3))).max() < 3.5
    constant = LinearShift.fit(np.ones((30, 3)), np.ones((30, 2)))  # an input that never changes
    np.testing.assert_allclose(constant(np.ones((2, 3))), 1.0)


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
