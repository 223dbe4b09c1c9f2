from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from tests.comparison.sounds import RATE, speechlike
from watermark.comparison import Comparison, Reference, compare
from watermark.comparison.reference import make, parse

SOUND = speechlike(8.0, 11)
OTHER = speechlike(8.0, 12)
REFERENCE = parse(make(SOUND, RATE))
Edit = Callable[[np.ndarray], np.ndarray]


def at(seconds: float) -> int:
    return round(seconds * RATE)


def sounding(length_s: float, near_s: float = 3.0) -> tuple[int, int]:
    """A stretch with sound at both ends."""
    level = np.abs(SOUND).reshape(-1, 320).max(axis=1)
    loud = level > 0.15 * level.max()
    count = round(length_s / 0.02)
    starts = [
        s
        for s in range(round(near_s / 0.02), 350)
        if loud[s : s + 2].all() and loud[s + count - 2 : s + count].all()
    ]
    return starts[0] * 320, (starts[0] + count) * 320


FIRST, LAST = sounding(0.3)


def with_noise(x: np.ndarray) -> np.ndarray:
    level = np.sqrt(np.mean(np.square(x))) * 10 ** (-25 / 20)
    return x + (level * np.random.default_rng(0).standard_normal(len(x))).astype(np.float32)


def telephone(x: np.ndarray) -> np.ndarray:
    return sosfilt(butter(10, (300, 3_400), "bandpass", fs=RATE, output="sos"), x).astype(np.float32)


def compared(samples: np.ndarray, reference: Reference = REFERENCE) -> Comparison:
    found = compare(reference, samples)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "through", [lambda x: x, with_noise, telephone, lambda x: 0.1 * x, lambda x: x[at(1.3) : at(6.1)]]
)
def test_nothing_is_flagged_in_a_file_that_nobody_edited(through: Edit) -> None:
    found = compared(through(SOUND))
    assert (found.flags, found.disturbed) == ((), False)
    assert sum(b - a for a, b in found.matching) == pytest.approx(len(through(SOUND)) / RATE, abs=0.1)


EDITS: dict[str, tuple[Edit, tuple[float, float]]] = {
    "muted": (lambda x: np.concatenate([x[:FIRST], np.zeros(LAST - FIRST), x[LAST:]]), (FIRST, LAST)),
    "replaced": (lambda x: np.concatenate([x[:FIRST], OTHER[FIRST:LAST], x[LAST:]]), (FIRST, LAST)),
    "put in": (lambda x: np.concatenate([x[:FIRST], OTHER[FIRST:LAST], x[FIRST:]]), (FIRST, LAST)),
    "cut": (lambda x: np.concatenate([x[:FIRST], x[LAST:]]), (FIRST, FIRST)),
    "from another place": (
        lambda x: np.concatenate([x[:FIRST], x[at(6.5) : at(6.5) + LAST - FIRST], x[LAST:]]),
        (FIRST, LAST),
    ),
}


@pytest.mark.parametrize("through", [lambda x: x, with_noise, telephone], ids=["clean", "noise", "telephone"])
@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_of_a_third_of_a_second_is_found_within_a_tenth(kind: str, through: Edit) -> None:
    edit, (first, last) = EDITS[kind]
    found = compared(through(edit(SOUND).astype(np.float32)))
    near = [f for f in found.flags if f.start_s < last / RATE + 0.1 and f.end_s > first / RATE - 0.1]
    assert near, found
    assert min(f.start_s for f in near) == pytest.approx(first / RATE, abs=0.1)
    assert max(f.end_s for f in near) == pytest.approx(last / RATE, abs=0.1)
    assert not [
        span for span in found.matching if span[0] < (first + last) / 2 / RATE < span[1] and last > first
    ]


def test_a_muted_word_is_said_to_be_silenced_and_a_cut_to_be_a_joint() -> None:
    (muted,) = compared(EDITS["muted"][0](SOUND).astype(np.float32)).flags
    assert muted.kind == "silenced"
    assert muted.record_start_s == pytest.approx(FIRST / RATE, abs=0.1)
    (cut,) = compared(EDITS["cut"][0](SOUND)).flags
    assert (cut.kind, cut.start_s) == ("cut", cut.end_s)
    assert cut.record_end_s - cut.record_start_s == pytest.approx((LAST - FIRST) / RATE, abs=0.05)


def test_a_word_muted_twice_is_found_twice() -> None:
    changed = SOUND.copy()
    changed[FIRST:LAST] = 0
    changed[at(6.2) : at(6.6)] = 0
    found = compared(changed).flags
    assert len(found) == 2


def test_silence_between_two_edits_is_not_as_released() -> None:
    """Both are silent there, which is no evidence for anything."""
    pause = slice(at(4.0), at(4.8))
    sound, other = SOUND.copy(), OTHER.copy()
    sound[pause] = other[pause] = 0
    changed = np.concatenate([sound[: at(3.2)], other[at(3.2) : at(5.6)], sound[at(5.6) :]])
    found = compared(changed, parse(make(sound, RATE)))
    assert found.flags
    assert not [span for span in found.matching if span[0] < 4.4 < span[1]], found


def test_a_word_before_the_pause_that_ends_a_record_is_told() -> None:
    """Though nothing behind it speaks for the record."""
    sound = SOUND.copy()
    sound[at(6.8) :] = 0
    changed = sound.copy()
    changed[at(6.4) : at(6.8)] = OTHER[at(6.4) : at(6.8)]
    (flag,) = compared(changed, parse(make(sound, RATE))).flags
    assert (flag.start_s, flag.end_s) == pytest.approx((6.4, 6.8), abs=0.15)


def test_what_follows_our_sound_and_what_precedes_it_is_not_called_an_edit() -> None:
    found = compared(
        np.concatenate([np.zeros(at(5)), SOUND[at(2) : at(6)], np.zeros(at(5))]).astype(np.float32)
    )
    assert found.flags == ()
    ((start_s, end_s),) = found.matching
    assert (start_s, end_s) == pytest.approx((5.0, 9.0), abs=0.15)
    assert found.missing_s > 2.0


def test_other_sound_is_never_compared_word_by_word() -> None:
    found = compare(REFERENCE, OTHER)
    assert found is None or found.disturbed or not found.matching


def test_the_bands_that_a_telephone_takes_away_are_said() -> None:
    assert compared(with_noise(telephone(SOUND))).heard_to_hz < 5_000 < compared(SOUND).heard_to_hz


def test_less_than_half_a_second_is_not_compared() -> None:
    assert compare(REFERENCE, SOUND[: at(0.3)]) is None
