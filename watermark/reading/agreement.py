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
from watermark.comparison.reference import parse
from watermark.reading.findings import Compared, Interval, RecordFinding
from watermark.reading.registry import Record
from watermark.reading.search import TrackDetection
from watermark.reading.spans import Span, clipped, joined, length_of, overlap, subtract
from watermark.reading.word_by_word import Anchor, WordByWord, word_by_word

WHOLE_S = 180.0
_AROUND_S = 8.0
_WINDOW_S = 120.0
_OVERLAP_S = 4.0
_SAME_OFFSET_S = 0.3
_WORD_EDGE_S = 1.0
_SHORTEST_ALTERED_S = 0.15
_SILENT_END_S = 0.1
_LONGEST_EDIT_S = 1.0
"""Other sound for longer than this between passages of ours is no edit of a word: it is sound of somebody else's."""


@dataclass(frozen=True)
class Agreement:
    """``ours``: stretches of the file that agree with the record beyond doubt; ``unclear``: seconds that agree, but
    no better than other sound with the outline of ours in it. ``covered``: share of the record's speech that is
    there. ``in_order``: what agrees follows the record without jumps."""

    ours: list[Anchor]
    unclear: list[Span]
    covered: float
    in_order: bool

    @property
    def spans(self) -> list[Span]:
        return joined([(a.start_s, a.end_s) for a in self.ours])


def finding_of(
    number: int,
    record: Record | None,
    found: TrackDetection,
    spans: Sequence[Span],
    active: Sequence[Span],
    loud: Sequence[Span],
) -> RecordFinding:
    """Does a track hold the content of record ``number`` (None: nobody issued it)? ``spans``: where the record's word
    was read in any track; ``active``, ``loud``: where the track has sound."""
    read = found.spans_of(number)
    if record is None:
        intervals = tuple(Interval(a, b, "altered", number) for a, b in read)
        return RecordFinding(number, known=False, intervals=intervals)
    agreement = compare(record, found.track, found.detection, spans)
    words = _words(record, found, agreement)
    held = _held(number, agreement, words, active)
    # Matching content counts wherever it is; a mismatch only where the word was read and there is sound. The word's
    # own ends are known to about a second: between content that has ended and a word that has not, nothing is claimed.
    agrees = [(i.start_s, i.end_s) for i in held]
    inner = [(a + _WORD_EDGE_S, b - _WORD_EDGE_S) if agrees else (a, b) for a, b in read]
    altered = [(a, b) for a, b in overlap(subtract(inner, agrees), active) if b - a >= _SHORTEST_ALTERED_S]
    held += [Interval(a, b, "altered", number) for a, b in altered]
    carrying = overlap([*read, *agrees], loud)
    ours = [(i.start_s, i.end_s) for i in held if i.kind in ("ours", "outline")]
    unclear = [(i.start_s, i.end_s) for i in held if i.kind == "unclear"]
    return RecordFinding(
        number,
        known=True,
        record_duration_s=record.duration_s,
        is_cut_stream=record.is_cut_stream,
        in_order=agreement.in_order,
        intervals=tuple(sorted(held, key=lambda i: i.start_s)),
        covered=agreement.covered,
        word_s=length_of(overlap(read, active)),
        bound=any(one.bound for one in found.detection.records if one.record_number == number),
        compared=words.how,
        loud_s=length_of(carrying),
        loud_ours_s=length_of(overlap(ours, carrying)),
        loud_unclear_s=length_of(overlap(unclear, carrying)),
        missing_s=words.missing_s,
        heard_to_hz=words.heard_to_hz,
        under_noise=words.under_noise,
        gain_db=words.gain_db if words.how == Compared.WORDS else None,
    )


def _words(record: Record, found: TrackDetection, agreement: Agreement) -> WordByWord:
    if found.is_rescaled:
        return WordByWord(Compared.RESCALED)
    if record.reference is None:
        return WordByWord(Compared.OUTLINE)
    compared = word_by_word(parse(record.reference), found.track, agreement.ours)
    return compared or WordByWord(Compared.DISTURBED)


def _held(number: int, agreement: Agreement, words: WordByWord, active: Sequence[Span]) -> list[Interval]:
    """What a track holds of a record: word by word where that could be compared, else in outline."""
    if words.how != Compared.WORDS:
        # A record from before sounds were kept is vouched for by its outline, as it always was.
        kind = "ours" if words.how == Compared.OUTLINE else "outline"
        unclear = subtract(agreement.unclear, agreement.spans)
        return [
            *(Interval(a, b, kind, number) for a, b in agreement.spans),
            *(Interval(a, b, "unclear", number) for a, b in unclear),
        ]
    held = [Interval(a, b, "ours", number) for a, b in _without_silent_ends(words.matching, active)]
    for flag in words.flags:
        here, kind = (flag.start_s, flag.end_s), str(flag.kind)
        if kind in ("put_in", "changed") and flag.end_s - flag.start_s > _LONGEST_EDIT_S:
            if length_of(overlap([here], active)) > (flag.end_s - flag.start_s) / 2:
                continue
            kind = "silenced"
        held.append(Interval(*here, kind, number, record_s=(flag.record_start_s, flag.record_end_s)))
    return held + _out_of_order(number, agreement.ours, held)


def _out_of_order(number: int, anchors: Sequence[Anchor], held: Sequence[Interval]) -> list[Interval]:
    """Passages that agree in outline beyond doubt, come earlier in the record than what stands before them in the
    file, and that the comparison word by word did not reach: the record had ended there."""
    moved = []
    reached_s = 0.0
    for anchor in sorted(anchors, key=lambda a: a.start_s):
        if anchor.record_start_s < reached_s - _SAME_OFFSET_S:
            for start_s, end_s in subtract(
                [(anchor.start_s, anchor.end_s)], [(i.start_s, i.end_s) for i in held]
            ):
                if end_s - start_s >= _SHORTEST_ALTERED_S:
                    later_s = anchor.record_start_s - anchor.start_s
                    record_s = (start_s + later_s, end_s + later_s)
                    moved.append(Interval(start_s, end_s, "moved", number, record_s=record_s))
        reached_s = max(reached_s, anchor.record_start_s + anchor.end_s - anchor.start_s)
    return moved


def _without_silent_ends(matching: Sequence[Span], active: Sequence[Span]) -> list[Span]:
    """Silence before and behind our speech is silence, even where the record begins or ends with some."""
    heard = overlap(matching, active)
    if not heard:
        return []
    return clipped(matching, (heard[0][0] - _SILENT_END_S, heard[-1][1] + _SILENT_END_S))


def compare(record: Record, track: Track, found: Detection, spans: Sequence[Span]) -> Agreement:
    """``spans``: where the record's word was read, in seconds of the file."""
    windows = _windows(track, spans, record.duration_s)
    ours: list[Anchor] = []
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
            if not interval.ok or interval.record_start_s is None:
                continue
            start_s, end_s = window.start_s + interval.start_s, window.start_s + interval.end_s
            offsets.append(interval.record_start_s - found.time_scale * start_s)
            if interval.clear:
                ours.append(Anchor(start_s, end_s, interval.record_start_s))
            else:
                unclear.append((start_s, end_s))
        covered = max(covered, match.covered)
        in_order = in_order and match.in_order
    if len(windows) > 1 and offsets:
        in_order = in_order and max(offsets) - min(offsets) < _SAME_OFFSET_S
    return Agreement(ours, joined(unclear), covered, in_order)


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
