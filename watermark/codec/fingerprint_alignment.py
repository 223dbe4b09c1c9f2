"""Where the signs of some audio run along those of a record: offsets, frames that agree, and how surely.

Pieces of two seconds are sought in the whole record, and the offsets found there are followed frame by frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

BITS = 32  # signs of a frame
MATCHED_BER = 0.40  # bit error rate at which a stretch still counts as the same audio
# ... and at which it does so beyond doubt. What marking added to a record, copied loudly onto other speech, still
# carries the record's outline: such forgeries agree at 0.35 to 0.40, and so does our own speech in a reverberant
# room or under other sound as loud as 10 dB below it. Codecs and noise at 20 dB stay below 0.33.
CLEAR_BER = 0.33
_ANCHOR_FRAMES = 160  # 2 s: long enough that other speech never comes near MATCHED_BER at its best offset
_ANCHOR_HOP = 40
OFFSET_SLACK = 2  # frames; offsets closer than this are one
_STRETCH_FRAMES = 2_400  # 30 s, in which
_MOST_OFFSETS = 12  # so many offsets are followed: pieces of 2.5 s, however many there are in the file
_LAP_FRAMES = 320  # 4 s that neighbouring stretches share
_CORRELATED_FRAMES = 6.0  # neighbouring frames share most of their window: so many count as one observation
_MODEL_BER = 0.30  # of audio that agrees; with 0.5 for other audio the balance tips at about 0.40
_SWITCH_NATS = 8.0
_CLEAR_FRAMES = 160  # 2 s
_PATCH_FRAMES = 48  # 0.6 s
_PATCH_BER = 0.12  # above the usual error of what agrees


@dataclass(frozen=True, eq=False)
class _Sought:
    """A record's signs, zero where it is inactive, and the spectra (over `size` frames) that pieces are sought with."""

    signs: np.ndarray
    size: int
    spectrum: np.ndarray
    mask_spectrum: np.ndarray

    @classmethod
    def of(cls, signs: np.ndarray, window: int) -> _Sought:
        """For pieces of up to `window` frames."""
        size = next_fast_len(len(signs) + window)
        mask = (signs[:, 0] != 0).astype(np.float32)
        return cls(signs, size, rfft(signs.astype(np.float32), size, axis=0), rfft(mask, size))


