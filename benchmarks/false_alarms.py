"""Unmarked sound against many random keys: how often would some key call it marked?

Every pair of piece and key is a trial; each key asks with two epochs of 64 periods, as shipped, and the
statistic is the detector's own: the best evidence beyond the logarithm of the hypotheses. Pieces of 3 s:
speech (a few pieces of each utterance), music-like sound, noise and tones.

Computed for many pieces at once, which is several times as fast as the detector itself: the transforms of the
pieces are shared by all keys, one transform holds a whole piece, and lags come first, columns (pieces x phases)
last in memory, so that nothing is transposed.

The bound is that of no alarm (or some) in n trials, n reduced by the design effect, because trials of one source
are alike: that is how much more the share of high evidence varies over resampled sources than over independent
trials.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft

from benchmarks import speech
from benchmarks.attacks import RATE, synthetic_music
from benchmarks.marking import EPOCHS, share_interval
from benchmarks.report import ROOT, Row, spread_of
from watermark.codec import DETECTOR_VERSION, MarkKeys, deep
from watermark.codec.deep import Scales
from watermark.codec.detect import PRESENCE_FALSE_RATE
from watermark.codec.keystream import keystream
from watermark.codec.parameters import PERIOD_TILES, PERIODS, SYNC_SHARE
from watermark.codec.resample import resample
from watermark.codec.search import (
    RUN_LENGTHS,
    Bank,
    TileView,
    bank_for,
    find_alignments,
    spectrum_of,
    view_tiles,
)

PIECE_S = 3.0
LIMIT_NATS = float(np.log(1 / PRESENCE_FALSE_RATE))
KEPT = ROOT / "var" / "bench"
_BATCH = 100  # pieces whose transforms are held at once
_FFT = 360  # the lags of a piece whose tempo is read half slower
_RESAMPLES = 2_000
_HIGH = 0.99  # quantile beyond which evidence is high


def many_key_rows(
    pieces: int, keys: int, deep_pieces: int, deep_keys: int, minutes: float | None = None
) -> list[Row]:
    """Bounds over pieces x keys without and with the deep search. With `minutes`, no batch is begun later."""
    end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
    plain = _kept_or_made("plain", pieces, keys, end)
    searched = _kept_or_made("deep", deep_pieces, deep_keys, end)
    return [
        *_bounds(plain, "fpr_upper_bound", "without the deep search", PRESENCE_FALSE_RATE),
        *_bounds(
            searched,
            "fpr_upper_bound_deep",
            f"with the deep search ({len(deep.grid())} tempos, pitches and speeds and the {deep._PROMISING} most"
            f" promising refined, for each trial its own)",
            2 * PRESENCE_FALSE_RATE,  # the file as it is, and all that the search tries
        ),
    ]


# ------------------------------------------------------------------ evidence of many pieces under many keys
@dataclass(frozen=True)
class Trials:
    """Largest excess in nats of each piece under each key, (pieces, keys), and what each piece was cut from."""

    excess: np.ndarray
    sources: list[str]


def _kept_or_made(name: str, pieces: int, keys: int, end: float) -> Trials:
    """All trials of "plain" or "deep"; done batches are kept in var/bench."""
    KEPT.mkdir(parents=True, exist_ok=True)
    stem = f"alarms-{name}-{DETECTOR_VERSION.replace('/', '-')}-{keys}"
    done: list[np.ndarray] = []
    sources: list[str] = []
    waiting = _mixed(pieces)
    for number, start in enumerate(range(0, pieces, _BATCH)):
        batch = [next(waiting) for _ in range(min(_BATCH, pieces - start))]
        path = KEPT / f"{stem}-{pieces}-{number}.npy"
        if not path.exists():
            if time.monotonic() > end:
                break
            spectra = [spectrum_of(samples) for _, samples in batch]
            excess = plain_excess(spectra, keys)
            if name == "deep":
                excess = np.maximum(excess, searched_excess(spectra, keys))
            np.save(path, excess)
            print(f"{name}: {start + len(batch)} of {pieces} pieces", flush=True)
        done.append(np.load(path))
        sources += [source for source, _ in batch]
    return Trials(np.concatenate(done) if done else np.zeros((0, keys)), sources)


def plain_excess(spectra: list[np.ndarray], keys: int) -> np.ndarray:
    """Evidence of pieces, given by their STFT, as they are, under each key: (pieces, keys) nats."""
    return _look(spectra, Scales(), np.ones((len(spectra), keys), bool))


def searched_excess(spectra: list[np.ndarray], keys: int) -> np.ndarray:
    """The same of `watermark.codec.deep`'s search: the largest at all scales of the grid and at those refined, paid
    for by the logarithm of all that could be tried. The detector then decides by whichever is more.
    """
    grid = deep.grid()
    everything = np.ones((len(spectra), keys), bool)
    coarse = np.stack([_look(spectra, scales, everything) for scales in grid])
    ranks = (-coarse).argsort(axis=0, kind="stable").argsort(axis=0)
    best = coarse.max(axis=0)
    for scales, rank in zip(grid, ranks, strict=True):
        for fine in deep._refined(scales)[1:]:  # the first is the grid's own
            best = np.maximum(best, _look(spectra, fine, rank < deep._PROMISING))
    price: float = np.log(len(grid) * len(deep._FINE))
    return best - price


def _look(spectra: list[np.ndarray], scales: Scales, wanted: np.ndarray) -> np.ndarray:
    """`find_alignments`'s best evidence minus its log_hypotheses for pieces of one length at one scale, where
    wanted: (pieces, keys), elsewhere minus infinity.
    """
    views = [view_tiles(spectrum, scales.time, scales.frequency) for spectrum in spectra]
    transforms, offers = _transforms(views), _offers(views)
    excess = np.full(wanted.shape, -np.inf)
    for number in range(wanted.shape[1]):
        which = wanted[:, number]
        if which.all():
            excess[:, number] = _excess(_templates(number), transforms, offers)
        elif which.any():
            excess[which, number] = _excess(_templates(number), transforms[:, :, which], offers.of(which))
    return excess


@lru_cache(maxsize=64)
def _templates(number: int) -> np.ndarray:
    """Conjugate spectra of all periods of two epochs of one random key, complex64 (181, 128, 69): 13 MB."""
    keys = _key(number)
    periods = np.concatenate([keystream(keys.for_epoch(epoch)).sync for epoch in EPOCHS])
    spectra = np.conj(rfft(periods, _FFT, axis=1)).transpose(1, 0, 2)
    return np.ascontiguousarray(spectra, np.complex64)


def _key(number: int) -> MarkKeys:
    return MarkKeys(np.random.default_rng([number, 13]).bytes(32))


def _transforms(views: list[TileView]) -> np.ndarray:
    """Spectra over time of pieces of one length, complex64 (181, 69, pieces, phases): all keys share them."""
    values = np.stack([view.values for view in views])
    lags = values.shape[2] + PERIOD_TILES - 1
    if lags > _FFT:
        raise ValueError(f"a piece has {lags} lags, more than the transform's {_FFT}")
    padded = np.pad(values, ((0, 0), (0, 0), (PERIOD_TILES - 1, 0), (0, 0)))
    return np.ascontiguousarray(rfft(padded, _FFT, axis=2).transpose(2, 3, 0, 1))


@dataclass(frozen=True)
class _Offers:
    """What a sum over a run of periods is worth at each lag, by length of the run; see `find_alignments`."""

    scale: np.ndarray  # float32 (runs, lags, pieces, phases): evidence = sum**2 * scale - price
    price: np.ndarray  # (runs, lags, 1, 1) nats, infinite where the run does not lie on the piece
    log_hypotheses: float

    def of(self, which: np.ndarray) -> _Offers:
        return _Offers(self.scale[:, :, which], self.price, self.log_hypotheses)


def _offers(views: list[TileView]) -> _Offers:
    values = np.stack([view.values for view in views])
    pieces, phases, tiles = values.shape[:3]
    energy = np.zeros((tiles + 1, pieces, phases))
    energy[1:] = np.square(values).sum(axis=3).cumsum(axis=2, dtype=np.float64).transpose(2, 0, 1)
    starts = np.arange(1 - PERIOD_TILES, tiles)
    scale, price, hypotheses = [], [], 0
    for run in RUN_LENGTHS:
        if run > 4 and tiles < (run // 2 + 1) * PERIOD_TILES:
            break
        ends = starts + run * PERIOD_TILES
        spanned = energy[np.clip(ends, 0, tiles)] - energy[np.clip(starts, 0, tiles)]
        inside = np.minimum(ends, tiles) - np.maximum(starts, 0)
        usable = inside >= min(tiles, max(run // 2 * PERIOD_TILES, PERIOD_TILES * 3 // 4))
        scale.append((1 / (2 * SYNC_SHARE * spanned + 1e-6)).astype(np.float32))
        price.append(np.where(usable, -(-inside // PERIOD_TILES) * np.log(2), np.inf))
        hypotheses += int(usable.sum()) * len(EPOCHS) * PERIODS * phases
    return _Offers(np.stack(scale), np.stack(price)[:, :, None, None], float(np.log(hypotheses)))


def _excess(templates: np.ndarray, transforms: np.ndarray, offers: _Offers) -> np.ndarray:
    """Largest excess of each piece under one key: (pieces,)."""
    frequencies, rows, pieces, phases = transforms.shape
    product = np.matmul(templates, transforms.reshape(frequencies, rows, -1))
    lags = offers.scale.shape[1]
    sums = np.abs(irfft(product, _FFT, axis=0, overwrite_x=True)[:lags]).reshape(
        lags, -1, PERIODS, pieces * phases
    )
    best = np.full((pieces, phases), -np.inf)
    for run, scale, price in zip(RUN_LENGTHS, offers.scale, offers.price, strict=False):
        if run > 1:
            _double(sums, run // 2)
        strongest = sums.max(axis=(1, 2)).reshape(lags, pieces, phases)
        best = np.maximum(best, (np.square(strongest) * scale - price).max(axis=0))
    return best.max(axis=1) - offers.log_hypotheses


def _double(sums: np.ndarray, periods: int) -> None:
    """`double_runs` in place, for sums laid out as (lags, epochs, 64, columns)."""
    shift = periods * PERIOD_TILES
    for start in range(0, len(sums) - shift, shift):  # what is added is never yet doubled
        later = sums[start + shift : start + 2 * shift]
        sums[start : start + len(later), :, :-periods] += later[:, :, periods:]
        sums[start : start + len(later), :, -periods:] += later[:, :, :periods]


def largest_difference(pieces: int = 4) -> float:
    """How far the shared computation lies from the detector's own, in nats (a check, run by the tests)."""
    spectra = [spectrum_of(samples) for _, samples in _noise(pieces)]
    shared = plain_excess(spectra, 1)[:, 0]
    bank = bank_for(_key(0), EPOCHS)
    return float(np.abs(shared - [_own_look(bank, spectrum, Scales()) for spectrum in spectra]).max())


