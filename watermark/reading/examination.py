"""Searching a decoded file: both marks in every channel, then the records that the keyed mark names.

Everything is read in blocks, so that memory does not grow with length, and every block reports progress and asks
whether the answer is still wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from synth.audio.decoded import DecodedFile, Track
from watermark import selectors
from watermark.codec import Detection, detect_blocks
from watermark.codec.detect import EPOCHS_AT_ONCE
from watermark.codec.words import IssuedRecords
from watermark.models import Mark
from watermark.reading.agreement import Span, compare, joined
from watermark.reading.survey import Survey, loudness, survey
from watermark.reading.verdict import Findings, Interval, RecordFinding, length_of, subtract, unmarked_of
from worker import resident

MATCHED_UP_TO_S = 120.0
"""Up to this length issued records are matched too where no code can be decoded; longer files decode somewhere."""
MATCHED_EPOCHS = 8
QUICK_PIECE_S = 300.0
PUBLIC_PIECE_S = 300.0
_BLOCK_S = 42.0
_WORD_EDGE_S = 1.0
_SHORTEST_ALTERED_S = 0.15
_RESCALED = 0.004


@dataclass
class Progress:
    """How far an examination has come: a stage, and a share of the whole that only grows.

    ``check`` is called at every step; it raises when nobody wants the answer any more.
    """

    check: Callable[[], None] = lambda: None
    stage: str = ""
    share: float = 0.0
    _span: Span = (0.0, 1.0)

    def enter(self, stage: str, start: float, end: float) -> None:
        self.stage, self._span = stage, (start, end)
        self.at(0.0)

    def at(self, done: float) -> None:
        """``done``: share of the present stage."""
        self.check()
        start, end = self._span
        self.share = max(self.share, start + (end - start) * min(1.0, done))


@dataclass(frozen=True)
class Heard:
    """One kind of channel (None: the mean of all) and what the keyed mark's detector says of it."""

    channel: int | None
    track: Track
    detection: Detection

    def spans_of(self, number: int) -> list[Span]:
        return [(w.start_s, w.end_s) for w in self.detection.words if w.record_number == number]

    @property
    def rank(self) -> tuple[int, float]:
        return len(self.detection.words), self.detection.presence_z


@dataclass(frozen=True)
class Examined:
    """What was found. ``lanes``: by channel, the intervals of each that differs; empty where all are alike.
    ``public_score``: of the public layer, None where it was not searched."""

    survey: Survey
    findings: Findings
    marks: dict[int, Mark]
    heard: tuple[Heard, ...] = ()
    lanes: dict[int, tuple[Interval, ...]] = field(default_factory=dict)
    public_score: float | None = None

    @property
    def best(self) -> Heard | None:
        """The channel with the strongest finding speaks for the file."""
        return max(self.heard, key=lambda h: h.rank, default=None)


