"""Examining a decoded file: both marks in every channel, then the records that the keyed mark names.

Everything is read in blocks, so that memory does not grow with length, and every block reports progress and asks
whether the answer is still wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from synth.audio.decoded import DecodedFile, Track
from watermark.reading.agreement import finding_of
from watermark.reading.findings import Findings, Interval, RecordFinding, unmarked_of, without_chance
from watermark.reading.origin import with_sources
from watermark.reading.progress import Progress
from watermark.reading.registry import Record
from watermark.reading.search import (
    BLOCK_S,
    Sources,
    TrackDetection,
    any_records,
    extent,
    search_keyed,
    search_keyed_deeply,
    search_public,
    worth_searching_deeply,
)
from watermark.reading.spans import Span, clipped, joined
from watermark.reading.survey import Survey, loudness, survey

QUICK_PIECE_S = 300.0

_Compared = dict[tuple[int | None, int], RecordFinding]
"""By channel and record number."""


@dataclass(frozen=True)
class Examined:
    """What was found. ``records``: those that were named and issued, by number. ``by_channel``: the intervals of each
    channel that differs; empty where all are alike. ``public_score``: None where that layer was not searched."""

    survey: Survey
    findings: Findings
    records: Mapping[int, Record]
    detections: tuple[TrackDetection, ...] = ()
    by_channel: Mapping[int, tuple[Interval, ...]] = field(default_factory=dict)
    public_score: float | None = None

    @property
    def best(self) -> TrackDetection | None:
        """The channel with the strongest finding speaks for the file."""
        return max(self.detections, key=lambda one: one.rank, default=None)


def examine(
    decoded: DecodedFile,
    sources: Sources,
    *,
    deep: bool = False,
    quick: bool = False,
    released: Record | None = None,
    progress: Progress | None = None,
) -> Examined:
    """Search every channel that differs.

    ``released``: the registry knows this very file, so its mark need not be searched. ``quick``: stop at the first
    passage that is certainly ours. ``deep``: also undo tempo and pitch.
    """
    progress = progress or Progress()
    progress.enter("listening", 0.25, 0.3)
    surveyed = survey(decoded, progress.at)
    if released is not None:
        return _known_file(decoded, surveyed, released)
    channels: list[int | None] = [None] if len(surveyed.different) == 1 else list(surveyed.different)
    search = _Examination(decoded, surveyed, sources, progress)
    if quick and decoded.duration_s > QUICK_PIECE_S:
        found = search.first_certain(channels)
        if found is not None:
            return found
    return search.of([decoded.channel(channel) for channel in channels], deep=deep)


def _known_file(decoded: DecodedFile, surveyed: Survey, record: Record) -> Examined:
    end_s = decoded.duration_s
    finding = RecordFinding(
        record.number,
        known=True,
        record_duration_s=record.duration_s,
        intervals=(Interval(0.0, end_s, "ours", record.number),),
        word_s=end_s,
    )
    findings = Findings(end_s, tuple(surveyed.active(None)), (finding,), same_bytes=True)
    return Examined(surveyed, findings, {record.number: record})


@dataclass(frozen=True)
class _Examination:
    """One file under search."""

    decoded: DecodedFile
    surveyed: Survey
    sources: Sources
    progress: Progress

    def first_certain(self, channels: Sequence[int | None]) -> Examined | None:
        """Piece after piece until one holds a passage that is certainly ours; None where none does."""
        decoded, start_s = self.decoded, 0.0
        while start_s < decoded.duration_s:
            end_s = min(start_s + QUICK_PIECE_S, decoded.duration_s)
            tracks = [decoded.channel(channel).between(start_s, end_s) for channel in channels]
            found = self.of(tracks, share=0.3 + 0.3 * start_s / decoded.duration_s)
            if any(record.content_matches for record in found.findings.records):
                return replace(found, findings=replace(found.findings, searched_s=end_s))
            start_s += QUICK_PIECE_S - BLOCK_S / 4
        return None

    def of(self, tracks: Sequence[Track], *, deep: bool = False, share: float | None = None) -> Examined:
        """Search ``tracks``, one a channel. ``share``: where the progress stays meanwhile, for one piece of several;
        the public mark is then not searched."""
        self._enter("searching", 0.3, 0.45, share)
        detections = search_keyed(self.decoded, tracks, self.sources, self.progress)
        self._enter("public mark", 0.45, 0.6, share)
        public = search_public(tracks, self.sources, self.progress) if share is None else None
        length_s = tracks[0].duration_s
        deep = deep or (share is None and worth_searching_deeply(detections, public, length_s))
        if deep and not any_records(detections):
            self._enter("searching", 0.6, 0.85, share)
            detections = search_keyed_deeply(self.decoded, tracks, detections, self.sources, self.progress)
        numbers = list(dict.fromkeys(w.record_number for one in detections for w in one.detection.records))
        records = self.sources.registry.records(numbers)

        self._enter("comparing", 0.85, 0.95, share)
        active = self._active(tracks)
        compared = self._compared(numbers, records, detections, active)
        from_others = {i.source for f in compared.values() for i in f.intervals if i.source is not None}
        records = {**records, **self.sources.registry.records(sorted(from_others - set(numbers)))}
        by_channel = _by_channel(active, numbers, compared) if len(tracks) > 1 else None

        findings = Findings(
            duration_s=self.decoded.duration_s,
            active=tuple(joined([span for spans in active.values() for span in spans])),
            records=tuple(_strongest(number, detections, compared) for number in numbers),
            mark_present=any(one.detection.present for one in detections),
            public_present=public is not None and public.present,
            public_intervals=public.intervals if public else (),
            public_foreign=public is not None and public.foreign,
            unmarked=None if by_channel is None else _unmarked(by_channel),
            rescaled=any(one.is_rescaled for one in detections),
            deep=deep,
            decoders_disagree=self.decoded.decoders_disagree,
            unread=self.decoded.unread,
        )
        return Examined(
            self.surveyed,
            findings,
            records,
            tuple(detections),
            by_channel or {},
            public.score if public else None,
        )

    def _enter(self, stage: str, start: float, end: float, share: float | None) -> None:
        self.progress.enter(stage, *((start, end) if share is None else (share, share)))

    def _compared(
        self,
        numbers: Sequence[int],
        records: Mapping[int, Record],
        detections: Sequence[TrackDetection],
        active: Mapping[int | None, Sequence[Span]],
    ) -> _Compared:
        spans = {number: [s for one in detections for s in one.spans_of(number)] for number in numbers}
        compared = {
            (one.channel, number): with_sources(
                finding_of(
                    number,
                    records.get(number),
                    one,
                    spans[number],
                    active.get(one.channel, self.surveyed.active(one.channel)),
                    self.surveyed.loud(one.channel),
                ),
                one.track,
                self.sources.registry,
            )
            for one in detections
            for number in self.progress.each(numbers)
        }
        return {
            (channel, number): without_chance(
                finding,
                [other for (where, of), other in compared.items() if where == channel and of != number],
            )
            for (channel, number), finding in compared.items()
        }

    def _active(self, tracks: Sequence[Track]) -> dict[int | None, list[Span]]:
        """Sound of each track, inside it."""
        within = extent(tracks)
        return {t.index: clipped(self.surveyed.active(t.index, self._beside(t)), within) for t in tracks}

    def _beside(self, track: Track) -> float:
        """Level (amplitude) below which nobody hears a channel beside those that play together with it: 40 dB below
        the loudest."""
        if track.index is None:
            return 0.0
        together = self.decoded.beside(track.index)
        levels = [loudness(self.surveyed.level_of(channel)) for channel in together]
        return 1e-2 * max(levels) if len(levels) > 1 else 0.0


def _by_channel(
    active: Mapping[int | None, Sequence[Span]], numbers: Sequence[int], compared: _Compared
) -> dict[int, tuple[Interval, ...]]:
    """What each channel holds: what is marked, and sound that is not."""
    found = {}
    for channel, spans in active.items():
        if channel is None:
            continue
        marked = [i for number in numbers for i in _named(compared.get((channel, number)), channel)]
        rest = unmarked_of(spans, marked, channel)
        found[channel] = tuple(sorted([*marked, *rest], key=lambda i: i.start_s))
    return found


def _unmarked(by_channel: Mapping[int, Sequence[Interval]]) -> tuple[Interval, ...]:
    return tuple(i for intervals in by_channel.values() for i in intervals if i.kind == "unmarked")


def _strongest(number: int, detections: Sequence[TrackDetection], compared: _Compared) -> RecordFinding:
    """The finding of the channel that carries the record best, its intervals named after that channel."""
    readers = [one for one in detections if one.spans_of(number)]
    best = max(readers, key=lambda one: (compared[(one.channel, number)].ours_s, one.rank))
    finding = compared[(best.channel, number)]
    return replace(finding, intervals=tuple(_named(finding, best.channel)))


def _named(finding: RecordFinding | None, channel: int | None) -> list[Interval]:
    return [replace(i, channel=channel) for i in finding.intervals] if finding else []