def largest_deep_difference(pieces: int = 1) -> float:
    """The same of the deep search, grid and refinement."""
    spectra = [spectrum_of(samples) for _, samples in _noise(pieces)]
    shared = searched_excess(spectra, 1)[:, 0]
    bank = bank_for(_key(0), EPOCHS)
    own = []
    for spectrum in spectra:
        ranked = sorted(deep.grid(), key=lambda scales: -_own_look(bank, spectrum, scales))
        refined = [fine for coarse in ranked[: deep._PROMISING] for fine in deep._refined(coarse)]
        price = np.log(len(ranked) * len(deep._FINE))
        own.append(max(_own_look(bank, spectrum, fine) for fine in refined) - price)
    return float(np.abs(shared - own).max())


def _own_look(bank: Bank, spectrum: np.ndarray, scales: Scales) -> float:
    alignments, log_hypotheses = find_alignments(bank, view_tiles(spectrum, scales.time, scales.frequency))
    return alignments[0].evidence - log_hypotheses


# ------------------------------------------------------------------ bounds
def _bounds(trials: Trials, metric: str, how: str, by_construction: float) -> list[Row]:
    """The rows of one kind of trials; by_construction: what the detector's thresholds bound the share by."""
    excess = trials.excess
    if not excess.size:
        return [Row(metric, "share", None, target=1e-4, better="lower", note=f"{how}: not run")]
    pieces, keys = excess.shape
    alarms = int((excess > LIMIT_NATS).sum())
    effect = design_effect(excess, trials.sources)
    counted = share_interval(round(alarms / effect), max(1, round(excess.size / effect)))[1]
    sounds = f"{pieces:,} unmarked pieces of 3 s (speech, music-like, noise, tones)"
    return [
        Row(
            metric,
            "share",
            counted,
            "upper end of the two-sided 95 % interval",
            excess.size,
            1e-4,
            "lower",
            note=f"{how}: {sounds} of {len(set(trials.sources)):,} sources x {keys} random keys, {alarms} alarms;"
            f" design effect {effect:.2f} by bootstrap over sources. By construction at most"
            f" {by_construction:g} a file for random keys, and 2**-24 for each payload decoded",
        ),
        Row(
            metric.replace("fpr_upper_bound", "unmarked_evidence_max"),
            "nats",
            float(excess.max()),
            spread_of(list(excess.ravel())),
            excess.size,
            LIMIT_NATS,
            "lower",
            note=f"{how}: evidence beyond the logarithm of the hypotheses; the target is the threshold of presence",
        ),
    ]


