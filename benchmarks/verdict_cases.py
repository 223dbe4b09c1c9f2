"""Files for measuring the word-by-word comparison: released clips, edited and coded on purpose, or only coded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks import edits, people, speech
from benchmarks.attacks import Material as Mixed
from benchmarks.edits import Span
from benchmarks.marking import Marked, mark_clips
from benchmarks.processing import CODINGS, RESCALED, processed
from watermark.comparison.overlay import Overlay, lay_over
from watermark.comparison.reference import Reference, make, parse

RATE = 16_000
SHORTEST_S, LONGEST_S = 0.15, 0.45


@dataclass(frozen=True, eq=False)
class Case:
    """One file laid over its record. ``kind``: of edit, or "benign"; ``coding``: what it went through; ``spans``:
    where it was edited; ``group``: human, neural or formant."""

    voice: str
    group: str
    kind: str
    coding: str
    spans: tuple[Span, ...]
    length_s: float
    overlay: Overlay


@dataclass(frozen=True, eq=False)
class _Job:
    clip: int
    kind: str
    samples: np.ndarray
    spans: tuple[Span, ...] = ()
    length_s: float = 0.0


def released(half: people.Half, *, each_person: int, each_voice: int, formant: int = 0) -> list[Marked]:
    """Clips of one half, marked with the keyed mark: what is released."""
    clips = people.people_clips(half, each_person) + people.neural_clips(half, each_voice)
    return mark_clips(clips + (speech.report_clips(formant) if formant else []))


def group_of(voice: str) -> str:
    if voice.startswith("neural:"):
        return "neural"
    return "human" if voice in {person.name for person in people.PEOPLE} else "formant"


class Cases:
    """Makes files of released clips and lays each over its record. Nothing of the audio is kept."""

    def __init__(self, clips: list[Marked], seed: int = 1) -> None:
        self._clips, self._seed = clips, seed
        self._references: dict[int, Reference] = {}
        self._mixed = Mixed(tuple(np.tile(c.original, 3)[: 13 * RATE] for c in clips[:6]))
        self._jobs: dict[str, list[_Job]] = defaultdict(list)

    def edited(
        self,
        each: int | dict[str, int],
        *,
        kinds: dict[str, edits.Maker] = edits.KINDS,
        codings: tuple[str, ...] = tuple(CODINGS),
        lengths_s: tuple[float, float] = (SHORTEST_S, LONGEST_S),
    ) -> None:
        """``each``: edits of every clip (by group), kinds and codings in turn so that all pairs come up."""
        names, number = list(kinds), 0
        for index, clip in enumerate(self._clips):
            generator = np.random.default_rng([index, 9, self._seed])
            count = each if isinstance(each, int) else each.get(group_of(clip.voice), 0)
            for _ in range(count):
                kind = names[number % len(names)]
                coding = codings[(number // len(names) + number) % len(codings)]
                made = kinds[kind](self._material(index), generator.uniform(*lengths_s), generator)
                self._jobs[coding].append(_Job(index, kind, made.samples, made.spans, made.length_s))
                number += 1

    def unedited(self, each: int, processings: list[str]) -> None:
        """``each`` processings of every clip, in turn."""
        names, number = [name for name in processings if name not in RESCALED], 0
        for index, clip in enumerate(self._clips):
            for _ in range(min(each, len(names))):
                self._jobs[names[number % len(names)]].append(_Job(index, "benign", clip.marked))
                number += 1

    def __iter__(self) -> Iterator[Case]:
        for coding, jobs in self._jobs.items():
            print(f"{coding}: {len(jobs)} files", flush=True)
            heard = processed(coding, [job.samples for job in jobs], self._mixed, self._seed)
            for job, samples in zip(jobs, heard, strict=True):
                clip = self._clips[job.clip]
                overlay = lay_over(self._reference(job.clip), samples)
                if overlay is not None:
                    group = group_of(clip.voice)
                    yield Case(clip.voice, group, job.kind, coding, job.spans, job.length_s, overlay)
        self._jobs.clear()

    def _reference(self, index: int) -> Reference:
        if index not in self._references:
            self._references[index] = parse(make(self._clips[index].marked, RATE))
        return self._references[index]

    def _material(self, index: int) -> edits.Material:
        """Another clip of the voice (else of its group), and one of somebody else."""
        clip = self._clips[index]
        generator = np.random.default_rng([index, 3, self._seed])
        others = [
            c for c in self._clips if c.voice != clip.voice and group_of(c.voice) == group_of(clip.voice)
        ]
        same = [c for c in self._clips if c.voice == clip.voice and c.name != clip.name] or others
        one, two = (same[int(k)] for k in generator.integers(len(same), size=2))
        other = others[int(generator.integers(len(others)))]
        return edits.Material(clip.marked, one.original, other.original, two.marked)
