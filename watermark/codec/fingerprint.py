"""Content binding: a robust fingerprint of a marked output, and where later audio agrees with it.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): 80 times a second, 32
signs of how the energy difference of neighbouring bands (33 bands, 300 to 3400 Hz) changed since the frame
before. Codecs, noise and rooms turn over a fifth to a third of the bits, other speech half of them. A mark
copied onto other audio is therefore found out, and cuts, insertions and replacements are located in time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from .chunks import CHUNK_S, OVERLAP_S, chunks, slices
from .features import stretch_frames
from .parameters import SAMPLE_RATE_HZ

MATCHED_BER = 0.40  # bit error rate at which a stretch still counts as the same audio
# ... and at which it does so beyond doubt. What marking added to a record, copied loudly onto other speech, still
# carries the record's outline: such forgeries agree at 0.35 to 0.40, and so does our own speech in a reverberant
# room or under other sound as loud as 10 dB below it. Codecs and noise at 20 dB stay below 0.33.
CLEAR_BER = 0.33
FRAMES_PER_SECOND = 80

_MAGIC = b"AFP1"
_WINDOW = 1_600
_HOP = SAMPLE_RATE_HZ // FRAMES_PER_SECOND
_CENTRE_S = _WINDOW / 2 / SAMPLE_RATE_HZ
_BANDS = 33
_BITS = _BANDS - 1
_BAND_EDGES_HZ = np.geomspace(300, 3_400, _BANDS + 1)
_ACTIVE_DB = 30.0  # frames further below the loud ones say nothing
_SILENCED_DB = 36.0  # where the record spoke, a frame so far below was silenced: it does not cover the record

_ANCHOR_FRAMES = 160  # 2 s: long enough that other speech never comes near MATCHED_BER at its best offset
_ANCHOR_HOP = 40
_OFFSET_SLACK = 2  # frames; offsets closer than this are one
_STRETCH_FRAMES = 2_400  # 30 s, in which
_MOST_OFFSETS = 12  # so many offsets are followed: pieces of 2.5 s, however many there are in the file
_LAP_FRAMES = 320  # 4 s that neighbouring stretches share
_CORRELATED_FRAMES = 6.0  # neighbouring frames share most of their window: so many count as one observation
_MODEL_BER = 0.30  # of audio that agrees; with 0.5 for other audio the balance tips at about 0.40
_SWITCH_NATS = 8.0
_CLEAR_FRAMES = 160  # 2 s
_PATCH_FRAMES = 48  # 0.6 s
_PATCH_BER = 0.12  # above the usual error of what agrees


@dataclass(frozen=True)
class MatchInterval:
    """start_s .. end_s of the audio asked about; ok: it agrees with the fingerprint, from record_start_s
    on; clear: so well that it cannot be other sound with our mark's outline in it.
    """

    start_s: float
    end_s: float
    ok: bool
    record_start_s: float | None = None
    clear: bool = True


@dataclass(frozen=True)
class FingerprintMatch:
    """How audio agrees with a stored fingerprint.

    ber: bit error rate over what agrees, or, if nothing does, at the best offset of any 2 s. offset_s: time
    in the record of the first second that agrees, less its time in the audio (None: nothing does). tempo:
    the factor undone before comparing. intervals cover the audio. share: of its active frames that agree.
    covered: share of the record's active frames that are there. in_order: what agrees follows the record
    without jumps.
    """

    ber: float
    offset_s: float | None
    tempo: float
    intervals: list[MatchInterval]
    share: float
    covered: float
    in_order: bool


def compute(samples: np.ndarray, sample_rate_hz: int) -> bytes:
    """Fingerprint of one channel (n,): 400 bytes a second behind a header of 8."""
    return compute_blocks(slices(samples, sample_rate_hz), sample_rate_hz)


def compute_blocks(blocks: Iterable[np.ndarray], sample_rate_hz: int) -> bytes:
    """The same for audio that arrives in blocks, in bounded memory."""
    bands = _band_levels(blocks, sample_rate_hz, 1.0)
    signs, levels = _signs(bands)
    words = np.packbits(signs > 0, axis=1, bitorder="little").tobytes()
    return _MAGIC + struct.pack("<I", len(signs)) + words + levels.tobytes()


def compare(
    stored: bytes,
    samples: np.ndarray,
    sample_rate_hz: int,
    *,
    time_scale: float = 1.0,
    frequency_scale: float = 1.0,
) -> FingerprintMatch:
    """Where one channel (n,) agrees with a stored fingerprint.

    time_scale, frequency_scale: tempo and pitch to undo, as `detect` returns them.
    Raises ValueError for bytes that are no fingerprint of this version.
    """
    return compare_blocks(
        stored,
        slices(samples, sample_rate_hz),
        sample_rate_hz,
        time_scale=time_scale,
        frequency_scale=frequency_scale,
    )


def compare_blocks(
    stored: bytes,
    blocks: Iterable[np.ndarray],
    sample_rate_hz: int,
    *,
    time_scale: float = 1.0,
    frequency_scale: float = 1.0,
) -> FingerprintMatch:
    """The same for audio that arrives in blocks."""
    record, record_active = _parse(stored)
    bands = stretch_frames(_band_levels(blocks, sample_rate_hz, frequency_scale), time_scale)
    signs, levels = _signs(bands)
    active = _active(levels)

    def seconds(frame: float) -> float:
        return (frame / FRAMES_PER_SECOND + (_CENTRE_S if frame else 0.0)) / time_scale

    duration_s = seconds(len(signs)) if len(signs) else 0.0
    if not active.any() or not record_active.any():
        return FingerprintMatch(
            0.5, None, time_scale, [MatchInterval(0.0, duration_s, False)], 0.0, 0.0, False
        )

    offsets, path, errors, best_ber = _follow(signs, active, record, record_active)
    agreeing = (path >= 0) & active
    clear = _clear(errors, agreeing)
    intervals = []
    edges = [0, *(np.flatnonzero(np.diff(path) | np.diff(clear)) + 1).tolist(), len(path)]
    for start, end in pairwise(edges):
        state = int(path[start])
        begins = None if state < 0 else max(0.0, (start + offsets[state]) / FRAMES_PER_SECOND)
        intervals.append(
            MatchInterval(seconds(start), seconds(end), state >= 0, begins, clear=bool(clear[start]))
        )

    there = np.zeros(len(record), bool)
    audible = _active(levels, _SILENCED_DB)
    for state, offset in enumerate(offsets):
        frames = np.flatnonzero((path == state) & audible) + offset
        there[frames[(frames >= 0) & (frames < len(record))]] = True
    starts = [i for i in intervals if i.ok]
    used = [offsets[state] for state in np.unique(path[path >= 0])]
    ber = float(np.nanmean(errors[agreeing])) if agreeing.any() else best_ber
    first = starts[0] if starts else None
    return FingerprintMatch(
        ber=ber,
        offset_s=None
        if first is None or first.record_start_s is None
        else first.record_start_s - first.start_s,
        tempo=time_scale,
        intervals=intervals,
        share=float(agreeing.sum() / active.sum()),
        covered=float((there & record_active).sum() / record_active.sum()),
        in_order=not used or max(used) - min(used) <= _OFFSET_SLACK,
    )


# ------------------------------------------------------------------ signs of a signal
def _band_levels(blocks: Iterable[np.ndarray], sample_rate_hz: int, frequency_scale: float) -> np.ndarray:
    """Log energy in dB of 33 bands, 80 frames a second: float32 (frames, 33)."""
    step = int((CHUNK_S - OVERLAP_S) * FRAMES_PER_SECOND)
    parts: list[np.ndarray] = []
    for chunk in chunks(blocks, sample_rate_hz):
        if parts:  # a chunk begins where its predecessor's overlap does
            parts[-1] = parts[-1][:step]
        parts.append(_levels_of(chunk.samples, frequency_scale))
    return np.concatenate(parts) if parts else np.zeros((0, _BANDS), np.float32)


def _levels_of(core: np.ndarray, frequency_scale: float) -> np.ndarray:
    if len(core) < _WINDOW:
        return np.zeros((0, _BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(core, _WINDOW)[::_HOP]
    edges = np.minimum(_BAND_EDGES_HZ * frequency_scale * _WINDOW / SAMPLE_RATE_HZ, _WINDOW // 2)
    # Band energies from a running sum read between bins, so that narrow bands and scaled edges stay smooth.
    low = np.minimum(edges.astype(np.int64), _WINDOW // 2 - 1)
    share = edges - low
    out = np.empty((len(frames), _BANDS), np.float32)
    for start in range(0, len(frames), 1_024):
        spectrum = rfft(frames[start : start + 1_024] * _HANN, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        running = np.pad(np.cumsum(power, axis=1, dtype=np.float64), ((0, 0), (1, 1)), mode="edge")
        running[:, 0] = 0
        at_edges = running[:, low] * (1 - share) + running[:, low + 1] * share
        out[start : start + 1_024] = 10 * np.log10(np.maximum(np.diff(at_edges, axis=1), 0) + 1e-7)
    return out


_HANN = np.hanning(_WINDOW).astype(np.float32)


def _signs(bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signs -1 / +1, int8 (frames, 32), and level in dB above -100 clipped to a byte, uint8 (frames,)."""
    if not len(bands):
        return np.zeros((0, _BITS), np.int8), np.zeros(0, np.uint8)
    slope = np.diff(bands, axis=1)
    change = np.diff(slope, axis=0, prepend=slope[:1])
    level = 10 * np.log10(np.mean(10 ** (bands / 10), axis=1) + 1e-12)
    return np.where(change > 0, 1, -1).astype(np.int8), np.clip(level + 100, 0, 255).astype(np.uint8)


