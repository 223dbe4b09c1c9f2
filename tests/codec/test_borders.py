"""The second look at borders: close to the truth, in order, and without harm where there is nothing to see."""

import numpy as np
import pytest

layer = pytest.importorskip("watermark.codec.audioseal_layer")
audioseal_checkpoint = pytest.importorskip("watermark.codec.audioseal_checkpoint")

from watermark.codec.borders import FRAME, REACH_FRAMES, _clearest  # noqa: E402

RATE = 16_000


@pytest.fixture(scope="module")
def public():
    return layer.PublicMark.load(*audioseal_checkpoint.default_checkpoint())


@pytest.fixture(scope="module")
def marked(public, rms):
    return public.embed(rms, RATE)


def _spliced(rms, marked, start_s, end_s):
    piece = rms.copy()
    piece[int(start_s * RATE) : int(end_s * RATE)] = marked[int(start_s * RATE) : int(end_s * RATE)]
    return piece


def test_the_borders_of_a_marked_second_are_found_within_some_frames(public, rms, marked):
    errors = []
    for start_s in (1.1, 2.3, 3.47, 4.6, 5.82, 6.9):
        found = public.detect(_spliced(rms, marked, start_s, start_s + 1), RATE).intervals
        assert len(found) == 1
        errors += [abs(found[0][0] - start_s), abs(found[0][1] - start_s - 1)]
    assert np.mean(errors) < 0.045
    assert max(errors) < 0.2


def test_the_second_look_is_closer_than_the_first(public, rms, marked):
    """From guesses that are off by as much as detection's may be."""
    off, errors = np.array([-8, 8, 5, -5, 3, -6]), []
    for start_s, end_s in ((2.0, 5.0), (3.3, 6.1), (1.4, 4.9)):
        truth = np.array([start_s, end_s]) * RATE / FRAME
        core = _spliced(rms, marked, start_s, end_s)
        for first, last in zip(off, np.roll(off, 1), strict=True):
            guess = truth + np.array([first, last])
            (moved,) = public._borders.refine(core, [(guess[0], guess[1])], public.aligned)
            errors += list(np.abs(moved - truth))
    assert np.mean(errors) < 2.5 < np.mean(np.abs(off))


@pytest.mark.parametrize("offset", [0, 3, 117, 318])
def test_the_mark_of_a_clip_that_was_cut_anywhere_lies_where_it_was_put(public, rms, marked, offset):
    put, core = (part[offset : offset + 4 * RATE] for part in (marked - rms, marked))
    known = core[FRAME * 50 : FRAME * 100]
    assert np.corrcoef(put, public.aligned(known)(core))[0, 1] > 0.9
    assert np.corrcoef(-put, public.aligned(-known)(-core))[0, 1] > 0.6


def test_the_longest_interval_is_aligned_by(public, rms):
    piece = _clearest(rms, [(3.2, 9.0), (20.4, 220.7)])
    assert len(piece) == 50 * FRAME
    assert np.array_equal(piece, rms[96 * FRAME : 146 * FRAME])
    assert not len(_clearest(rms, [(3.2, 3.9)]))
    assert public.aligned(rms[:100]) == public.mark_of


def test_no_border_passes_the_middle_between_its_neighbours_or_goes_far(public, rms):
    found = [(4.0, 16.5), (20.0, 31.0), (33.0, 60.0), (300.0, 300.0 + REACH_FRAMES)]
    moved = public._borders.refine(rms, found, public.aligned)
    before, after = (np.array([edge for pair in pairs for edge in pair]) for pairs in (found, moved))
    middles = (before[1:] + before[:-1]) / 2
    assert (after[:-1] <= middles + 1).all()
    assert (after[1:] >= middles - 1).all()
    assert (np.abs(after - before) <= REACH_FRAMES + 1).all()
    assert (np.diff(after) >= 0).all()


def test_the_ends_of_a_clip_stay_and_silence_does_no_harm(public, rms):
    frames = len(rms) // FRAME
    assert public._borders.refine(rms, [(0.0, float(frames))], public.aligned) == [(0.0, frames)]
    silence = np.zeros(5 * RATE, np.float32)
    ((first, last),) = public._borders.refine(silence, [(50.0, 150.0)], public.aligned)
    assert abs(first - 50) <= REACH_FRAMES + 1
    assert abs(last - 150) <= REACH_FRAMES + 1
    assert public._borders.refine(rms[: 30 * FRAME], [(3.0, 29.5)], public.aligned)[0][1] == 29.5


def test_networks_without_a_second_look_fit_borders_to_two_levels(public, rms, marked, tmp_path):
    folder, _ = audioseal_checkpoint.default_checkpoint()
    for name in (audioseal_checkpoint.GENERATOR_FILE, audioseal_checkpoint.DETECTOR_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    core = _spliced(rms, marked, 2.0, 5.0)
    rough, close = (each.detect(core, RATE).intervals for each in (layer.PublicMark.load(tmp_path), public))
    assert rough != close
    assert rough == [(pytest.approx(2.0, abs=0.2), pytest.approx(5.0, abs=0.2))]
