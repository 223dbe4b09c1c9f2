"""Searching tracks for both marks, in blocks: memory does not grow with length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from synth.audio.decoded import DecodedFile, Track
from watermark.codec import Detection, MarkKeys, detect_blocks
from watermark.codec.detect import EPOCHS_AT_ONCE
from watermark.reading.progress import Progress
from watermark.reading.registry import Registry
from watermark.reading.spans import Span, joined

if TYPE_CHECKING:
    from watermark.codec.audioseal_layer import PublicMark  # it imports torch

MATCHED_UP_TO_S = 120.0
"""Up to this length issued records are matched too where no code can be decoded; longer files decode somewhere."""
MATCHED_EPOCHS = 8
PUBLIC_PIECE_S = 300.0
BLOCK_S = 42.0
DEEP_UP_TO_S = 15.0
"""A file in which nothing is found is searched for changed speed and pitch by itself up to this length."""
_RESCALED = 0.004


@dataclass(frozen=True)
class Sources:
    """What a file is searched for. ``public_mark``: None where this installation has none; that layer is left out."""

    registry: Registry
    keys: MarkKeys
    public_mark: PublicMark | None = None


@dataclass(frozen=True)
class TrackDetection:
    """One kind of channel (None: the mean of all) and what the keyed mark's detector says of it."""

    channel: int | None
    track: Track
    detection: Detection

    def spans_of(self, number: int) -> list[Span]:
        return [(w.start_s, w.end_s) for w in self.detection.records if w.record_number == number]

    @property
    def rank(self) -> tuple[int, float]:
        return len(self.detection.records), self.detection.presence_z

    @property
    def is_rescaled(self) -> bool:
        """Something was read, and only after tempo or pitch had been undone."""
        found = self.detection
        changed = max(abs(found.time_scale - 1), abs(found.frequency_scale - 1)) > _RESCALED
        return changed and bool(found.records)


@dataclass(frozen=True)
class PublicFinding:
    """The public layer: found in any piece, where, and its best score (log-odds against the threshold). ``foreign``:
    it carries a message that is not ours, as far as this installation's networks carry one."""

    present: bool
    intervals: tuple[Span, ...]
    score: float
    foreign: bool = False


# ------------------------------------------------------------------ the keyed mark
def search_keyed(
    decoded: DecodedFile, tracks: Sequence[Track], sources: Sources, progress: Progress
) -> list[TrackDetection]:
    """Detections in every track; where nothing is read, in their mean too."""
    mixed = _mixed(decoded, tracks)
    parts = len(tracks) + len(mixed)
    found = [_detection(track, sources, progress, k, parts) for k, track in enumerate(tracks)]
    if not any_records(found):
        found += [_detection(track, sources, progress, 0, 1) for track in mixed]
    return found


def search_keyed_deeply(
    decoded: DecodedFile,
    tracks: Sequence[Track],
    found: Sequence[TrackDetection],
    sources: Sources,
    progress: Progress,
) -> list[TrackDetection]:
    """The same with tempo, speed and pitch undone, for a file in which ``found`` has no record: the first track in
    which one is read then takes the place of what was found in it."""
    for track in [*_mixed(decoded, tracks), *tracks]:
        deeper = _detection(track, sources, progress, 0, 1, deep=True)
        if any_records([deeper]):
            return [*(one for one in found if one.channel != track.index), deeper]
    return list(found)


def worth_searching_deeply(
    found: Sequence[TrackDetection], public: PublicFinding | None, length_s: float
) -> bool:
    """Nothing is read, yet traces or the public mark say that something is there, or the file is so short that it
    costs little to make sure."""
    if any_records(found):
        return False
    traces = any(one.detection.present for one in found)
    return traces or (public is not None and public.present) or length_s <= DEEP_UP_TO_S


def _mixed(decoded: DecodedFile, tracks: Sequence[Track]) -> list[Track]:
    return [decoded.channel(None).between(*extent(tracks))] if len(tracks) > 1 else []


