"""The deep search: which change of tempo, pitch or speed, undone, makes the mark readable.

A grid of lines, not the full product: tempo from 0.8 to 1.5, speed from 0.8 to 1.25, pitch within 3 semitones,
and tempo within 10 % together with whole semitones. It runs on a few loud excerpts only; the caller then reads the
whole file at the scales found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from .chunks import Chunk
from .parameters import SAMPLE_RATE_HZ, TILES_PER_SECOND
from .records import IssuedRecords, TileDetection, find_records
from .search import Bank, find_alignments, spectrum_of, view_tiles

_EXCERPT_S = 10.0
_STEP = 0.01
_BETTER_NATS = 12.0  # by so much a tempo must explain an excerpt better than none does
_EXCERPTS = 3
_PROMISING = 5  # hypotheses refined and decoded per excerpt
_FINE = (-0.006, -0.003, 0.0, 0.003, 0.006)
_DECODED_NATS = 2.0  # beside the MAC: thousands of payloads are decoded here, of which one in 2**24 passes
_WEAK_PLAIN = 2_000  # alignments per run length matched with issued records at the plain scales
_CLEAR_NATS = 11.5
_CERTAIN_NATS = 18.0  # evidence beyond the hypotheses at which the grid need not be finished


@dataclass(frozen=True)
class Scales:
    """Tempo and pitch to undo, and the logarithm of how many such hypotheses were tried to find them."""

    time: float = 1.0
    frequency: float = 1.0
    log_hypotheses: float = 0.0


@cache
def grid() -> tuple[Scales, ...]:
    """Tempo and speed (both at once) in steps of 1 %, pitch of 1/36 octave; tempo with whole semitones. Likeliest
    first."""
    tempo = [Scales(time, 1.0) for time in _steps(0.8, 1.5)]
    speed = [Scales(time, time) for time in _steps(0.8, 1.25)]
    pitch = [Scales(1.0, 2 ** (k / 36)) for k in range(-9, 10) if k]
    both = [Scales(time, 2 ** (k / 12)) for time in _steps(0.9, 1.1) for k in (-3, -2, -1, 1, 2, 3)]
    alone = sorted(tempo + speed + pitch, key=_distance)
    return tuple(alone + sorted(both, key=_distance))


def tempos() -> list[Scales]:
    """Small changes of tempo, in steps of half a per cent: what still leaves parts of the mark readable plainly."""
    return [Scales(1 + k / 200, 1.0) for k in range(-12, 13) if k]


def _steps(low: float, high: float) -> list[float]:
    """Factors from low to high, 1 % apart, without 1."""
    first, last = round(math.log(low) / _STEP), round(math.log(high) / _STEP)
    return [math.exp(k * _STEP) for k in range(first, last + 1) if k]


def _distance(scales: Scales) -> float:
    return abs(scales.time - 1) + abs(scales.frequency - 1)


@dataclass(frozen=True)
class Finding:
    """What the deep search found: the scales to read the whole file at, and the records of the excerpt that
    told it, with their times in the file."""

    scales: Scales
    records: list[tuple[float, float, TileDetection]]


class Excerpts:
    """Keeps the loudest stretch of each chunk, and of those the loudest three: bounded memory, any length."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, float, np.ndarray]] = []

    def offer(self, chunk: Chunk) -> None:
        """Look at a chunk."""
        length = int(_EXCERPT_S * SAMPLE_RATE_HZ)
        samples, start = chunk.samples, 0
        if len(samples) > length:
            running = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
            start = int((running[length:] - running[:-length]).argmax())
            samples = samples[start : start + length].copy()
        energy = float(np.square(samples, dtype=np.float64).sum())
        if energy > 0:
            entry = energy, chunk.start_s + start / SAMPLE_RATE_HZ, samples
            self._kept = sorted([*self._kept, entry], key=lambda kept: -kept[0])[:_EXCERPTS]

    @property
    def pieces(self) -> list[tuple[float, np.ndarray]]:
        """Start in the file and samples (float32 at 16 kHz, at most 10 s) of the excerpts, loudest first."""
        return [(start_s, samples) for _, start_s, samples in self._kept]


