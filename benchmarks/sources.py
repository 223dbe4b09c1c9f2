"""Words put into a released file from another one of the same voice: is the other record named, and never a wrong one?

python -m benchmarks.sources fit|report
"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np

from benchmarks import edits
from benchmarks.attacks import Material
from benchmarks.marking import Marked, share_row
from benchmarks.processing import CODINGS, processed
from benchmarks.report import Row, merge_report
from benchmarks.verdict_cases import RATE, released
from watermark.comparison.bands import band_levels
from watermark.comparison.channel import Channel
from watermark.comparison.reference import FRAMES_PER_SECOND, Reference, make, parse
from watermark.comparison.source import source_of

LENGTHS_S = (0.2, 0.3, 0.4)
_AT_S = 2.5
_ALIKE_S = 0.05


def rows(clips: list[Marked]) -> list[Row]:
    """Each clip with a word of another of its voice: released (to be named) or not (nothing to be named)."""
    clips = [c for c in clips if sum(other.voice == c.voice for other in clips) > 2]
    references = [parse(make(clip.marked, RATE)) for clip in clips]
    generator = np.random.default_rng(23)
    jobs = [
        _spliced(clips, index, length_s, ours, generator)
        for index in range(len(clips))
        for length_s in LENGTHS_S
        for ours in (True, False)
    ]
    mixed = Material(tuple(np.tile(c.original, 3)[: 13 * RATE] for c in clips[:6]))
    found: dict[str, list[bool]] = defaultdict(list)
    for coding in CODINGS:
        for job, samples in zip(jobs, processed(coding, [j[0] for j in jobs], mixed, 1), strict=True):
            _, index, other, first, last, place_s, ours = job
            candidates = {
                k: references[k]
                for k in range(len(clips))
                if clips[k].voice == clips[index].voice and (ours or k != other)
            }
            source = source_of(samples[first:last], _gain_db(samples[:first], references[index]), candidates)
            if ours:
                right = source is not None and source.number == other
                found[f"named_{coding}"].append(right and abs(source.start_s - place_s) < _ALIKE_S)  # type: ignore[union-attr]
            wrong = source is not None and (source.number != other if ours else True)
            found["wrong"].append(wrong)
    return [_row(name, results) for name, results in found.items()]


def _spliced(
    clips: list[Marked], index: int, length_s: float, ours: bool, generator: np.random.Generator
) -> tuple[np.ndarray, int, int, int, int, float, bool]:
    """Samples, the clip, the other clip, where the word lies in samples, where it lay in seconds, whether released."""
    clip = clips[index]
    others = [k for k, c in enumerate(clips) if c.voice == clip.voice and k != index]
    other = others[int(generator.integers(len(others)))]
    sound = clips[other].marked if ours else clips[other].original
    a, b = edits.place(sound, length_s, generator)
    at = round(_AT_S * RATE)
    samples = np.concatenate([clip.marked[:at], sound[a:b], clip.marked[at + b - a :]])
    return samples, index, other, at, at + b - a, a / RATE, ours


def _gain_db(samples: np.ndarray, reference: Reference) -> np.ndarray:
    """Gain of each band over what stands before the word."""
    heard = band_levels(samples, FRAMES_PER_SECOND)[:-5]
    return Channel.between(heard, reference.levels[: len(heard)]).gain


def _row(name: str, results: list[bool]) -> Row:
    hits, count = sum(results), len(results)
    if name == "wrong":
        note = "a record named that the word is not from; half of the words are from no record"
        return share_row("source_record_wrong", hits, count, 0.01, note, "lower")
    note = "words of 0.2 to 0.4 s of another record of the same voice; record and place right"
    return share_row(f"source_record_{name}", hits, count, None, note)


if __name__ == "__main__":
    if sys.argv[1:] == ["fit"]:
        for row in rows(released("fit", each_person=8, each_voice=0)):
            print(row.metric, row.value, row.spread, row.n)
    else:
        merge_report(
            "verdict", rows(released("report", each_person=5, each_voice=0)), command="make bench-verdict"
        )
