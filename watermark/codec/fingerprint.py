"""Content binding: a robust fingerprint of a marked output, and where later audio agrees with it.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): 80 times a second, 32
signs of how the energy difference of neighbouring bands (33 bands, 300 to 3400 Hz) changed since the frame
before. Codecs, noise and rooms turn over a fifth to a third of the bits, other speech half of them. A mark
copied onto other audio is therefore found out, and cuts, insertions and replacements are located in time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.fft import rfft

from .chunks import CHUNK_S, OVERLAP_S, chunks, slices
from .features import stretch_frames
from .fingerprint_alignment import BITS, OFFSET_SLACK, clear_frames, follow
from .parameters import SAMPLE_RATE_HZ

FRAMES_PER_SECOND = 80

_MAGIC = b"AFP1"
_WINDOW = 1_600
_HOP = SAMPLE_RATE_HZ // FRAMES_PER_SECOND
_CENTRE_S = _WINDOW / 2 / SAMPLE_RATE_HZ
_BANDS = BITS + 1
_BAND_EDGES_HZ = np.geomspace(300, 3_400, _BANDS + 1)
_ACTIVE_DB = 30.0  # frames further below the loud ones say nothing
_SILENCED_DB = 36.0  # where the record spoke, a frame so far below was silenced: it does not cover the record


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

    offsets, path, errors, best_ber = follow(signs, active, record, record_active)
    agreeing = (path >= 0) & active
    clear = clear_frames(errors, agreeing)
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
        in_order=not used or max(used) - min(used) <= OFFSET_SLACK,
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
        return np.zeros((0, BITS), np.int8), np.zeros(0, np.uint8)
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
    if len(stored) != 8 + frames * (BITS // 8 + 1):
        raise ValueError("the fingerprint is cut short")
    words = np.frombuffer(stored, np.uint8, frames * BITS // 8, 8).reshape(frames, BITS // 8)
    levels = np.frombuffer(stored, np.uint8, frames, 8 + frames * BITS // 8)
    signs = 2 * np.unpackbits(words, axis=1, bitorder="little").astype(np.int8) - 1
    return signs, _active(levels) if frames else np.zeros(0, bool)
