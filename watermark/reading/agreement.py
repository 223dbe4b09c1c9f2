"""Where a file agrees with what was issued: the record's fingerprint against stretches of one channel.

A file of a few minutes is compared as a whole. In a longer one only the surroundings of the code word are, cut
into windows: the comparison follows a dozen cuts at a time, and an hour may hold hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synth.audio.decoded import Track
from watermark.codec import Detection
from watermark.codec import fingerprint as fingerprints
from watermark.reading.findings import Interval, RecordFinding
from watermark.reading.registry import Record
from watermark.reading.search import TrackDetection
from watermark.reading.spans import Span, joined, length_of, subtract

WHOLE_S = 180.0
_AROUND_S = 8.0
_WINDOW_S = 120.0
_OVERLAP_S = 4.0
_SAME_OFFSET_S = 0.3
_WORD_EDGE_S = 1.0
_SHORTEST_ALTERED_S = 0.15


@dataclass(frozen=True)
class Agreement:
    """``ours``: seconds of the file that agree with the record beyond doubt; ``unclear``: that agree, but no better
    than other sound with the outline of ours in it. ``covered``: share of the record's speech that is
    there. ``in_order``: what agrees follows the record without jumps."""

    ours: list[Span]
    unclear: list[Span]
    covered: float
    in_order: bool


def finding_of(
    number: int, record: Record | None, found: TrackDetection, spans: Sequence[Span]
) -> RecordFinding:
    """Does a track hold the content of record ``number`` (None: nobody issued it)? ``spans``: where the record's word
    was read in any track."""
    read = found.spans_of(number)
    if record is None:
        intervals = tuple(Interval(a, b, "altered", number) for a, b in read)
        return RecordFinding(number, known=False, intervals=intervals)
    agreement = compare(record, found.track, found.detection, spans)
    # Matching content counts wherever it is; a mismatch only where the word was read. The word's own ends are
    # known to about a second: between a fingerprint that has ended and a word that has not, nothing is claimed.
    agrees = joined([*agreement.ours, *agreement.unclear])
    inner = [(a + _WORD_EDGE_S, b - _WORD_EDGE_S) if agrees else (a, b) for a, b in read]
    altered = [(a, b) for a, b in subtract(inner, agrees) if b - a >= _SHORTEST_ALTERED_S]
    kinds = (("ours", agreement.ours), ("unclear", agreement.unclear), ("altered", altered))
    intervals = tuple(Interval(a, b, kind, number) for kind, where in kinds for a, b in where)
    return RecordFinding(
        number,
        known=True,
        record_duration_s=record.duration_s,
        in_order=agreement.in_order,
        intervals=tuple(sorted(intervals, key=lambda i: i.start_s)),
        covered=agreement.covered,
        word_s=length_of(read),
        bound=any(word.bound for word in found.detection.words if word.record_number == number),
    )


def compare(record: Record, track: Track, found: Detection, spans: Sequence[Span]) -> Agreement:
    """``spans``: where the record's word was read, in seconds of the file."""
    windows = _windows(track, spans, record.duration_s)
    ours: list[Span] = []
    unclear: list[Span] = []
    offsets: list[float] = []
    covered, in_order = 0.0, True
    for window in windows:
        match = fingerprints.compare_blocks(
            record.fingerprint,
            window,
            window.sample_rate_hz,
            time_scale=found.time_scale,
            frequency_scale=found.frequency_scale,
        )
        for interval in match.intervals:
            if interval.ok:
                start_s = window.start_s + interval.start_s
                (ours if interval.clear else unclear).append((start_s, window.start_s + interval.end_s))
                if interval.record_start_s is not None:
                    offsets.append(interval.record_start_s - found.time_scale * start_s)
        covered = max(covered, match.covered)
        in_order = in_order and match.in_order
    if len(windows) > 1 and offsets:
        in_order = in_order and max(offsets) - min(offsets) < _SAME_OFFSET_S
    ours = joined(ours)
    return Agreement(ours, subtract(joined(unclear), ours), covered, in_order)


def _windows(track: Track, spans: Sequence[Span], record_s: float) -> list[Track]:
    if track.duration_s <= WHOLE_S:
        return [track]
    window_s = max(_WINDOW_S, 1.5 * record_s)
    windows = []
    for start, end in joined([(a - _AROUND_S, b + _AROUND_S) for a, b in spans]):
        region = track.between(start, end)
        at = region.start_s
        while region.start_s + region.duration_s - at > _OVERLAP_S or at == region.start_s:
            windows.append(region.between(at, at + window_s))
            at += window_s - _OVERLAP_S
    return windows
