"""Attacks on the keyed mark itself, by somebody who knows the method and not the key."""

from __future__ import annotations

import numpy as np

from benchmarks.attacks import RATE
from benchmarks.marking import EPOCHS, KEYS, Marked, epoch_of
from benchmarks.report import Row
from watermark.codec import detect, fingerprint
from watermark.codec.features import istft, stft
from watermark.codec.keystream import keystream
from watermark.codec.parameters import PERIOD_TILES, PERIODS, TILE_ROWS
from watermark.codec.search import bank_for, find_alignments, spectrum_of, view_tiles

AGREES = 0.5  # share of active frames above which content binding would call the audio ours


def own_attack_rows(clips: list[Marked], tries: int = 200) -> list[Row]:
    """Transplants with the original known, and averaging with every clip's place handed over."""
    words = {"residual": 0, "gain field": 0}
    agreeing = 0
    half = tries // 2
    for index in range(half):
        source = clips[index % len(clips)]
        host = clips[(index * 7 + 1 + index // len(clips)) % len(clips)]
        if host is source:
            host = clips[(index + 1) % len(clips)]
        for kind, forged in (
            ("residual", transplant_residual(source.original, source.marked, host.original)),
            ("gain field", transplant_gains(source.original, source.marked, host.original)),
        ):
            found = detect(forged, RATE, keys=KEYS, epochs=EPOCHS).words
            words[kind] += any(word.record_number == source.record_number for word in found)
            match = fingerprint.compare(fingerprint.compute(source.marked, RATE), forged, RATE)
            agreeing += match.share > AGREES
    valid = sum(words.values()) / (2 * half)
    note = (
        f"residual {words['residual']} of {half}, gain field {words['gain field']} of {half}; original known"
    )
    right, compared = averaged_signs(clips)
    return [
        Row("transplant_valid_word", "share", valid, None, 2 * half, None, "lower", note=note),
        Row(
            "transplant_issued",
            "1",
            agreeing,
            None,
            2 * half,
            0,
            "lower",
            note="transplants whose content agrees with the record's fingerprint; only those could end as issued",
        ),
        Row(
            "averaging_sync_signs_right",
            "share",
            right,
            None,
            compared,
            0.55,
            "lower",
            note=f"features of {len(clips)} clips of two epochs averaged at their true places (handed over);"
            " 0.5 is guessing; an attacker who also undoes the polarity of each period is not in this figure",
        ),
    ]


def transplant_residual(original: np.ndarray, marked: np.ndarray, host: np.ndarray) -> np.ndarray:
    """The difference that marking made, added to another recording."""
    count = min(len(host), len(marked))
    return host[:count] + (marked - original)[:count]


def transplant_gains(original: np.ndarray, marked: np.ndarray, host: np.ndarray) -> np.ndarray:
    """The gain of marking in each bin and frame, applied to another recording."""
    count = min(len(host), len(marked))
    before, after = np.abs(stft(original[:count])), np.abs(stft(marked[:count]))
    gains = np.clip((after + 1e-4) / (before + 1e-4), 0.5, 2.0)
    return istft((stft(host[:count]) * gains).astype(np.complex64), count)


def averaged_signs(clips: list[Marked]) -> tuple[float, int]:
    """Share of sync signs that the average of all clips' features, each at its true place, has right."""
    right = compared = 0
    for epoch in EPOCHS:
        bank = bank_for(KEYS, [epoch])
        total = np.zeros((PERIODS * PERIOD_TILES, TILE_ROWS))
        for clip in clips:
            if epoch_of(clip.record_number) != epoch:
                continue
            view = view_tiles(spectrum_of(clip.marked))
            alignments, _ = find_alignments(bank, view)
            best = alignments[0]
            values = view.values[best.phase]
            values = np.clip(values - values.mean(axis=0), -4, 4)
            np.add.at(total, bank.streams[0].columns(best.place, len(values)), values)
        stream = keystream(KEYS.for_epoch(epoch))
        sync = (stream.sync.reshape(total.shape) != 0) & (total != 0)
        right += int((np.sign(total)[sync] == stream.signs[sync]).sum())
        compared += int(sync.sum())
    return right / max(compared, 1), compared
