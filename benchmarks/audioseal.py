"""`make bench-audioseal`: the public layer's checkpoint, on voices and sounds that it never met.

Marked clips and unmarked pieces come from the "report" set of voices of `watermark.training.voices`, what is
not speech from `benchmarks.nonspeech`, the edits from the attack list. Decisions are the product's own:
`PublicMark.detect` with its threshold, which was chosen on the "tune" set of voices. So the false alarms
counted here say what that threshold is worth. Needs flite, festival or espeak-ng, ffmpeg and sox; PESQ
needs the `pesq` package (extra `bench`).

    python -m benchmarks.audioseal [--parts quality,both,...] [--checkpoint FOLDER] [--minutes N]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch

from benchmarks import nonspeech
from benchmarks.attacks import RATE, Attack, Material, Unavailable, apply, crop, load_attacks
from benchmarks.marking import EPOCHS, KEYS, material
from benchmarks.own_attacks import quality_of
from benchmarks.report import Row, merge_report, spread_of, write_report
from watermark.codec import embed
from watermark.codec.audioseal_checkpoint import (
    BORDERS_FILE,
    DETECTOR_FILE,
    GENERATOR_FILE,
    default_checkpoint,
)
from watermark.codec.audioseal_layer import PublicMark
from watermark.training.evaluation import (
    MarkedClip,
    bootstrap,
    marked_clips,
    overlap,
    si_snr_db,
    unmarked_pieces,
    wilson,
)
from watermark.training.voices import installed

COMMAND = "make bench-audioseal"
CLIPS_SEED, UNMARKED_SEED, NON_SPEECH_SEED = 501, 502, 503
TARGETS = {"identity": ("clean", 0.99), "mp3_64": ("mp3_64", 0.99), "white_20db": ("noise_20db", 0.9)}
TARGETS["speed_1.05"] = ("speed_1_05", 0.9)
FOUND = 0.95  # an attack is survived when so large a share of the pieces is found
PIECE_S = 3.0


class Bench:
    """One checkpoint and the clips it is measured on, made once."""

    def __init__(self, public: PublicMark, options: argparse.Namespace) -> None:
        self.public, self.options = public, options

    @cache  # noqa: B019 - one object per run
    def clips(self) -> list[MarkedClip]:
        return marked_clips(self.public, "report", self.options.clips, CLIPS_SEED)

    @cache  # noqa: B019
    def mixed(self) -> Material:
        return material()

    # -------------------------------------------------------------- quality
    def quality(self) -> list[Row]:
        """SI-SNR and wide-band PESQ of whole clips at 16 kHz."""
        ratios = [si_snr_db(clip.original, clip.marked) for clip in self.clips()]
        rows = [
            Row("si_snr_db", "dB", statistics.fmean(ratios), spread_of(ratios), len(ratios), 30),
        ]
        scores = _pesq([(clip.original, clip.marked) for clip in self.clips()])
        return rows + _pesq_rows("pesq_mean", scores, 4.3, "the public mark alone, wide band, 16 kHz")

    def both(self) -> list[Row]:
        """The public mark, then the keyed one on top, as the worker applies them."""
        pairs = []
        for index, clip in enumerate(self.clips()[: self.options.both]):
            marked = embed(
                clip.marked,
                RATE,
                record_number=900 + index,
                keys=KEYS,
                epoch=EPOCHS[0],
                generator=np.random.default_rng([index, 6]),
                quality_reference=clip.original,
            )
            pairs.append((clip, marked))
        rows = _pesq_rows(
            "pesq_mean_both",
            _pesq([(clip.original, marked) for clip, marked in pairs]),
            4.2,
            "public and keyed mark against the unmarked speech, wide band, 16 kHz",
        )
        found = [self.public.detect(crop(marked, PIECE_S, 2.0), RATE).presence for _, marked in pairs]
        note = "3 s of clips that carry the keyed mark too, no edit"
        return [*rows, _share("tpr_under_keyed_mark", sum(found), len(found), None, note)]

    # -------------------------------------------------------------- detection
    def detection(self) -> list[Row]:
        """The edits that have targets, on all clips."""
        attacks = {attack.name: attack for attack in load_attacks()}
        rows = []
        for name, (metric, target) in TARGETS.items():
            attack = attacks.get(name, Attack("identity", "none", ()))
            scores, found = [], 0
            for index, clip in enumerate(self.clips()):
                decision = self.public.detect(self._attacked(attack, clip, index), RATE)
                scores.append(decision.score)
                found += decision.presence
            note = f"scores {spread_of(scores)}, threshold {decision.threshold:g}"
            rows.append(_share(f"tpr_at_fpr_1e3_{metric}", found, len(scores), target, note))
        return rows

    def attacks(self) -> list[Row]:
        """Every attack of the list, on the first clips; one row each in a report of its own."""
        listed = load_attacks()
        found: dict[str, int] = defaultdict(int)
        tried: dict[str, int] = defaultdict(int)
        absent: dict[str, str] = {}
        end = time.monotonic() + 60 * self.options.minutes
        for index, clip in enumerate(self.clips()[: self.options.attacked]):
            if time.monotonic() > end:
                break
            for attack in listed:
                try:
                    piece = self._attacked(attack, clip, index)
                except Unavailable as reason:
                    absent[attack.name] = str(reason)
                    continue
                tried[attack.name] += 1
                found[attack.name] += self.public.detect(piece, RATE).presence
        table = []
        for attack in listed:
            name, unit = attack.name, f"share found ({attack.family})"
            if not tried[name]:
                table.append(Row(name, unit, None, note=absent.get(name, "not run")))
                continue
            low, high = wilson(found[name], tried[name])
            interval = f"95 % interval {low:.3f} to {high:.3f}"
            table.append(Row(name, unit, found[name] / tried[name], interval, tried[name]))
        write_report("audioseal-attacks", table, command="python -m benchmarks.audioseal --parts attacks")
        return self._families(listed, table)

    def _families(self, listed: list[Attack], table: list[Row]) -> list[Row]:
        rows = []
        families: dict[str, list[Row]] = defaultdict(list)
        for attack, row in zip(listed, table, strict=True):
            if row.value is not None:
                families[attack.family].append(row)
        for family, members in families.items():
            worst = min(members, key=lambda row: row.value or 0)
            mean = statistics.fmean(float(row.value or 0) for row in members)
            note = f"mean over {len(members)} attacks; worst {worst.metric} {worst.value:.3f}"
            rows.append(Row(f"found_{family}", "share", mean, None, worst.n, note=note))
        single = [row for attack, row in zip(listed, table, strict=True) if attack.family != "chain"]
        lost = [row.metric for row in single if row.value is None or row.value < FOUND]
        share = 1 - len(lost) / len(single)
        note = f"found in at least 95 % of the clips; not survived: {', '.join(lost) or 'none'}"
        return [Row("attacks_survived", "share", share, None, len(single), note=note), *rows]

    def _attacked(self, attack: Attack, clip: MarkedClip, seed: int) -> np.ndarray:
        out = apply(attack, clip.marked, self.mixed(), seed)
        return out if attack.crops else crop(out, PIECE_S, PIECE_S * 2 / 3)

    # -------------------------------------------------------------- false alarms
    def alarms(self) -> list[Row]:
        """Unmarked speech of voices never met: false alarms at the product's threshold."""
        scores, sources, alarms = [], [], []
        for piece, source in unmarked_pieces("report", self.options.unmarked, UNMARKED_SEED, PIECE_S):
            decision = self.public.detect(piece, RATE)
            scores.append(decision.score)
            sources.append(source)
            if decision.presence:
                alarms.append(source)
        low, high = bootstrap([float(s > decision.threshold) for s in scores], sources)
        return [
            _share(
                "false_alarm_speech",
                len(alarms),
                len(scores),
                1e-3,
                f"unmarked pieces of {PIECE_S:g} s from {len(set(sources))} clips;"
                f" by clip {low:.4f} to {high:.4f}; {', '.join(alarms[:8]) or 'none'}",
                better="lower",
            ),
            Row("unmarked_score_max", "1", max(scores), spread_of(scores), len(scores), better="lower"),
            Row(
                "presence_threshold",
                "1",
                decision.threshold,
                note="chosen on the tuning voices",
                better="lower",
            ),
        ]

    def silence(self) -> list[Row]:
        """Music-like sounds, noise, hum, pulses: false alarms by kind."""
        alarms: dict[str, int] = defaultdict(int)
        for kind, piece in nonspeech.pieces(self.options.other, PIECE_S, NON_SPEECH_SEED):
            alarms[kind] += self.public.detect(piece, RATE).presence
        total = sum(alarms.values())
        by_kind = ", ".join(f"{kind} {count}" for kind, count in alarms.items() if count)
        note = f"{len(alarms)} kinds of {PIECE_S:g} s; by kind: {by_kind or 'none'}"
        return [_share("false_alarm_non_speech", total, self.options.other, 0.01, note, better="lower")]

    # -------------------------------------------------------------- places, message
    def places(self) -> list[Row]:
        """One marked stretch of 1 s, and of 3 s, in 10 s of the same unmarked voice."""
        rows = []
        for seconds, target in ((1.0, 0.95), (3.0, None)):
            shares = []
            for index, clip in enumerate(self.clips()):
                generator = np.random.default_rng([index, 8])
                marked, host = (np.resize(x, 10 * RATE) for x in (clip.marked, clip.original))
                host = host.copy()
                start = int(generator.integers(RATE, 9 * RATE - int(seconds * RATE)))
                end = start + int(seconds * RATE)
                host[start:end] = marked[start:end]
                found = self.public.detect(host, RATE).intervals
                shares.append(overlap(found, (start / RATE, end / RATE), 10.0))
            low, high = bootstrap(shares, [clip.voice for clip in self.clips()])
            metric = "localisation_iou" if seconds == 1.0 else "localisation_iou_3s"
            note = (
                f"{seconds:g} s marked in 10 s of the same voice, anywhere in the sentence;"
                f" mean's 95 % interval by voice {low:.3f} to {high:.3f}"
            )
            rows.append(
                Row(
                    metric,
                    "share",
                    statistics.fmean(shares),
                    spread_of(shares),
                    len(shares),
                    target,
                    note=note,
                )
            )
        return rows

    def message(self) -> list[Row]:
        """Share of right bits of a random message each, 3 s, no edit."""
        right = []
        for clip in self.clips():
            read = self.public.detect(crop(clip.marked, PIECE_S, 2.0), RATE).message
            wanted = np.array(clip.message)
            right.append(0.5 if read is None else float(np.mean(np.array(read) == wanted)))
        low, high = bootstrap(right, [clip.voice for clip in self.clips()])
        note = f"16 random bits per clip; 95 % interval by voice {low:.3f} to {high:.3f}; chance is 0.5"
        return [
            Row("bit_accuracy_clean", "share", statistics.fmean(right), None, len(right), 0.95, note=note)
        ]

    def cost(self) -> list[Row]:
        """Processor time per second of audio, one thread, and the size of what ships."""
        clip = np.resize(self.clips()[0].original, 30 * RATE)
        rows = []
        for name, call in (
            ("embed_cpu_s_per_s", lambda: self.public.embed(clip, RATE)),
            ("detect_cpu_s_per_s", lambda: self.public.detect(clip, RATE)),
        ):
            spent = []
            for _ in range(3):
                begun = time.process_time()
                call()
                spent.append((time.process_time() - begun) / 30)
            note = "30 s of unmarked speech, best of 3"
            rows.append(Row(name, "s", min(spent), spread_of(spent), 3, better="lower", note=note))
        folder = Path(self.options.checkpoint or default_checkpoint()[0])
        files = (GENERATOR_FILE, DETECTOR_FILE, BORDERS_FILE)
        size = sum((folder / name).stat().st_size for name in files if (folder / name).is_file()) / 2**20
        return [*rows, Row("checkpoint_size", "MiB", size, None, len(files), 16, "lower")]


