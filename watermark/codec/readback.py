"""Reading back one known record: is it in this audio, everywhere it should be?

Used on the final bytes of an output before its release. All tiles whose sign a record fixes (code and
confirmation, 78 %) are correlated at every place of the keystream, so this works long after blind decoding
has failed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chunks import chunks, slices
from .convolution import encode
from .keys import MarkKeys
from .keystream import keystream
from .parameters import PERIOD_TILES, PERIODS, TILE_ROWS
from .payload import pack
from .search import correlate, double_runs, running_sum, spectrum_of, template_spectra, view_tiles

FALSE_RATE = 1e-6  # chance that unmarked audio reads back, per chunk of 48 s; a bound, see `search`
_RUN_LENGTHS = (1, 2, 4, 8, 16, 32)
_LEAST_ACTIVE_S = 1.5  # chunks of a long file with less speech than this are not asked


@dataclass(frozen=True)
class ReadBack:
    """ok: score >= threshold. score: standard deviations of the correlation, in the weakest chunk of the
    file.
    """

    ok: bool
    score: float
    threshold: float


def read_back(
    samples: np.ndarray, sample_rate_hz: int, *, record_number: int, keys: MarkKeys, epoch: str
) -> ReadBack:
    """Whether the record is readable throughout one channel of samples (n,) at any rate.

    Chunks of 48 s are asked one by one, those almost without speech left out; the answer is the weakest
    one's.
    """
    epoch_keys = keys.for_epoch(epoch)
    stream = keystream(epoch_keys)
    signs = stream.known_signs(record_number, encode(pack(record_number, epoch_keys)))
    templates = template_spectra(signs.reshape(PERIODS, PERIOD_TILES, TILE_ROWS).astype(np.float32))
    known_share = float((signs != 0).mean())
    answers: list[tuple[float, ReadBack]] = []
    for chunk in chunks(slices(samples, sample_rate_hz), sample_rate_hz):
        view = view_tiles(spectrum_of(chunk.samples))
        if len(view.values[0]):
            bound = tuple(view.bound(stream, phase) for phase in range(len(view.values)))
            answers.append((view.active_s, _best(templates, bound, known_share)))
    if not answers:
        return ReadBack(False, 0.0, float(np.sqrt(2 * np.log(1 / FALSE_RATE))))
    asked = [answer for active_s, answer in answers if active_s >= _LEAST_ACTIVE_S]
    if not asked:
        return max((answer for _, answer in answers), key=lambda a: a.score - a.threshold)
    return min(asked, key=lambda a: a.score - a.threshold)


def _best(templates: np.ndarray, values: tuple[np.ndarray, ...], known_share: float) -> ReadBack:
    tiles = len(values[0])
    sums = correlate(templates, values)[None]
    lags = sums.shape[-1]
    starts = np.arange(lags) - (PERIOD_TILES - 1)
    energy = np.stack([running_sum(np.square(v).sum(axis=1)) for v in values])
    score, hypotheses = 0.0, 0
    for run in _RUN_LENGTHS:
        if run > 1:
            if tiles < (run // 2) * PERIOD_TILES:
                break
            sums = double_runs(sums, run // 2)
        ends = starts + run * PERIOD_TILES
        spanned = energy[:, np.clip(ends, 0, tiles)] - energy[:, np.clip(starts, 0, tiles)]
        inside = np.minimum(ends, tiles) - np.maximum(starts, 0)
        usable = inside >= min(tiles, max(run // 2, 1) * PERIOD_TILES * 3 // 4)
        z = np.where(usable, sums.max(axis=(0, 1)) / np.sqrt(known_share * spanned + 1e-6), 0)
        score = max(score, float(z.max()))
        hypotheses += int(usable.sum()) * PERIODS * len(values)
    threshold = float(np.sqrt(2 * (np.log(max(hypotheses, 1)) - np.log(FALSE_RATE))))
    return ReadBack(score >= threshold, score, threshold)