def design_effect(excess: np.ndarray, sources: Sequence[str]) -> float:
    """How many times more the share of high evidence varies over resampled sources than if all trials were
    independent; at least 1. excess: (pieces, keys); sources: what each piece was cut from.
    """
    high = excess > np.quantile(excess, _HIGH)
    _, numbers = np.unique(np.asarray(sources), return_inverse=True)
    hits, pieces = np.bincount(numbers, high.mean(axis=1)), np.bincount(numbers)
    generator = np.random.default_rng(1)
    drawn = generator.integers(len(hits), size=(_RESAMPLES, len(hits)))
    shares = hits[drawn].sum(axis=1) / pieces[drawn].sum(axis=1)
    share = float(high.mean())
    return max(1.0, float(shares.var() / (share * (1 - share) / high.size)))


# ------------------------------------------------------------------ sounds
def _mixed(count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Six tenths speech, the rest music-like sound, noise and tones in turn; source and 3 s at 16 kHz."""
    spoken = speech.unmarked_pieces(count, PIECE_S)
    others = _noise(count)
    for index in range(count):
        if index % 5 < 3:
            piece = next(spoken)
            samples = resample(piece.samples, piece.sample_rate_hz, RATE)[: int(PIECE_S * RATE)]
            yield piece.name.rsplit("-", 1)[0], samples
        else:
            yield next(others)


def _noise(count: int) -> Iterator[tuple[str, np.ndarray]]:
    size = int(PIECE_S * RATE)
    when = np.arange(size) / RATE
    for index in range(count):
        generator = np.random.default_rng([index, 21])
        kind = index % 4
        if kind == 0:
            samples = 0.1 * synthetic_music(size, generator)
        elif kind == 1:
            samples = 0.1 * generator.normal(size=size)
        elif kind == 2:
            samples = np.cumsum(generator.normal(size=size)) * 1e-3
        else:
            pitch = generator.uniform(80, 3_000) * (
                1 + 0.02 * np.sin(2 * np.pi * generator.uniform(1, 7) * when)
            )
            tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
            samples = 0.1 * np.sign(tone) if index % 8 == 7 else 0.1 * tone
        yield f"sound {index}", samples.astype(np.float32)