def _share(
    metric: str, hits: int, count: int, target: float | None, note: str, better: str = "higher"
) -> Row:
    low, high = wilson(hits, count)
    interval = f"95 % interval {low:.4f} to {high:.4f}"
    return Row(metric, "share", hits / count, interval, count, target, better, note=note)  # type: ignore[arg-type]


def _pesq(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[float] | None:
    try:
        return [quality_of(original, marked) for original, marked in pairs]
    except ImportError:
        return None


def _pesq_rows(metric: str, scores: list[float] | None, target: float, note: str) -> list[Row]:
    if scores is None:
        absent = "the pesq package is not installed (pip install 'assent[bench]', needs g++)"
        return [Row(metric, "PESQ", None, target=target, note=absent)]
    return [
        Row(metric, "PESQ", statistics.fmean(scores), spread_of(scores), len(scores), target, note=note),
        Row(metric.replace("mean", "min"), "PESQ", min(scores), None, len(scores), note=note),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="a folder with other networks than those that ship")
    parser.add_argument("--clips", type=int, default=150, help="marked clips")
    parser.add_argument("--attacked", type=int, default=30, help="of them, for the whole attack list")
    parser.add_argument("--both", type=int, default=40, help="of them, for the keyed mark on top")
    parser.add_argument("--unmarked", type=int, default=3_000, help="pieces of unmarked speech")
    parser.add_argument("--other", type=int, default=1_008, help="pieces of what is not speech")
    parser.add_argument("--minutes", type=float, default=12, help="begin no further clip of the list after")
    parser.add_argument(
        "--parts", default="quality,detection,places,message,cost,both,silence,alarms,attacks"
    )
    options = parser.parse_args()
    missing = [name for name in ("ffmpeg", "sox") if shutil.which(name) is None]
    if missing or not installed():
        sys.exit(f"bench-audioseal needs {', '.join(missing) or 'flite, festival or espeak-ng'}")
    torch.set_num_threads(1)
    public = (
        PublicMark.load(Path(options.checkpoint))
        if options.checkpoint
        else PublicMark.load(*default_checkpoint())
    )
    bench = Bench(public, options)
    parts: dict[str, Callable[[], list[Row]]] = {
        name: getattr(bench, name)
        for name in (
            "quality",
            "detection",
            "places",
            "message",
            "cost",
            "both",
            "silence",
            "alarms",
            "attacks",
        )
    }
    for name in options.parts.split(","):
        begun = time.monotonic()
        rows = parts[name]()
        if options.checkpoint:  # a checkpoint on trial: to be read, not to be recorded
            for row in rows:
                print(row.metric, row.value, row.spread or "", row.n, row.note, flush=True)
        else:
            merge_report("audioseal", rows, command=COMMAND)
        print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
