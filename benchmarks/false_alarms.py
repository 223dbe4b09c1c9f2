"""Unmarked sound against many random keys: how often would some key call it marked?

The randomness is in the keys, so every pair of piece and key is a trial of its own; each key asks with two
epochs of 64 periods, as shipped. Speech, music-like sound, noise and tones, in pieces of 3 s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from benchmarks import speech
from benchmarks.attacks import RATE, synthetic_music
from benchmarks.marking import EPOCHS, share_interval
from benchmarks.report import Row, spread_of
from watermark.codec import MarkKeys
from watermark.codec.detect import PRESENCE_FALSE_RATE
from watermark.codec.resample import resample
from watermark.codec.search import bank_for, find_alignments, spectrum_of, view_tiles
from watermark.codec.words import find_words

_PIECE_S = 3.0


def many_key_rows(pieces: int, keys: int, minutes: float | None = None) -> list[Row]:
    """Alarms over pieces x keys, their 95 % upper bound, and the largest score beside its threshold."""
    end = time.monotonic() + 60 * (minutes if minutes is not None else float("inf"))
    masters = [MarkKeys(np.random.default_rng([k, 13]).bytes(32)) for k in range(keys)]
    views = [view_tiles(spectrum_of(samples)) for samples in _mixed(pieces)]
    limit = float(np.log(1 / PRESENCE_FALSE_RATE))
    excess: list[float] = []
    alarms = 0
    used = 0
    for master in masters:  # keys outside: making a bank costs more than asking it
        if time.monotonic() > end:
            break
        bank = bank_for(master, EPOCHS)
        for view in views:
            alignments, log_hypotheses = find_alignments(bank, view)
            if not alignments:
                continue
            beyond = alignments[0].evidence - log_hypotheses
            excess.append(beyond)
            alarms += beyond > limit or bool(find_words(bank, view, alignments, log_hypotheses, None))
        used += 1
    trials = len(excess)
    sounds = f"{len(views)} unmarked pieces of 3 s (speech, music-like, noise, tones)"
    note = f"{sounds} x {used} random keys, {alarms} alarms"
    return [
        Row(
            "fpr_upper_bound",
            "share",
            share_interval(alarms, trials)[1],
            "upper end of the two-sided 95 % interval",
            trials,
            1e-4,
            "lower",
            note=f"{note}; without the deep search. By construction the rate is at most {PRESENCE_FALSE_RATE:g}"
            " a file for random keys",
        ),
        Row(
            "unmarked_evidence_max",
            "nats",
            max(excess),
            spread_of(excess),
            trials,
            limit,
            "lower",
            note="evidence beyond the logarithm of the hypotheses; the target is the threshold of presence",
        ),
    ]


def _mixed(count: int) -> Iterator[np.ndarray]:
    """Six tenths speech, the rest music-like sound, noise and tones; 16 kHz."""
    spoken = count * 6 // 10
    for piece in speech.unmarked_pieces(spoken, _PIECE_S):
        yield resample(piece.samples, piece.sample_rate_hz, RATE)
    size = int(_PIECE_S * RATE)
    when = np.arange(size) / RATE
    for index in range(count - spoken):
        generator = np.random.default_rng([index, 21])
        kind = index % 4
        if kind == 0:
            yield (0.1 * synthetic_music(size, generator)).astype(np.float32)
        elif kind == 1:
            yield (0.1 * generator.normal(size=size)).astype(np.float32)
        elif kind == 2:
            yield (np.cumsum(generator.normal(size=size)) * 1e-3).astype(np.float32)
        else:
            pitch = generator.uniform(80, 3_000) * (
                1 + 0.02 * np.sin(2 * np.pi * generator.uniform(1, 7) * when)
            )
            tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
            yield (0.1 * np.sign(tone) if index % 8 == 7 else 0.1 * tone).astype(np.float32)