def search_deeply(
    bank: Bank, pieces: list[tuple[float, np.ndarray]], issued: IssuedRecords | None
) -> Finding | None:
    """What some excerpt says at some scales; failing that, scales with clear evidence and no records; else
    None.
    """
    hypotheses = grid()
    log_tried = float(np.log(len(hypotheses) * len(_FINE) * max(len(pieces), 1)))
    strongest: tuple[float, Scales] | None = None
    for start_s, piece in pieces:
        spectrum = spectrum_of(piece)
        ranked: list[tuple[float, Scales]] = []
        for scales in hypotheses:
            excess, _ = _look(bank, spectrum, scales, issued, decode=False)
            ranked.append((excess, scales))
            if excess > _CERTAIN_NATS + log_tried:
                break
        else:  # perhaps nothing was changed, and the mark is only weak
            _, records = _look(bank, spectrum, Scales(), issued, weak=_WEAK_PLAIN if issued else 0)
            if records:
                return Finding(Scales(), _timed(records, start_s, Scales()))
        ranked.sort(key=lambda entry: -entry[0])
        for _, coarse in ranked[:_PROMISING]:
            for scales in _refined(coarse):
                tried = Scales(scales.time, scales.frequency, log_tried)
                excess, records = _look(bank, spectrum, tried, issued)
                if records:
                    return Finding(tried, _timed(records, start_s, tried))
                if strongest is None or excess > strongest[0]:
                    strongest = excess, tried
    if strongest is not None and strongest[0] > log_tried + _CLEAR_NATS:
        return Finding(strongest[1], [])
    return None


def better_tempo(bank: Bank, pieces: list[tuple[float, np.ndarray]]) -> Scales | None:
    """A small change of tempo that explains the loudest excerpt far better than none does; None where there is none."""
    if not pieces:
        return None
    spectrum = spectrum_of(pieces[0][1])
    hypotheses = tempos()
    plain, _ = _look(bank, spectrum, Scales(), None, decode=False)
    found = [(_look(bank, spectrum, scales, None, decode=False)[0], scales) for scales in hypotheses]
    excess, best = max(found, key=lambda entry: entry[0])
    if excess < max(plain, 0.0) + _BETTER_NATS:
        return None
    return Scales(best.time, best.frequency, float(np.log(len(hypotheses))))


def _refined(coarse: Scales) -> list[Scales]:
    """Neighbours of a grid point along its own line, itself first."""
    around = []
    for step in sorted(_FINE, key=abs):
        time = coarse.time * (1 + step) if coarse.time != 1 else 1.0
        frequency = coarse.frequency * (1 + step) if coarse.frequency != 1 else 1.0
        around.append(Scales(time, frequency))
    return around


def _look(
    bank: Bank,
    spectrum: np.ndarray,
    scales: Scales,
    issued: IssuedRecords | None,
    *,
    decode: bool = True,
    weak: int = 0,
) -> tuple[float, list[TileDetection]]:
    """Evidence beyond the hypotheses of one look, and the records read."""
    view = view_tiles(spectrum, scales.time, scales.frequency)
    alignments, log_hypotheses = find_alignments(bank, view, weak=weak)
    if not alignments:
        return -np.inf, []
    least_nats = _DECODED_NATS if scales.log_hypotheses else -np.inf
    records = find_records(bank, view, alignments, log_hypotheses, issued, least_nats) if decode else []
    return alignments[0].evidence - log_hypotheses, records


def _timed(
    records: list[TileDetection], start_s: float, scales: Scales
) -> list[tuple[float, float, TileDetection]]:
    per_tile_s = 1 / TILES_PER_SECOND / scales.time
    return [
        (start_s + record.first_tile * per_tile_s, start_s + record.last_tile * per_tile_s, record)
        for record in records
    ]