def _detection(
    track: Track, sources: Sources, progress: Progress, part: int, parts: int, *, deep: bool = False
) -> TrackDetection:
    epochs = list(sources.registry.epochs())
    passes = max(1, math.ceil(len(epochs) / EPOCHS_AT_ONCE))
    blocks = _ReportedBlocks(track, progress, part, parts, passes)
    return TrackDetection(track.index, track, detect_in(track, sources, epochs, blocks, deep=deep))


def detect_in(
    track: Track, sources: Sources, epochs: Sequence[str], blocks: Iterable[np.ndarray], *, deep: bool
) -> Detection:
    """Detection in one track, in seconds of the file. ``blocks``: of the track, (n,) each, iterable repeatedly."""
    if not epochs:
        return Detection(False, 0.0, [], track.duration_s, 0.0)
    newest = set(epochs[:MATCHED_EPOCHS])

    def issued(epoch: str) -> Iterable[int]:
        """Of older epochs only the code itself is read."""
        return sources.registry.numbers(epoch) if epoch in newest else ()

    found = detect_blocks(
        blocks,
        track.sample_rate_hz,
        keys=sources.keys,
        epochs=epochs,
        deep=deep,
        known=issued if deep or track.duration_s <= MATCHED_UP_TO_S else None,
    )
    shift = track.start_s
    if not shift:
        return found
    records = [replace(w, start_s=w.start_s + shift, end_s=w.end_s + shift) for w in found.records]
    return replace(found, records=records)


def any_records(found: Sequence[TrackDetection]) -> bool:
    return any(one.detection.records for one in found)


class _ReportedBlocks:
    """The blocks of a track, each reported as progress of its stage: of the ``part``-th of ``parts`` equal parts, in
    which they are read ``passes`` times."""

    def __init__(self, track: Track, progress: Progress, part: int, parts: int, passes: int) -> None:
        self._track, self._progress = track, progress
        self._from, self._width = part / parts, 1 / parts / passes
        self._begun, self._passes = 0, passes

    def __iter__(self) -> Iterator[np.ndarray]:
        begin = self._from + self._width * min(self._begun, self._passes - 1)
        self._begun += 1
        size = round(BLOCK_S * self._track.sample_rate_hz)
        count = max(1, -(-(self._track.last - self._track.first) // size))
        for index, block in enumerate(self._track.blocks(size)):
            self._progress.at(begin + self._width * index / count)
            yield block


# ------------------------------------------------------------------ the public mark
def search_public(tracks: Sequence[Track], sources: Sources, progress: Progress) -> PublicFinding | None:
    """The public layer in all tracks; None where this installation has none."""
    layer = sources.public_mark
    if layer is None:
        return None
    present, foreign, score = False, False, float("-inf")
    spans: list[Span] = []
    pieces = [piece for track in tracks for piece in _pieces(track)]
    for index, piece in enumerate(pieces):

        def so_far(done: float, before: int = index) -> None:
            progress.at((before + done) / len(pieces))

        found = layer.detect(piece.samples(), piece.sample_rate_hz, so_far)
        present, score = present or found.presence, max(score, found.score)
        foreign = foreign or found.is_foreign
        spans += [(piece.start_s + a, piece.start_s + b) for a, b in found.intervals]
    return PublicFinding(present, tuple(joined(spans)), score, foreign)


def _pieces(track: Track) -> list[Track]:
    count = max(1, round(track.duration_s / PUBLIC_PIECE_S))
    edges = np.linspace(track.start_s, track.start_s + track.duration_s, count + 1)
    return [track.between(float(a), float(b)) for a, b in pairwise(edges)]


def extent(tracks: Sequence[Track]) -> Span:
    """Where tracks that begin and end together lie, in seconds of the file."""
    return tracks[0].start_s, tracks[0].start_s + tracks[0].duration_s
