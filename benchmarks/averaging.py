"""Learning the keystream from many outputs of one epoch, by somebody who knows the method and not the key.

The attacker takes the features of each output on its own tile grid, whitens them, and looks for the places in
the unknown keystream by expectation-maximisation: guess a keystream, place every output where it fits best,
average, repeat. Two forms: averages of signed features over a ring of 64.5 s, and one that also guesses the
polarity of each second. Whoever is handed the true places needs no guessing; that is reported beside.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.fft import fft2, ifft2, irfft, rfft

from benchmarks import speech
from benchmarks.attacks import RATE
from benchmarks.marking import KEYS
from benchmarks.report import ROOT, Row
from watermark.codec import DETECTOR_VERSION, TARGET_QUALITY, embed
from watermark.codec.keystream import Keystream, keystream
from watermark.codec.parameters import KEYSTREAM_TILES, PERIOD_TILES, PERIODS, TILE_ROWS
from watermark.codec.resample import resample
from watermark.codec.search import correlate, double_runs, spectrum_of, template_spectra, view_tiles

EPOCH = "averaged"
CLIP_S = 8.0
_KEPT = ROOT / "var" / "bench"
_CLIP_DB = 4.0  # of whitened features
_LINES = 60  # outputs the whitening spectrum is estimated from


@dataclass(frozen=True)
class Output:
    """What the attacker has of one output, and what he does not have: its place in the keystream."""

    features: np.ndarray  # float32 (tiles, 69), tile grid of the output itself
    place: int


def averaging_rows(count: int = 600, *, minutes: float | None = None) -> list[Row]:
    """Share of sync signs guessed from `count` outputs of one epoch; fewer if marking them takes longer."""
    outputs = _marked_outputs(count, minutes)
    stream = keystream(KEYS.for_epoch(EPOCH))
    ready = whiten([output.features for output in outputs])
    places = [output.place for output in outputs]
    minutes_of = len(outputs) * CLIP_S / 60
    sample = f"{len(outputs)} outputs of 8 s, {minutes_of:.0f} min, of one epoch; 0.5 is guessing"
    blind = signs_right(blind_average(ready), stream)
    polar = signs_right(blind_average_with_polarity(ready), stream, per_period=True)
    handed = signs_right(average_at(ready, places), stream)
    handed_polar = signs_right(_polarity_known_places(ready, places), stream, per_period=True)
    n = len(outputs)
    return [
        Row(
            "averaging_blind_signs_right", "share", blind, None, n, 0.55, "lower",
            note=f"places guessed by EM; {sample}",
        ),
        Row(
            "averaging_blind_polarity_signs_right", "share", polar, None, n, 0.55, "lower",
            note=f"places and the polarity of each second guessed by EM; {sample} (0.52 with polarity fitted)",
        ),
        Row(
            "averaging_sync_signs_right", "share", handed, None, n, 0.55, "lower",
            note=f"true places handed over, polarity not undone; {sample}",
        ),
        Row(
            "averaging_known_places_polarity_signs_right", "share", handed_polar, None, n, None, "lower",
            note=f"true places handed over and polarity guessed: what a leak of the places would give; {sample}",
        ),
    ]  # fmt: skip


def _marked_outputs(count: int, minutes: float | None) -> list[Output]:
    """Outputs really marked in one epoch; kept in var/bench as they are made."""
    end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
    folder = _KEPT / f"averaging-{DETECTOR_VERSION.replace('/', '-')}-{TARGET_QUALITY}"
    folder.mkdir(parents=True, exist_ok=True)
    outputs = []
    for index, piece in enumerate(islice(speech.unmarked_pieces(count, CLIP_S), count)):
        path = folder / f"{index}.npz"
        if not path.exists():
            if time.monotonic() > end:
                break
            output = output_of(resample(piece.samples, piece.sample_rate_hz, RATE), index)
            np.savez(path, features=output.features.astype(np.float16), place=output.place)
        with np.load(path) as kept:
            outputs.append(Output(kept["features"].astype(np.float32), int(kept["place"])))
    return outputs


def output_of(samples: np.ndarray, record_number: int) -> Output:
    """Mark 16 kHz samples in the attacked epoch and take their features as the attacker does."""
    marked = embed(
        samples,
        RATE,
        record_number=record_number,
        keys=KEYS,
        epoch=EPOCH,
        generator=np.random.default_rng([record_number, 99]),
    )
    # The place is the first draw of the embedder.
    place = int(np.random.default_rng([record_number, 99]).integers(KEYSTREAM_TILES))
    return Output(view_tiles(spectrum_of(marked)).values[0], place)


# ------------------------------------------------------------------ the attacker
def whiten(features: list[np.ndarray]) -> list[np.ndarray]:
    """Row means out, outliers clipped, the common two-dimensional power spectrum flattened."""
    clipped = [np.clip(piece - piece.mean(axis=0), -_CLIP_DB, _CLIP_DB) for piece in features]
    shape = max(len(piece) for piece in clipped), TILE_ROWS
    power = np.mean([np.abs(fft2(piece, shape)) ** 2 for piece in clipped[:_LINES]], axis=0)
    flatten = 1 / np.sqrt(power / power.mean() + 0.05)
    return [
        ifft2(fft2(piece, shape) * flatten).real[: len(piece)].astype(np.float32) for piece in clipped
    ]  # fmt: skip


def average_at(features: list[np.ndarray], places: list[int]) -> np.ndarray:
    """Sum of the features at given places of the ring: (4032, 69)."""
    total = np.zeros((KEYSTREAM_TILES, TILE_ROWS), np.float32)
    for piece, place in zip(features, places, strict=True):
        np.add.at(total, (place + np.arange(len(piece))) % KEYSTREAM_TILES, piece)
    return total


def blind_average(features: list[np.ndarray], rounds: int = 6) -> np.ndarray:
    """Expectation-maximisation over places, from the first output; after two rounds only confident outputs
    count.
    """
    spectra = [np.conj(rfft(piece, KEYSTREAM_TILES, axis=0)).astype(np.complex64) for piece in features]
    guess = average_at(features[:1], [0])
    before: list[int] | None = None
    for number in range(rounds):
        seen = rfft(guess, axis=0)
        places, scores = [], []
        for index, spectrum in enumerate(spectra):
            fit = irfft((seen * spectrum).sum(axis=1), KEYSTREAM_TILES)
            if before is not None:  # an output must not find itself in the guess
                fit[before[index]] -= np.square(features[index]).sum()
            places.append(int(fit.argmax()))
            scores.append((fit.max() - fit.mean()) / fit.std())
        guess = _of_confident(features, places, np.array(scores), number, rounds)
        before = places
    return guess


def _of_confident(
    features: list[np.ndarray], places: list[int], scores: np.ndarray, number: int, rounds: int
) -> np.ndarray:
    if number < 2:
        return average_at(features, places)
    least = np.quantile(scores, 1 - (number + 1) / rounds)
    keep = [index for index in range(len(features)) if scores[index] >= least]
    return average_at([features[k] for k in keep], [places[k] for k in keep])


def blind_average_with_polarity(features: list[np.ndarray], rounds: int = 5) -> np.ndarray:
    """The same with |correlation| added over the seconds of an output, whose polarity is then undone."""
    guess = average_at(features[:1], [0])
    for _ in range(rounds):
        templates = template_spectra(guess.reshape(PERIODS, PERIOD_TILES, TILE_ROWS))
        total = np.zeros_like(guess)
        for piece in features:
            fits = correlate(templates, (piece,))
            place = _best_place(np.abs(fits))
            _add_with_polarity(total, piece, place, guess)
        guess = total
    return guess


def _best_place(runs: np.ndarray) -> int:
    """Place of tile 0 from |correlation| of every period at every lag: (64, 1, lags)."""
    lags = runs.shape[-1]
    runs = runs[None]
    for run in (2, 4, 8):
        runs = double_runs(runs, run // 2)
    # Only starts that see most of the output compete.
    best = runs[0, :, 0, : min(lags, 2 * PERIOD_TILES)]
    period, lag = np.unravel_index(best.argmax(), best.shape)
    return int((period * PERIOD_TILES - (lag - (PERIOD_TILES - 1))) % KEYSTREAM_TILES)


def _add_with_polarity(total: np.ndarray, piece: np.ndarray, place: int, guess: np.ndarray) -> None:
    columns = (place + np.arange(len(piece))) % KEYSTREAM_TILES
    toward = (piece * guess[columns]).sum(axis=1)
    polarity = np.bincount(columns // PERIOD_TILES, toward, PERIODS)
    signs = np.where(polarity < 0, -1, 1)[columns // PERIOD_TILES].astype(np.float32)
    np.add.at(total, columns, piece * signs[:, None])


def _polarity_known_places(features: list[np.ndarray], places: list[int], rounds: int = 8) -> np.ndarray:
    guess = average_at(features[:1], places[:1])
    generator = np.random.default_rng(3)
    for _ in range(rounds):
        total = np.zeros_like(guess)
        for index in generator.permutation(len(features)):
            # In a round, later outputs already profit from earlier ones.
            _add_with_polarity(total, features[index], places[index], guess + total)
        guess = total
    return guess


def signs_right(guess: np.ndarray, stream: Keystream, *, per_period: bool = False) -> float:
    """Share of sync signs that the guess has right, at the rotation of the ring (and, if wanted, the
    polarity of each period) that suits the attacker best.
    """
    sync = stream.sync.reshape(KEYSTREAM_TILES, TILE_ROWS)
    if per_period:
        fits = correlate(template_spectra(stream.sync), (np.concatenate([guess, guess]),))[:, 0]
        starts = np.arange(KEYSTREAM_TILES) + PERIOD_TILES - 1
        ring = np.abs(fits[:, starts])  # (period, tile of the guess where it starts)
        total = sum(np.roll(ring[p], -p * PERIOD_TILES) for p in range(PERIODS))
        turn = int(np.argmax(total))
        turned = np.roll(guess, -turn, axis=0)
        polarity = (turned * sync).reshape(PERIODS, -1).sum(axis=1)
        turned = turned * np.repeat(np.where(polarity < 0, -1, 1), PERIOD_TILES)[:, None]
    else:
        fit = irfft((np.conj(rfft(sync, axis=0)) * rfft(guess, axis=0)).sum(axis=1), KEYSTREAM_TILES)
        turned = np.roll(guess, -int(fit.argmax()), axis=0)
    seen = (sync != 0) & (turned != 0)
    return float((np.sign(turned) == sync)[seen].mean()) if seen.any() else 0.5