def follow(
    signs: np.ndarray, active: np.ndarray, record: np.ndarray, record_active: np.ndarray
) -> tuple[list[int], np.ndarray, np.ndarray, float]:
    """Offsets, the state of each frame (an index into them, or -1) and its bit error rate there, as `_label` says,
    and the lowest bit error rate of any 2 s. In overlapping stretches, each with a dozen offsets of its own.
    """
    count = len(signs)
    asked = signs * active[:, None]
    sought = _Sought.of(record * record_active[:, None], min(_ANCHOR_FRAMES, count))
    offsets: list[int] = []
    path, errors, lowest = np.full(count, -1), np.full(count, np.nan), 0.5
    starts = range(0, max(count - _LAP_FRAMES, 1), _STRETCH_FRAMES - _LAP_FRAMES)
    for start in starts:
        stretch = slice(start, start + _STRETCH_FRAMES if start != starts[-1] else count)
        kept = start + (_LAP_FRAMES // 2 if start else 0)
        before = [offsets[path[kept - 1]] + start] if start and path[kept - 1] >= 0 else []
        here, ber = _anchors(asked[stretch], sought, before)
        lowest = min(lowest, ber)
        states, wrong = _label(signs[stretch], active[stretch], record, record_active, here)
        offsets += [offset - start for offset in here if offset - start not in offsets]
        named = np.array([*(offsets.index(offset - start) for offset in here), -1])
        path[kept : stretch.stop] = named[states[kept - start :]]
        errors[kept : stretch.stop] = wrong[kept - start :]
    return offsets, path, errors, lowest


def _anchors(asked: np.ndarray, sought: _Sought, offsets: Sequence[int]) -> tuple[list[int], float]:
    """Offsets (record frame minus asked frame) at which some 2 s agree, `offsets` first, and the lowest bit error
    rate seen.

    Inactive frames of either are zero. An offset that still holds is kept before all others are searched.
    """
    window = min(_ANCHOR_FRAMES, len(asked))
    record, size = sought.signs, sought.size
    offsets = list(offsets)
    lowest = 0.5
    for start in range(0, max(len(asked) - window, 0) + 1, _ANCHOR_HOP):
        piece = asked[start : start + window].astype(np.float32)
        mask = (piece[:, 0] != 0).astype(np.float32)
        if mask.sum() < window / 3:
            continue
        if any(_ber_at(piece, record, start + offset) < MATCHED_BER - 0.04 for offset in offsets):
            continue
        product = np.conj(rfft(piece, size, axis=0)) * sought.spectrum
        agreement = irfft(product.sum(axis=1), size)
        compared = irfft(np.conj(rfft(mask, size)) * sought.mask_spectrum, size) * BITS
        enough = compared > BITS * max(mask.sum() / 2, 20)
        ber = np.where(enough, (1 - agreement / np.maximum(compared, 1)) / 2, 1.0)
        place = int(ber.argmin())
        lowest = min(lowest, float(ber[place]))
        offset = (place if place < len(record) else place - size) - start
        known = any(abs(offset - other) <= OFFSET_SLACK for other in offsets)
        if ber[place] < MATCHED_BER and not known and len(offsets) < _MOST_OFFSETS:
            offsets.append(offset)
    return offsets, lowest


def _ber_at(piece: np.ndarray, record: np.ndarray, place: int) -> float:
    """Bit error rate of a piece against the record from frame `place` on, where both are active."""
    first, last = max(0, -place), min(len(piece), len(record) - place)
    if last - first < len(piece) // 2:
        return 1.0
    product = piece[first:last] * record[place + first : place + last]
    compared = np.count_nonzero(product)
    return float((1 - product.sum() / compared) / 2) if compared > 20 * BITS else 1.0


def _label(
    signs: np.ndarray, active: np.ndarray, record: np.ndarray, record_active: np.ndarray, offsets: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Most likely state of each frame (-1: does not agree; k: agrees at offsets[k]) and its bit error rate
    there.
    """
    count = len(signs)
    agree_nats = float(np.log((1 - _MODEL_BER) / 0.5)) / _CORRELATED_FRAMES
    differ_nats = float(np.log(_MODEL_BER / 0.5)) / _CORRELATED_FRAMES
    gain = np.zeros((count, len(offsets) + 1))  # last column: does not agree
    ber = np.full((count, len(offsets) + 1), np.nan)
    for state, offset in enumerate(offsets):
        places = np.arange(count) + offset
        inside = (places >= 0) & (places < len(record))
        gain[~inside, state] = -1.0
        rows = np.flatnonzero(inside)
        wrong = (signs[rows] != record[places[rows]]).mean(axis=1)
        ber[rows, state] = wrong
        informative = active[rows] & record_active[places[rows]]
        nats = BITS * ((1 - wrong) * agree_nats + wrong * differ_nats)
        gain[rows, state] = np.where(informative, nats, 0.0)
    path = _viterbi(gain)
    error = ber[np.arange(count), path]
    return np.where(path == len(offsets), -1, path), error


def clear_frames(errors: np.ndarray, agreeing: np.ndarray) -> np.ndarray:
    """Frames whose surroundings agree beyond doubt, bool (frames,). Two seconds are asked for `CLEAR_BER`; a patch
    too short for that stands out against the file's own usual error, and is not broken up by what is shorter still.
    """
    if not agreeing.any():
        return np.ones(len(errors), bool)
    wrong = np.where(agreeing, np.nan_to_num(errors), 0.0)
    usual = float(np.median(errors[agreeing]))
    clear = np.ones(len(errors), bool)
    for frames, limit in ((_CLEAR_FRAMES, CLEAR_BER), (_PATCH_FRAMES, max(CLEAR_BER, usual + _PATCH_BER))):
        window = np.ones(min(frames, len(errors)))
        seen = np.convolve(agreeing.astype(float), window, "same")
        rate = np.convolve(wrong, window, "same") / np.maximum(seen, 1.0)
        clear &= (rate <= limit) | (seen < 0.4 * frames)
    doubtful = np.flatnonzero(~clear)
    for before, after in pairwise(doubtful.tolist()):  # between two doubts there is no room for certainty
        if after - before <= _PATCH_FRAMES:
            clear[before:after] = False
    return clear


def _viterbi(gain: np.ndarray) -> np.ndarray:
    """Best state per frame, a change of state costing _SWITCH_NATS: (frames, states) -> int (frames,)."""
    count, states = gain.shape
    came_from = np.zeros((count, states), np.int16)
    score = np.zeros(states)
    for frame in range(count):
        best = int(score.argmax())
        switch = score[best] - _SWITCH_NATS > score
        came_from[frame] = np.where(switch, best, np.arange(states))
        score = np.where(switch, score[best] - _SWITCH_NATS, score) + gain[frame]
    path = np.zeros(count, np.int64)
    state = int(score.argmax())
    for frame in range(count - 1, -1, -1):
        path[frame] = state
        state = int(came_from[frame, state])
    return path
