"""Unmarked sound against many random keys: how often would some key call it marked?

Every pair of piece and key is a trial; each key asks with two epochs of 64 periods, as shipped, and the
statistic is the detector's own: the best evidence beyond the logarithm of the hypotheses. Pieces of 3 s:
speech (a few pieces of each utterance), music-like sound, noise and tones. The transform of a piece is shared
by all keys, and the keys' correlations run over many pieces at once.

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

from benchmarks import speech
from benchmarks.attacks import RATE, synthetic_music
from benchmarks.marking import EPOCHS, share_interval
from benchmarks.report import ROOT, Row, spread_of
from watermark.codec import DETECTOR_VERSION, MarkKeys
from watermark.codec.deep import Scales, grid
from watermark.codec.detect import PRESENCE_FALSE_RATE
from watermark.codec.parameters import PERIOD_TILES, PERIODS, SYNC_SHARE
from watermark.codec.resample import resample
from watermark.codec.search import (
    RUN_LENGTHS,
    TileView,
    at_lags,
    bank_for,
    double_runs,
    find_alignments,
    segment_spectra,
    spectrum_of,
    view_tiles,
)

PIECE_S = 3.0
LIMIT_NATS = float(np.log(1 / PRESENCE_FALSE_RATE))
KEPT = ROOT / "var" / "bench"
_BATCH = 100  # pieces whose transforms are held at once
_RESAMPLES = 2_000
_HIGH = 0.99  # quantile beyond which evidence is high


def many_key_rows(
    pieces: int, keys: int, deep_pieces: int, deep_keys: int, minutes: float | None = None
) -> list[Row]:
    """Bounds over pieces x keys without and with the deep search. With `minutes`, no batch is begun later."""
    end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
    plain = _kept_or_made("plain", pieces, keys, [Scales()], end)
    searched = _kept_or_made("deep", deep_pieces, deep_keys, [Scales(), *grid()], end)
    return [
        *_bounds(plain, "fpr_upper_bound", "without the deep search"),
        *_bounds(searched, "fpr_upper_bound_deep", f"with the deep search ({1 + len(grid())} scales)"),
    ]


# ------------------------------------------------------------------ evidence of many pieces under many keys
@dataclass(frozen=True)
class Trials:
    """Largest excess in nats of each piece under each key, (pieces, keys), and what each piece was cut from."""

    excess: np.ndarray
    sources: list[str]


def _kept_or_made(name: str, pieces: int, keys: int, scales: Sequence[Scales], end: float) -> Trials:
    """All trials; done batches are kept in var/bench."""
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
            np.save(path, _batch_excess([samples for _, samples in batch], keys, scales))
            print(f"{name}: {start + len(batch)} of {pieces} pieces", flush=True)
        done.append(np.load(path))
        sources += [source for source, _ in batch]
    return Trials(np.concatenate(done) if done else np.zeros((0, keys)), sources)


def _batch_excess(batch: list[np.ndarray], keys: int, scales: Sequence[Scales]) -> np.ndarray:
    """(pieces, keys): the largest excess over all scales, paid for by the logarithm of their number."""
    best = np.full((len(batch), keys), -np.inf)
    spectra = [spectrum_of(samples) for samples in batch]
    price = np.log(len(scales))
    templates = [_templates(number) for number in range(keys)]
    for scale in scales:
        views = [view_tiles(spectrum, scale.time, scale.frequency) for spectrum in spectra]
        transforms = _transforms(views)
        for number in range(keys):
            excess = _excess(templates[number], views, transforms)
            best[:, number] = np.maximum(best[:, number], excess - price)
    return best


@lru_cache(maxsize=64)
def _templates(number: int) -> np.ndarray:
    """Templates of two epochs of one random key; 9 MB."""
    templates: np.ndarray = bank_for(_key(number), EPOCHS).templates
    return templates


def _key(number: int) -> MarkKeys:
    return MarkKeys(np.random.default_rng([number, 13]).bytes(32))


def _transforms(views: list[TileView]) -> np.ndarray:
    """What all keys share: the segments' spectra of pieces of one length, side by side, (129, 69, columns)."""
    return np.concatenate([segment_spectra(view.values) for view in views], axis=2)


def _excess(templates: np.ndarray, views: list[TileView], transforms: np.ndarray) -> np.ndarray:
    """`find_alignments`'s best evidence minus its log_hypotheses, for pieces of one length: (pieces,)."""
    tiles, phases = len(views[0].values[0]), len(views[0].values)
    lags = tiles + PERIOD_TILES - 1
    epochs = templates.shape[1] // PERIODS
    columns = transforms.shape[2] // len(views)
    product = np.matmul(templates, transforms)
    starts = np.arange(lags) - (PERIOD_TILES - 1)
    excess = np.empty(len(views))
    for index, view in enumerate(views):
        own = at_lags(product[:, :, index * columns : (index + 1) * columns], view.values)
        runs = np.abs(own).reshape(epochs, PERIODS, phases, lags)
        energy = np.concatenate(
            [np.zeros((phases, 1)), np.cumsum(np.square(np.stack(view.values)).sum(axis=2), axis=1)], axis=1
        )
        best, hypotheses = -np.inf, 0
        for run in RUN_LENGTHS:
            if run > 1:
                if tiles < (run // 2 + 1) * PERIOD_TILES and run > 4:
                    break
                runs = double_runs(runs, run // 2)
            ends = starts + run * PERIOD_TILES
            spanned = energy[:, np.clip(ends, 0, tiles)] - energy[:, np.clip(starts, 0, tiles)]
            inside = np.minimum(ends, tiles) - np.maximum(starts, 0)
            usable = inside >= min(tiles, max(run // 2 * PERIOD_TILES, PERIOD_TILES * 3 // 4))
            price = -(-inside // PERIOD_TILES) * np.log(2)
            strength = np.square(runs.max(axis=(0, 1))) / (2 * SYNC_SHARE * spanned + 1e-6) - price
            best = max(best, float(strength[:, usable].max()))
            hypotheses += int(usable.sum()) * epochs * PERIODS * phases
        excess[index] = best - np.log(hypotheses)
    return excess


def largest_difference(pieces: int = 4) -> float:
    """How far the shared computation lies from the detector's own, in nats (a check, run by the tests)."""
    views = [view_tiles(spectrum_of(samples)) for _, samples in _noise(pieces)]
    bank = bank_for(_key(0), EPOCHS)
    shared = _excess(bank.templates, views, _transforms(views))
    own = []
    for view in views:
        alignments, log_hypotheses = find_alignments(bank, view)
        own.append(alignments[0].evidence - log_hypotheses)
    return float(np.abs(shared - own).max())


# ------------------------------------------------------------------ bounds
def _bounds(trials: Trials, metric: str, how: str) -> list[Row]:
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
            f" {PRESENCE_FALSE_RATE:g} a file for random keys, and 2**-24 for each payload decoded",
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
