"""From what was measured on a file to one verdict with its evidence. Pure: no rows, no models.

A mark alone proves little: a valid code word can be copied onto other audio. Only a code word whose record
exists *and* whose content fingerprint matches the audio where it was found is called ours.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from watermark.reading.findings import Findings, Interval, RecordFinding, unmarked_of
from watermark.reading.spans import length_of

MIN_ACTIVE_ANY_S = 1.0
"""Less active sound than this says nothing."""
MIN_ACTIVE_ABSENCE_S = 3.0
"""The mark promises to be readable from 3 s on; below, its absence proves nothing."""
WHOLE_COVERAGE = 0.95
LENGTH_TOLERANCE = 0.03
LENGTH_SLACK_S = 0.35
"""Codecs pad the ends; a third of a second is no edit."""
UNMARKED_SLACK_S = 1.0
EDIT_SLACK_S = 0.5
"""More than this that is not ours, or of ours that is missing, is an edit however long the file is: shares of a
long file would leave room for whole sentences."""


class Verdict(enum.StrEnum):
    ISSUED = "issued"
    ISSUED_EDITED = "issued_edited"
    PARTIAL = "partial"
    MIXED_RECORDS = "mixed_records"
    TRANSPLANTED = "transplanted"
    UNVERIFIED_MARK = "unverified_mark"
    FOREIGN_WATERMARK = "foreign_watermark"
    NO_WATERMARK = "no_watermark"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Decision:
    """The verdict, the map of the file, the records it names, and machine-readable reasons."""

    verdict: Verdict
    intervals: tuple[Interval, ...] = ()
    records: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


def decide(findings: Findings) -> Decision:
    """The one verdict for ``findings``; see `watermark.sentences` for what each does and does not mean."""
    matched = [r for r in findings.records if r.content_matches]
    if matched:
        return _ours(findings, matched)
    unclear = [r for r in findings.records if r.content_may_match]
    if any(r.bound for r in unclear):
        return Decision(
            Verdict.UNVERIFIED_MARK,
            intervals=tuple(i for r in unclear for i in r.intervals),
            records=tuple(r.record_number for r in unclear),
            reasons=("content_unclear",),
        )
    known = [r for r in findings.records if r.known]
    if known:
        spans = tuple(i for r in known for i in r.intervals)
        # Sound that agrees in outline, under a mark that does not follow it, is how a copied residual looks.
        reason = "mark_follows_other_sound" if unclear else "content_differs_from_record"
        return Decision(
            Verdict.TRANSPLANTED,
            intervals=tuple(Interval(i.start_s, i.end_s, "altered", i.record, i.channel) for i in spans),
            records=tuple(r.record_number for r in known),
            reasons=(reason,),
        )
    if findings.records or findings.mark_present:
        reason = "record_unknown" if findings.records else "mark_unreadable"
        return Decision(Verdict.UNVERIFIED_MARK, reasons=(reason,))
    if findings.active_s < MIN_ACTIVE_ANY_S:
        return Decision(Verdict.INCONCLUSIVE, reasons=("too_short_or_quiet",))
    if findings.public_present:
        return Decision(
            Verdict.FOREIGN_WATERMARK,
            intervals=tuple(Interval(a, b, "public") for a, b in findings.public_intervals),
            reasons=("public_mark_only",),
        )
    if findings.active_s < MIN_ACTIVE_ABSENCE_S:
        return Decision(Verdict.INCONCLUSIVE, reasons=("too_short_for_absence",))
    return Decision(Verdict.NO_WATERMARK, reasons=("searched_nothing_found",))


def _ours(findings: Findings, matched: Sequence[RecordFinding]) -> Decision:
    marked = sorted((i for r in findings.records for i in r.intervals), key=lambda i: i.start_s)
    unmarked = findings.unmarked
    if unmarked is None:
        unmarked = unmarked_of(findings.active, marked)
    rest = []
    if findings.searched_s is not None and findings.searched_s < findings.duration_s:
        rest = [Interval(findings.searched_s, findings.duration_s, "unsearched")]
    intervals = tuple(sorted([*marked, *unmarked, *rest], key=lambda i: i.start_s))
    numbers = tuple(dict.fromkeys(r.record_number for r in matched))
    reasons: list[str] = []
    if rest:
        return Decision(Verdict.PARTIAL, intervals, numbers, ("rest_not_searched",))
    unmarked_s = length_of([(i.start_s, i.end_s) for i in unmarked])
    if len(numbers) > 1:
        return Decision(Verdict.MIXED_RECORDS, intervals, numbers, ("several_records",))
    if unmarked_s > max(UNMARKED_SLACK_S, 0.05 * findings.active_s):
        return Decision(Verdict.PARTIAL, intervals, numbers, ("sound_without_our_mark",))
    record = matched[0]
    agreeing_s = record.ours_s + record.unclear_s
    coverage = agreeing_s / record.marked_s if record.marked_s else 0.0
    altered_s = sum(i.length_s for i in marked if i.kind == "altered")
    unclear_s = sum(i.length_s for i in marked if i.kind == "unclear")
    missing_s = (1 - record.covered) * record.record_duration_s
    length_gap_s = abs(findings.duration_s - record.record_duration_s)
    if coverage < WHOLE_COVERAGE or altered_s > EDIT_SLACK_S:
        reasons.append("content_altered")
    if unclear_s > EDIT_SLACK_S:
        reasons.append("content_unclear")
    if unmarked_s > EDIT_SLACK_S:
        reasons.append("sound_without_our_mark")
    tolerance_s = min(LENGTH_TOLERANCE * record.record_duration_s, EDIT_SLACK_S)
    if length_gap_s > max(LENGTH_SLACK_S, tolerance_s):
        reasons.append("length_changed")
    elif record.covered < WHOLE_COVERAGE or missing_s > EDIT_SLACK_S:
        reasons.append("parts_missing")
    if not record.in_order:
        reasons.append("order_changed")
    if findings.rescaled:
        reasons.append("speed_or_pitch_changed")
    if any(not r.content_matches for r in findings.records):
        reasons.append("further_mark_does_not_match")
    verdict = Verdict.ISSUED_EDITED if reasons else Verdict.ISSUED
    if findings.same_bytes:
        reasons.append("same_bytes")
    return Decision(verdict, intervals, numbers, tuple(reasons))
