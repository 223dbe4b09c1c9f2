"""Both layers on one file: what the public layer's strength costs in quality, and what each layer reads."""

from __future__ import annotations

import numpy as np

from benchmarks.attacks import RATE, Material, apply, load_attacks
from benchmarks.marking import EPOCHS, KEYS, Marked, epoch_of
from benchmarks.own_attacks import quality_of
from benchmarks.report import Row, spread_of
from watermark.codec import detect, embed, read_back

STRENGTHS = (0.5, 0.7, 1.0)


def both_layer_rows(clips: list[Marked], mixed: Material, count: int = 8) -> list[Row]:
    """PESQ of the keyed mark alone and over the public one, and what is read after MP3 at 64 kbit/s."""
    try:
        from watermark.codec.audioseal_checkpoint import default_checkpoint
        from watermark.codec.audioseal_layer import PublicMark
    except ImportError as error:
        return [Row("both_layers_pesq_mean", "PESQ", None, target=4.45, note=f"not installed: {error}")]
    public = PublicMark.load(*default_checkpoint())
    mp3 = next(attack for attack in load_attacks() if attack.name == "mp3_64")
    rows = []
    for strength in STRENGTHS:
        scores, found, named, back = [], 0, 0, 0
        for index, clip in enumerate(clips[:count]):
            epoch = epoch_of(clip.record_number)
            marked = embed(
                public.embed(clip.original, RATE, strength=strength),
                RATE,
                record_number=clip.record_number,
                keys=KEYS,
                epoch=epoch,
                generator=np.random.default_rng([index, 5]),
                quality_reference=clip.original,
            )
            scores.append(quality_of(clip.original, marked))
            coded = apply(mp3, marked, mixed, index)
            found += public.detect(coded, RATE).presence
            records = detect(coded, RATE, keys=KEYS, epochs=EPOCHS).records
            named += any(one.record_number == clip.record_number for one in records)
            back += read_back(coded, RATE, record_number=clip.record_number, keys=KEYS, epoch=epoch).ok
        ships = strength == STRENGTHS[-1]
        rows.append(
            Row(
                "both_layers_pesq_mean" if ships else f"both_layers_pesq_mean_at_{strength:g}",
                "PESQ",
                float(np.mean(scores)),
                spread_of(scores),
                len(scores),
                4.45,
                note=f"public layer at strength {strength:g}{', as shipped' if ships else ''}; after mp3_64 the public"
                f" mark is found in {found}, the record named in {named} and read back in {back} of {len(scores)}",
            )
        )
    return rows
