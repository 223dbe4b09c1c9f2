"""Finding where in which epoch's keystream a piece of audio lies, with a bound on how likely chance does as
well.

Every one-second period of every active epoch is correlated with the features at every tile offset. Sync
polarity is random per period, so |correlation| is added over runs of consecutive periods.

The bound: signs of the keystream are random and independent of unmarked audio, so a weighted sum of n of
them exceeds z standard deviations with a chance of at most exp(-z**2 / 2) (Hoeffding, 1963), whatever the
audio is. The sum of |correlation| over k periods is the largest over 2**k polarities, hence at most 2**k *
exp(-z**2 / 2); so

    evidence = z**2 / 2 - k * ln 2          [nats]

and over all A offsets, periods and run lengths looked at, chance reaches an evidence e with at most A *
exp(-e).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft

from .content import content_weights
from .features import features, reference_level, reliability, row_power, stft, stretch_frames, tile_power
from .keys import EpochKeys, MarkKeys
from .keystream import Keystream, keystream
from .parameters import (
    FRAMES_PER_TILE,
    KEYSTREAM_TILES,
    PERIOD_TILES,
    PERIODS,
    SYNC_SHARE,
    TILE_ROWS,
    TILES_PER_SECOND,
)

RUN_LENGTHS = (1, 2, 4, 8, 16, 32)  # periods added up
FFT = 256
STEP = FFT - PERIOD_TILES + 1
_PER_SECOND = 3  # candidates kept per second of offsets and run length
_LN2 = float(np.log(2))
_ACTIVE_DB = 30.0


@dataclass(frozen=True)
class Alignment:
    """One hypothesis: tile 0 of the piece, at this phase, is column `place` of this epoch's keystream.

    The evidence was found on tiles first_tile .. last_tile (exclusive); weaker runs at the same place reach
    over reach_first .. reach_last.
    """

    epoch_index: int
    phase: int
    place: int
    evidence: float
    first_tile: int
    last_tile: int
    reach_first: int
    reach_last: int


@dataclass(frozen=True)
class TileView:
    """Features of a piece at one hypothesis of tempo and pitch, for both phases of the tile grid.

    Sync is read from `values`; code and confirmation from `bound`, the same signed by the content.
    """

    values: tuple[np.ndarray, ...]  # per phase: float32 (tiles, 69)
    powers: tuple[np.ndarray, ...]  # per phase: float32 (tiles, 69)
    time_scale: float
    frequency_scale: float
    active_s: float  # seconds of the original within 30 dB of the loud parts
    _bound: dict[tuple[bytes, int], np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def bound(self, stream: Keystream, phase: int) -> np.ndarray:
        """Features of one phase, signed by the content as the keys of `stream` say: float32 (tiles, 69)."""
        kept = stream.delays.tobytes(), phase
        if kept not in self._bound:
            self._bound[kept] = self.values[phase] * content_weights(self.powers[phase], stream.delays)
        return self._bound[kept]

    def seconds(self, tile: float) -> float:
        """Time in the original piece of a tile border."""
        return tile / TILES_PER_SECOND / self.time_scale


class Bank:
    """Templates of the active epochs: complex64 (129 frequencies, epochs * 64 periods, 69 rows)."""

    def __init__(self, epoch_keys: Sequence[EpochKeys]) -> None:
        if not epoch_keys:
            raise ValueError("detection needs at least one epoch")
        self.epoch_keys = list(epoch_keys)
        self.streams: list[Keystream] = [keystream(key) for key in epoch_keys]
        periods = np.concatenate([stream.sync for stream in self.streams])
        self.templates = template_spectra(periods)


def bank_for(keys: MarkKeys, epochs: Sequence[str]) -> Bank:
    """The bank of some epochs, kept for the next file (5 MB an epoch)."""
    return _bank(tuple(keys.for_epoch(epoch) for epoch in epochs))


@lru_cache(maxsize=2)
def _bank(epoch_keys: tuple[EpochKeys, ...]) -> Bank:
    return Bank(epoch_keys)


def template_spectra(periods: np.ndarray) -> np.ndarray:
    """(n, 63, 69) signs -> conjugate spectra over time for `correlate`: complex64 (129, n, 69)."""
    spectra = np.conj(rfft(periods, FFT, axis=1)).transpose(1, 0, 2)
    return np.ascontiguousarray(spectra, np.complex64)


def view_tiles(spectrum: np.ndarray, time_scale: float = 1.0, frequency_scale: float = 1.0) -> TileView:
    """Features of a piece from its STFT, read as if its tempo and pitch had been undone."""
    power = stretch_frames(row_power(spectrum, frequency_scale), time_scale)
    count = max(0, (len(power) - FRAMES_PER_TILE + 1) // FRAMES_PER_TILE)
    if count == 0:
        empty = np.zeros((0, TILE_ROWS), np.float32)
        return TileView((empty, empty), (empty, empty), time_scale, frequency_scale, 0.0)
    phases = tuple(tile_power(power, phase, count) for phase in range(FRAMES_PER_TILE))
    reference_db = reference_level(phases[0])
    values = tuple(features(tiles, reference_db) * reliability(tiles) for tiles in phases)
    loudest = 10 * np.log10(phases[0].max(axis=1) + 1e-9)
    active = int((loudest > reference_db - _ACTIVE_DB).sum())
    return TileView(values, phases, time_scale, frequency_scale, active / TILES_PER_SECOND / time_scale)


def spectrum_of(core: np.ndarray) -> np.ndarray:
    """STFT of a 16 kHz piece brought to a common level, because the features' floors are absolute."""
    level = float(np.sqrt(np.mean(np.square(core, dtype=np.float64)))) * 10 if len(core) else 0.0
    return stft(core / np.float32(level) if level > 0 else core)