def examine(
    decoded: DecodedFile,
    *,
    deep: bool = False,
    quick: bool = False,
    released: Mark | None = None,
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
    whole = [decoded.channel(channel) for channel in channels]
    if quick and decoded.duration_s > QUICK_PIECE_S:
        found = _first_certain(decoded, surveyed, channels, progress)
        if found is not None:
            return found
    return _searched(decoded, surveyed, whole, progress, deep=deep)


def _known_file(decoded: DecodedFile, surveyed: Survey, mark: Mark) -> Examined:
    number, end_s = mark.record_number, decoded.duration_s
    record = RecordFinding(
        number,
        known=True,
        record_duration_s=(mark.duration_ms or 0) / 1000,
        intervals=(Interval(0.0, end_s, "ours", number),),
        word_s=end_s,
    )
    findings = Findings(end_s, tuple(surveyed.active(None)), (record,), same_bytes=True)
    return Examined(surveyed, findings, {number: mark})


def _first_certain(
    decoded: DecodedFile, surveyed: Survey, channels: Sequence[int | None], progress: Progress
) -> Examined | None:
    """Piece after piece until one holds a passage that is certainly ours; None where none does."""
    start_s = 0.0
    while start_s < decoded.duration_s:
        end_s = min(start_s + QUICK_PIECE_S, decoded.duration_s)
        share = 0.3 + 0.3 * start_s / decoded.duration_s
        tracks = [decoded.channel(channel).between(start_s, end_s) for channel in channels]
        found = _searched(decoded, surveyed, tracks, progress, window=(share, share))
        if any(record.content_matches for record in found.findings.records):
            return replace(found, findings=replace(found.findings, searched_s=end_s))
        start_s += QUICK_PIECE_S - _BLOCK_S / 4
    return None


def _searched(
    decoded: DecodedFile,
    surveyed: Survey,
    tracks: Sequence[Track],
    progress: Progress,
    *,
    deep: bool = False,
    window: Span | None = None,
) -> Examined:
    """Search ``tracks``, one a channel. ``window``: share of the progress, where more than this is to come."""
    start, end = window or (0.3, 0.65)
    progress.enter("searching", start, end)
    heard = _search(decoded, tracks, progress, deep=deep)
    numbers = list(dict.fromkeys(w.record_number for h in heard for w in h.detection.words))
    marks = selectors.issued_marks(numbers)

    start, end = window or (0.65, 0.8)
    progress.enter("comparing", start, end)
    spans = {number: [s for h in heard for s in h.spans_of(number)] for number in numbers}
    compared = {
        (h.channel, number): _record(number, marks.get(number), h, spans[number])
        for h in heard
        for number in _each(numbers, progress)
    }
    records = tuple(_strongest(number, heard, compared) for number in numbers)

    within = _inside(tracks)
    channels = [track.index for track in tracks]
    levels = [loudness(surveyed.level_of(channel)) for channel in channels]
    beside = 1e-2 * max(levels) if len(channels) > 1 else 0.0  # 40 dB below the loudest, nobody hears it
    active = {c: _cut(surveyed.active(c, beside), within) for c in channels}
    lanes: dict[int, tuple[Interval, ...]] = {}
    unmarked: list[Interval] | None = None
    if len(channels) > 1:
        unmarked = []
        for channel in channels:
            marked = [i for number in numbers for i in _intervals(compared.get((channel, number)), channel)]
            rest = unmarked_of(active[channel], marked, channel)
            unmarked += rest
            if channel is not None:
                lanes[channel] = tuple(sorted([*marked, *rest], key=lambda i: i.start_s))

    start, end = window or (0.8, 0.95)
    progress.enter("public mark", start, end)
    public = _public(tracks, progress) if window is None else None
    findings = Findings(
        duration_s=decoded.duration_s,
        active=tuple(joined([span for spans_ in active.values() for span in spans_])),
        records=records,
        mark_present=any(h.detection.present for h in heard),
        public_present=public is not None and public[0],
        public_intervals=public[1] if public else (),
        unmarked=None if unmarked is None else tuple(unmarked),
        rescaled=any(_rescaled(h.detection) for h in heard if h.detection.words),
    )
    return Examined(surveyed, findings, marks, tuple(heard), lanes, public[2] if public else None)


# ------------------------------------------------------------------ the keyed mark
def _search(decoded: DecodedFile, tracks: Sequence[Track], progress: Progress, *, deep: bool) -> list[Heard]:
    epochs = selectors.readable_epochs()
    passes = max(1, math.ceil(len(epochs) / EPOCHS_AT_ONCE))
    mixed = [decoded.channel(None).between(*_inside(tracks))] if len(tracks) > 1 else []

    def all_of(more: Sequence[Track], deep: bool, tracks: int) -> list[Heard]:
        return [
            Heard(t.index, t, _detect(t, epochs, _Reported(t, progress, k, tracks, passes), deep=deep))
            for k, t in enumerate(more)
        ]

    heard = all_of(tracks, False, len(tracks) + len(mixed))
    if not _words(heard):
        heard += all_of(mixed, False, 1)
    if deep and not _words(heard):
        for track in [*mixed, *tracks]:
            found = all_of([track], True, 1)
            if _words(found):
                others = [h for h in heard if h.channel != track.index]
                return [*others, *found]
    return heard


def _rescaled(found: Detection) -> bool:
    return max(abs(found.time_scale - 1), abs(found.frequency_scale - 1)) > _RESCALED


def _words(heard: Sequence[Heard]) -> bool:
    return any(h.detection.words for h in heard)


def _detect(track: Track, epochs: list[str], blocks: Iterable[np.ndarray], *, deep: bool) -> Detection:
    """Detection in one channel, in seconds of the file."""
    if not epochs:
        return Detection(False, 0.0, [], track.duration_s, 0.0)
    matched = deep or track.duration_s <= MATCHED_UP_TO_S
    found = detect_blocks(
        blocks,
        track.sample_rate_hz,
        keys=resident.mark_keys(),
        epochs=epochs,
        deep=deep,
        known=_issued_in(epochs[:MATCHED_EPOCHS]) if matched else None,
    )
    shift = track.start_s
    if not shift:
        return found
    words = [replace(w, start_s=w.start_s + shift, end_s=w.end_s + shift) for w in found.words]
    return replace(found, words=words)


def _issued_in(epochs: Sequence[str]) -> IssuedRecords:
    """Record numbers of the newest epochs; of older ones only the code itself is read."""
    return lambda epoch: selectors.issued_numbers(epoch) if epoch in epochs else ()


class _Reported:
    """The blocks of a track, each reported as progress of its stage: of the ``part``-th of ``parts`` equal parts, in
    which they are read ``passes`` times."""

    def __init__(self, track: Track, progress: Progress, part: int, parts: int, passes: int) -> None:
        self._track, self._progress = track, progress
        self._from, self._width = part / parts, 1 / parts / passes
        self._begun, self._passes = 0, passes

    def __iter__(self) -> Iterator[np.ndarray]:
        begin = self._from + self._width * min(self._begun, self._passes - 1)
        self._begun += 1
        size = round(_BLOCK_S * self._track.sample_rate_hz)
        count = max(1, -(-(self._track.last - self._track.first) // size))
        for index, block in enumerate(self._track.blocks(size)):
            self._progress.at(begin + self._width * index / count)
            yield block


# ------------------------------------------------------------------ comparing with records
def _record(number: int, mark: Mark | None, heard: Heard, spans: Sequence[Span]) -> RecordFinding:
    """Does a channel hold this record's content? ``spans``: where the record's word was read in any channel."""
    read = heard.spans_of(number)
    if mark is None or mark.fingerprint is None:
        intervals = tuple(Interval(a, b, "altered", number) for a, b in read)
        return RecordFinding(number, known=False, intervals=intervals)
    agreement = compare(mark, heard.track, heard.detection, spans)
    # Matching content counts wherever it is; a mismatch only where the word was read. The word's own ends are
    # known to about a second: between a fingerprint that has ended and a word that has not, nothing is claimed.
    agrees = joined([*agreement.ours, *agreement.unclear])
    inner = [(a + _WORD_EDGE_S, b - _WORD_EDGE_S) if agrees else (a, b) for a, b in read]
    altered = [(a, b) for a, b in subtract(inner, agrees) if b - a >= _SHORTEST_ALTERED_S]
    intervals = tuple(
        sorted(
            [Interval(a, b, "ours", number) for a, b in agreement.ours]
            + [Interval(a, b, "unclear", number) for a, b in agreement.unclear]
            + [Interval(a, b, "altered", number) for a, b in altered],
            key=lambda i: i.start_s,
        )
    )
    return RecordFinding(
        number,
        known=True,
        record_duration_s=(mark.duration_ms or 0) / 1000,
        in_order=agreement.in_order,
        intervals=intervals,
        covered=agreement.covered,
        word_s=length_of(read),
        bound=any(word.bound for word in heard.detection.words if word.record_number == number),
    )


def _strongest(
    number: int, heard: Sequence[Heard], compared: dict[tuple[int | None, int], RecordFinding]
) -> RecordFinding:
    """The finding of the channel that carries the record best, its intervals named after that channel."""
    readers = [h for h in heard if h.spans_of(number)]
    best = max(readers, key=lambda h: (compared[(h.channel, number)].ours_s, h.rank))
    finding = compared[(best.channel, number)]
    return replace(finding, intervals=tuple(_intervals(finding, best.channel)))


def _intervals(finding: RecordFinding | None, channel: int | None) -> list[Interval]:
    return [replace(i, channel=channel) for i in finding.intervals] if finding else []


def _each(numbers: Sequence[int], progress: Progress) -> Iterator[int]:
    for index, number in enumerate(numbers):
        progress.at(index / len(numbers))
        yield number


# ------------------------------------------------------------------ the public mark
def _public(tracks: Sequence[Track], progress: Progress) -> tuple[bool, tuple[Span, ...], float] | None:
    """(present in any piece, where, best score) of the public layer; None without one."""
    layer = resident.public_mark()
    if layer is None:
        return None
    present, score = False, float("-inf")
    spans: list[Span] = []
    pieces = [piece for track in tracks for piece in _pieces(track)]
    for index, piece in enumerate(pieces):

        def so_far(done: float, before: int = index) -> None:
            progress.at((before + done) / len(pieces))

        found = layer.detect(piece.samples(), piece.sample_rate_hz, so_far)
        present, score = present or found.presence, max(score, found.score)
        spans += [(piece.start_s + a, piece.start_s + b) for a, b in found.intervals]
    return present, tuple(joined(spans)), score


def _pieces(track: Track) -> list[Track]:
    count = max(1, round(track.duration_s / PUBLIC_PIECE_S))
    edges = np.linspace(track.start_s, track.start_s + track.duration_s, count + 1)
    return [track.between(float(a), float(b)) for a, b in pairwise(edges)]


# ------------------------------------------------------------------ spans
def _inside(tracks: Sequence[Track]) -> Span:
    return tracks[0].start_s, tracks[0].start_s + tracks[0].duration_s


def _cut(spans: Sequence[Span], within: Span) -> list[Span]:
    cut = [(max(a, within[0]), min(b, within[1])) for a, b in spans]
    return [(a, b) for a, b in cut if b > a]
