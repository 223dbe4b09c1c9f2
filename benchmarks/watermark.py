"""`make bench-watermark`: quality, reading back, false alarms and cost of the keyed mark; attacks with
--attacks.

Strengths and thresholds were chosen on festival and espeak-ng voices; everything here is reported on
flite's (slt, rms, awb, kal16). Needs the programs flite, espeak-ng, ffmpeg and sox; parts that measure quality
need the `pesq` package (extra `bench`).

    python -m benchmarks.watermark [--clips 60] [--unmarked 500] [--attacks] [--parts ...]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import cache

from benchmarks import speech
from benchmarks.attacks import RATE, Material, load_attacks
from benchmarks.averaging import averaging_rows
from benchmarks.baselines import baseline_rows
from benchmarks.both_layers import both_layer_rows
from benchmarks.cost import cost_rows
from benchmarks.false_alarms import many_key_rows
from benchmarks.marking import EPOCHS, KEYS, Marked, epoch_of, issued, mark_clips, material, share_interval
from benchmarks.own_attacks import own_attack_rows, quality_of, transplant_rows
from benchmarks.report import Row, merge_report, spread_of
from benchmarks.robustness import attack_rows, attacked_piece, longer_rows, merge_attacks
from watermark.codec import detect, read_back
from watermark.codec.resample import resample

READ_BACK_ATTACKS = (
    "mp3_64",
    "aac_64",
    "opus_24",
    "resample_8000",
    "white_20db",
    "crop_3s",
    "phone_300_3400",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--unmarked", type=int, default=500)
    parser.add_argument("--attacks", action="store_true", help="the attack list too")
    parser.add_argument(
        "--parts",
        default="quality,cost,readback,own,averaging,both,baselines,alarms,keys",
        help="of the rest",
    )
    parser.add_argument("--key-pieces", type=int, default=2_000, help="for part keys")
    parser.add_argument("--keys", type=int, default=50, help="random keys for part keys")
    parser.add_argument("--deep-pieces", type=int, default=2_000, help="for part keys, with the deep search")
    parser.add_argument("--deep-keys", type=int, default=50, help="the same")
    parser.add_argument("--outputs", type=int, default=600, help="for part averaging")
    parser.add_argument("--key-minutes", type=float, help="begin no further pieces after so many minutes")
    parser.add_argument("--attack-minutes", type=float, help="begin no further clip after so many minutes")
    parser.add_argument("--longer", type=int, default=0, help="so many long clips at 3, 8 and 16 s")
    parser.add_argument("--processes", type=int, default=1, help="for the attack list")
    options = parser.parse_args()
    speech.require_programs("bench-watermark", "flite", "espeak-ng", "ffmpeg", "sox")
    command = "make bench-watermark"
    mixed = cache(material)  # made when a part first needs them
    clips = cache(lambda: mark_clips(speech.report_clips(options.clips)))
    parts: dict[str, Callable[[], list[Row]]] = {
        "quality": lambda: quality_rows(clips()),
        "cost": lambda: cost_rows(clips()),
        "readback": lambda: read_back_rows(clips(), mixed()),
        "transplants": lambda: transplant_rows(clips()),  # of "own", alone
        "own": lambda: own_attack_rows(clips(), mixed()),
        "both": lambda: both_layer_rows(clips(), mixed()),
        "baselines": lambda: baseline_rows(clips(), mixed()),
        "averaging": lambda: averaging_rows(options.outputs),
        "alarms": lambda: false_alarm_rows(options.unmarked),
        "keys": lambda: many_key_rows(
            options.key_pieces, options.keys, options.deep_pieces, options.deep_keys, options.key_minutes
        ),
    }
    wanted = options.parts.split(",") if options.parts else []
    if {"quality", "own", "both", "baselines"}.intersection(wanted):
        speech.require_pesq("bench-watermark")
    for name in wanted:
        merge_report("watermark", parts[name](), command=command)
    if options.attacks:
        summary, table, missed = attack_rows(
            clips(), mixed(), processes=options.processes, minutes=options.attack_minutes
        )
        merge_attacks(table, missed)
        merge_report("watermark", summary, command=command)
    if options.longer:
        merge_attacks(longer_rows(mixed(), options.longer))


def quality_rows(clips: list[Marked]) -> list[Row]:
    """Wide-band PESQ of the whole clip at 16 kHz, by the reference program."""
    scores = [quality_of(clip.original, clip.marked) for clip in clips]
    worst = min(range(len(clips)), key=scores.__getitem__)
    spread = spread_of(scores)
    return [
        Row(
            "pesq_mean", "PESQ", statistics.fmean(scores), spread, len(clips), 4.45, note="wide band, 16 kHz"
        ),
        Row("pesq_min", "PESQ", scores[worst], None, len(clips), 4.3, note=f"clip {clips[worst].name}"),
    ]


def read_back_rows(clips: list[Marked], mixed: Material) -> list[Row]:
    """Read-back by the known record after each attack in turn, on 3 s with 2 s of active speech."""
    attacks = {attack.name: attack for attack in load_attacks()}
    misses: list[str] = []
    rows = []
    total = blind = 0
    for name in READ_BACK_ATTACKS:
        scores = []
        for index, clip in enumerate(clips):
            piece = attacked_piece(attacks[name], clip, mixed, index)
            epoch = epoch_of(clip.record_number)
            answer = read_back(piece, RATE, record_number=clip.record_number, keys=KEYS, epoch=epoch)
            scores.append(answer.score)
            total += 1
            if not answer.ok:
                misses.append(f"{name}: {clip.name} (score {answer.score:.1f} of {answer.threshold:.1f})")
            found = detect(piece, RATE, keys=KEYS, epochs=EPOCHS).records
            blind += any(one.record_number == clip.record_number for one in found)
        rows.append(
            Row(f"readback_score_{name}", "1", statistics.median(scores), spread_of(scores), len(clips))
        )
    listed = "; ".join(misses) if misses else "no miss"
    low, high = share_interval(total - len(misses), total)
    interval = f"95 % interval {low:.4f} to {high:.4f}"
    note = f"3 s with 2 s of active speech after each of {', '.join(READ_BACK_ATTACKS)}; {listed}"
    return [
        Row("readback_rate", "share", 1 - len(misses) / total, interval, total, 0.99, note=note),
        Row("blind_decode_rate", "share", blind / total, None, total, note="same pieces, record not given"),
        *rows,
    ]


def false_alarm_rows(count: int) -> list[Row]:
    """Unmarked speech: nothing may be detected, plainly or matched with issued records, and nothing read
    back.
    """
    alarms: dict[str, list[str]] = {"detect": [], "detect with issued records": [], "read back": []}
    scores = []
    for index, piece in enumerate(speech.unmarked_pieces(count)):
        samples = resample(piece.samples, piece.sample_rate_hz, RATE)
        for name, known in (("detect", None), ("detect with issued records", issued)):
            if detect(samples, RATE, keys=KEYS, epochs=EPOCHS, known=known).present:
                alarms[name].append(piece.name)
        answer = read_back(samples, RATE, record_number=index, keys=KEYS, epoch=EPOCHS[index % 2])
        scores.append(answer.score)
        if answer.ok:
            alarms["read back"].append(piece.name)
    found = sum(len(names) for names in alarms.values())
    note = "; ".join(f"{name}: {', '.join(names) or 'none'}" for name, names in alarms.items())
    return [
        Row("false_alarms", "1", found, None, count, 0, "lower", note=f"unmarked pieces of 3 s; {note}"),
        Row("unmarked_readback_score_max", "1", max(scores), spread_of(scores), count, None, "lower"),
    ]


if __name__ == "__main__":
    main()