def correlate(templates: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
    """Correlation of every template with every offset: (n templates, phases, lags) float32.

    Lag l means that the template starts at tile l - 62.
    """
    return at_lags(np.matmul(templates, segment_spectra(values)), values)


def segment_spectra(values: Sequence[np.ndarray]) -> np.ndarray:
    """Spectra over time of the overlapping segments of every phase, complex64 (129, 69, phases * segments)."""
    tiles, phases = len(values[0]), len(values)
    segments = -(-(tiles + PERIOD_TILES - 1) // STEP)
    padded = np.zeros((phases, segments * STEP + PERIOD_TILES, TILE_ROWS), np.float32)
    for phase, piece in enumerate(values):
        padded[phase, PERIOD_TILES - 1 : PERIOD_TILES - 1 + tiles] = piece
    cut = np.stack([padded[p, s * STEP : s * STEP + FFT] for p in range(phases) for s in range(segments)])
    spectra: np.ndarray = rfft(cut, FFT, axis=1).transpose(1, 2, 0)
    return spectra


def at_lags(product: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
    """Correlations (n, phases, lags) from the product (129, n, columns) of templates with `segment_spectra`."""
    valid = irfft(product.transpose(1, 2, 0), FFT, axis=2)[:, :, :STEP]
    lags = len(values[0]) + PERIOD_TILES - 1
    result: np.ndarray = valid.reshape(product.shape[1], len(values), -1)[..., :lags]
    return result


def find_alignments(bank: Bank, view: TileView, *, weak: int = 0) -> tuple[list[Alignment], float]:
    """The best alignments, strongest first, and ln A: the logarithm of how many hypotheses were looked at.

    weak: how many more of each run length to keep, well inside what chance yields, for matching with known
    records.
    """
    tiles = len(view.values[0])
    if tiles == 0:
        return [], 0.0
    epochs = len(bank.streams)
    runs = np.abs(correlate(bank.templates, view.values))
    lags = runs.shape[-1]
    runs = runs.reshape(epochs, PERIODS, len(view.values), lags)
    starts = np.arange(lags) - (PERIOD_TILES - 1)
    energy = np.stack([running_sum(np.square(values).sum(axis=1)) for values in view.values])
    found: dict[tuple[int, int, int], Alignment] = {}
    hypotheses = 0
    for run in RUN_LENGTHS:
        if run > 1:
            if tiles < (run // 2 + 1) * PERIOD_TILES and run > 4:
                break
            runs = double_runs(runs, run // 2)
        ends = starts + run * PERIOD_TILES
        spanned = energy[:, np.clip(ends, 0, tiles)] - energy[:, np.clip(starts, 0, tiles)]
        inside = np.minimum(ends, tiles) - np.maximum(starts, 0)
        usable = inside >= min(tiles, max(run // 2 * PERIOD_TILES, PERIOD_TILES * 3 // 4))
        scale = np.where(usable, 1 / (2 * SYNC_SHARE * spanned + 1e-6), 0).astype(np.float32)
        price = -(-inside // PERIOD_TILES) * np.float32(_LN2)
        hypotheses += int(usable.sum()) * epochs * PERIODS * len(view.values)
        best = np.where(usable, runs.max(axis=(0, 1)) ** 2 * scale - price, -np.inf)
        picked = [
            (*np.unravel_index(runs[:, :, phase, lag].argmax(), runs.shape[:2]), phase, lag)
            for phase, lag in _peaks(best)
        ]
        if weak:
            strength = np.where(usable, runs**2 * scale - price, -np.inf).ravel()
            order = np.argpartition(-strength, min(weak, strength.size - 1))[:weak]
            picked += zip(*np.unravel_index(order, runs.shape), strict=True)
        for epoch_index, period, phase, lag in picked:
            if not usable[lag]:
                continue
            evidence = float(runs[epoch_index, period, phase, lag] ** 2 * scale[phase, lag] - price[lag])
            place = int((period * PERIOD_TILES - starts[lag]) % KEYSTREAM_TILES)
            span = (max(0, int(starts[lag])), min(tiles, int(ends[lag])))
            key = (int(epoch_index), int(phase), place)
            here = Alignment(*key, evidence, *span, *span)
            found[key] = _union(found[key], here) if key in found else here
    ranked = sorted(found.values(), key=lambda a: -a.evidence)
    return ranked, float(np.log(max(hypotheses, 1)))


def running_sum(values: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, ..., n elements: (n,) -> float64 (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def double_runs(runs: np.ndarray, periods: int) -> np.ndarray:
    """Sums over `periods` consecutive periods to sums over twice as many: (epochs, 64, phases, lags).

    The next period of the keystream (a ring) starts 63 tiles later.
    """
    shift = periods * PERIOD_TILES
    doubled = runs.copy()
    if shift < runs.shape[-1]:
        doubled[:, : PERIODS - periods, :, :-shift] += runs[:, periods:, :, shift:]
        doubled[:, PERIODS - periods :, :, :-shift] += runs[:, :periods, :, shift:]
    return doubled


def _peaks(strength: np.ndarray) -> list[tuple[int, int]]:
    """(phase, lag) of the three strongest per 63 lags."""
    peaks = []
    for start in range(0, strength.shape[1], PERIOD_TILES):
        part = strength[:, start : start + PERIOD_TILES]
        keep = min(_PER_SECOND, part.size)
        for index in np.argpartition(-part, keep - 1, axis=None)[:keep]:
            phase, lag = np.unravel_index(index, part.shape)
            if np.isfinite(part[phase, lag]):
                peaks.append((int(phase), start + int(lag)))
    return peaks


def _union(a: Alignment, b: Alignment) -> Alignment:
    return replace(
        a if a.evidence >= b.evidence else b,
        reach_first=min(a.reach_first, b.reach_first),
        reach_last=max(a.reach_last, b.reach_last),
    )
