"""Has this very recording been heard before? A robust fingerprint and its comparison. numpy and scipy only.

32 bits for every 16 ms: the sign of the time difference of the difference between neighbouring bands, over 33
logarithmic bands from 300 to 3400 Hz. Source: Haitsma and Kalker 2002, "A Highly Robust Audio Fingerprinting
System". The same recording, made louder, cut, compressed or noisier, differs in few bits; another recording,
even of the same words by the same person, differs in almost half.

Statements share most of their words between challenges, so only the challenge-word part of an earlier
recording can prove a replay; a match in its statement part is a question for a reviewer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from . import limits
from .report import Gate

_RATE_HZ, _WINDOW, _HOP, _BANDS = 8_000, 2_048, 128, 33
FRAMES_PER_S = _RATE_HZ / _HOP
_HEADER = struct.Struct("<4sII")
_MAGIC = b"HKf1"
_NO_WORDS = 0xFFFFFFFF
_ACTIVE_DB = 40.0  # frames further than this below the loudest carry no voice
_MIN_ACTIVE_FRAMES = 60  # about one second
_TEMPOS = (0.96, 0.98, 1.0, 1.02, 1.04)
_COARSE_FRAMES = 4
_WORTH_A_LOOK = 0.39  # a coarse bit error rate; that of other recordings is seldom lower
_SILENT = np.uint32(0)  # written for frames without voice; never compared


@dataclass(frozen=True)
class Fingerprint:
    """``bits``: uint32 (frames,), zero where there is no voice. ``words_from``: the frame at which the
    challenge words begin, None when that was not recognised."""

    bits: np.ndarray
    words_from: int | None = None

    def as_bytes(self) -> bytes:
        start = _NO_WORDS if self.words_from is None else self.words_from
        return _HEADER.pack(_MAGIC, len(self.bits), start) + self.bits.astype("<u4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """ValueError when ``data`` is not a fingerprint of this kind."""
        if len(data) < _HEADER.size:
            raise ValueError("not a replay fingerprint")
        magic, count, start = _HEADER.unpack_from(data)
        if magic != _MAGIC or len(data) != _HEADER.size + 4 * count:
            raise ValueError("not a replay fingerprint")
        bits = np.frombuffer(data, "<u4", offset=_HEADER.size).astype(np.uint32)
        return cls(bits, None if start == _NO_WORDS else start)

    def with_words_from(self, start_s: float | None) -> Fingerprint:
        """The same, remembering where the challenge words begin."""
        return Fingerprint(self.bits, None if start_s is None else max(0, int(start_s * FRAMES_PER_S)))


def fingerprint(samples: np.ndarray) -> Fingerprint:
    """Of mono float32 ``samples`` at 16 kHz."""
    from scipy.signal import stft

    low = _halve(samples)
    if len(low) < _WINDOW + _HOP:
        return Fingerprint(np.zeros(0, np.uint32))
    _, _, spectrum = stft(
        low, _RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - _HOP, boundary="zeros", padded=True
    )
    power = np.abs(spectrum) ** 2
    bins = np.linspace(0, _RATE_HZ / 2, _WINDOW // 2 + 1)
    edges = np.searchsorted(bins, np.geomspace(300, 3400, _BANDS + 1))
    bands = np.add.reduceat(power, edges[:-1], axis=0)[:_BANDS]
    bands[-1] = power[edges[-2] : edges[-1]].sum(axis=0)
    bits = np.diff(np.diff(bands, axis=0), axis=1) > 0
    words = (bits.astype(np.uint32) << np.arange(_BANDS - 1, dtype=np.uint32)[:, None]).sum(
        axis=0, dtype=np.uint32
    )
    energy = bands.sum(axis=0)[1:]
    voiced = energy > energy.max(initial=0.0) * 10 ** (-_ACTIVE_DB / 10)
    # A voiced frame whose bits are all zero by chance is rare, and losing it costs nothing.
    return Fingerprint(np.where(voiced, words, _SILENT))


def _halve(samples: np.ndarray) -> np.ndarray:
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(samples.astype(np.float64), 1, 2))


def bit_error_rate(known: np.ndarray, heard: np.ndarray) -> float:
    """Lowest share of differing bits of ``known`` (uint32 frames) laid anywhere on ``heard``.

    Frames of ``known`` without voice are not counted. Tempo changes of up to 4 % are tried. 1.0 when too short.
    A coarse look comes first: every fourth frame, every second position; only what is then
    anywhere near a match is compared in full (the coarse value is returned for the rest).
    """
    coarse = min(_lowest(_at_tempo(known, tempo), heard, _COARSE_FRAMES, 2) for tempo in _TEMPOS)
    if coarse > _WORTH_A_LOOK:
        return coarse
    return min(_lowest(_at_tempo(known, tempo), heard) for tempo in _TEMPOS)


def _at_tempo(bits: np.ndarray, tempo: float) -> np.ndarray:
    if tempo == 1.0 or len(bits) == 0:
        return bits
    at = (np.arange(int(len(bits) / tempo)) * tempo).round().astype(int)
    return np.asarray(bits[np.minimum(at, len(bits) - 1)])


def _lowest(known: np.ndarray, heard: np.ndarray, every_frame: int = 1, every_shift: int = 1) -> float:
    active = np.flatnonzero(known)
    if len(active) < _MIN_ACTIVE_FRAMES:
        return 1.0
    known = known[active[0] : active[-1] + 1]
    active = np.flatnonzero(known)[::every_frame]
    # Let the known piece hang over either end: a cut replay must still match with what is left of it.
    heard = np.pad(heard, len(known) // 2)
    if len(heard) < len(known):
        return 1.0
    windows = np.lib.stride_tricks.sliding_window_view(heard, len(known))[::every_shift, active]
    differing = np.bitwise_count(windows ^ known[active])
    compared = windows != _SILENT
    counts = compared.sum(axis=1)
    enough = counts >= max(_MIN_ACTIVE_FRAMES // every_frame, len(active) // 2)
    if not enough.any():
        return 1.0
    errors = np.where(compared, differing, 0).sum(axis=1)
    return float((errors[enough] / (counts[enough] * (_BANDS - 1))).min())


def replay_gate(heard: Fingerprint, known: Iterable[tuple[str, bytes]]) -> Gate:
    """Compare with earlier recordings ``(id, fingerprint bytes)``, which may be of any voice."""
    limit = limits.REPLAY_FAIL_BER
    words_ber, statement_ber = 1.0, 1.0
    for _, data in known:
        earlier = Fingerprint.from_bytes(data)
        cut = earlier.words_from
        statement = earlier.bits if cut is None else earlier.bits[:cut]
        statement_ber = min(statement_ber, bit_error_rate(statement, heard.bits))
        if cut is not None:
            words_ber = min(words_ber, bit_error_rate(earlier.bits[cut:], heard.bits))
    measured = {"words": round(words_ber, 3), "statement": round(statement_ber, 3)}
    if words_ber < limit:
        message = "This recording, or part of it, was submitted before. Record the statement anew."
        return Gate("replay", "fail", measured, limit, "bit error rate", "replayed_recording", message)
    if words_ber < limits.REPLAY_REVIEW_BER or statement_ber < limit:
        message = "The recording is very like an earlier one; a reviewer compares them."
        return Gate("replay", "review", measured, limit, "bit error rate", "replay_suspected", message)
    return Gate("replay", "pass", measured, limit, "bit error rate")