def _active(levels: np.ndarray, range_db: float = _ACTIVE_DB) -> np.ndarray:
    result: np.ndarray = levels > np.quantile(levels, 0.95) - range_db
    return result


def _parse(stored: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Signs and activity of a stored fingerprint."""
    if len(stored) < 8 or stored[:4] != _MAGIC:
        raise ValueError("not a fingerprint of this version")
    (frames,) = struct.unpack("<I", stored[4:8])
    if len(stored) != 8 + frames * (_BITS // 8 + 1):
        raise ValueError("the fingerprint is cut short")
    words = np.frombuffer(stored, np.uint8, frames * _BITS // 8, 8).reshape(frames, _BITS // 8)
    levels = np.frombuffer(stored, np.uint8, frames, 8 + frames * _BITS // 8)
    signs = 2 * np.unpackbits(words, axis=1, bitorder="little").astype(np.int8) - 1
    return signs, _active(levels) if frames else np.zeros(0, bool)


# ------------------------------------------------------------------ comparing
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


def _follow(
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
        compared = irfft(np.conj(rfft(mask, size)) * sought.mask_spectrum, size) * _BITS
        enough = compared > _BITS * max(mask.sum() / 2, 20)
        ber = np.where(enough, (1 - agreement / np.maximum(compared, 1)) / 2, 1.0)
        place = int(ber.argmin())
        lowest = min(lowest, float(ber[place]))
        offset = (place if place < len(record) else place - size) - start
        known = any(abs(offset - other) <= _OFFSET_SLACK for other in offsets)
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
    return float((1 - product.sum() / compared) / 2) if compared > 20 * _BITS else 1.0


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
        nats = _BITS * ((1 - wrong) * agree_nats + wrong * differ_nats)
        gain[rows, state] = np.where(informative, nats, 0.0)
    path = _viterbi(gain)
    error = ber[np.arange(count), path]
    return np.where(path == len(offsets), -1, path), error


def _clear(errors: np.ndarray, agreeing: np.ndarray) -> np.ndarray:
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
