"""From what was measured on a file to one verdict with its evidence. Pure: no rows, no models.

A mark alone proves little: a valid code word can be copied onto other audio. Only a code word whose record
exists *and* whose content fingerprint matches the audio where it was found is called ours.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from watermark.reading.findings import Compared, Findings, Interval, RecordFinding, unmarked_of
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
MISSING_S = 0.15
"""Of the record's sound, at the ends; codecs take and add a few hundredths of a second."""
MIN_OTHER_S = 0.75
"""Seconds of loud sound that carries a mark and is not its record, for saying that the mark was copied."""
EDIT_SLACK_S = 0.5
"""More than this that is not ours, or of ours that is missing, is an edit however long the file is: shares of a
long file would leave room for whole sentences."""


class Verdict(enum.StrEnum):
    ISSUED = "issued"
    ISSUED_DISTURBED = "issued_disturbed"
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
    decision = _decide(findings)
    reasons = ["decoders_disagree"] if findings.decoders_disagree else []
    if findings.unread:
        reasons.append("track_unreadable")
        if decision.verdict in _OF_THE_WHOLE:
            decision = replace(decision, verdict=Verdict.PARTIAL)
    return replace(decision, reasons=(*decision.reasons, *reasons)) if reasons else decision


_OF_THE_WHOLE = (Verdict.ISSUED, Verdict.ISSUED_DISTURBED, Verdict.ISSUED_EDITED)


def _decide(findings: Findings) -> Decision:
    matched = [r for r in findings.records if r.content_matches]
    if matched:
        return _ours(findings, matched)
    unclear = [r for r in findings.records if r.content_may_match]
    if any(r.bound for r in unclear):
        return Decision(
            Verdict.UNVERIFIED_MARK,
            intervals=tuple(_unclear(i) for r in unclear for i in r.intervals),
            records=tuple(r.record_number for r in unclear),
            reasons=("content_unclear",),
        )
    known = [r for r in findings.records if r.known]
    if known:
        return _of_other_sound(known, bool(unclear))
    if findings.active_s < MIN_ACTIVE_ANY_S:
        return Decision(Verdict.INCONCLUSIVE, reasons=("too_short_or_quiet",))
    if findings.records or findings.mark_present:
        reason = "record_unknown" if findings.records else "mark_unreadable"
        return Decision(Verdict.UNVERIFIED_MARK, reasons=(reason, *_not_searched(findings)))
    public = tuple(Interval(a, b, "public") for a, b in findings.public_intervals)
    if findings.public_foreign:
        return Decision(Verdict.FOREIGN_WATERMARK, intervals=public, reasons=("public_mark_of_another",))
    if findings.active_s < MIN_ACTIVE_ABSENCE_S:
        return Decision(Verdict.INCONCLUSIVE, reasons=("too_short_for_absence",))
    if findings.public_present:
        # Anybody can add it, and some music sounds like it: it says nothing of where this comes from.
        return Decision(Verdict.NO_WATERMARK, public, reasons=("public_mark_only", *_not_searched(findings)))
    return Decision(Verdict.NO_WATERMARK, reasons=("searched_nothing_found", *_not_searched(findings)))


def _unclear(interval: Interval) -> Interval:
    """What agrees in outline with a record that is not vouched for is only that: unclear."""
    return replace(interval, kind="unclear") if interval.kind in ("ours", "outline") else interval


def _not_searched(findings: Findings) -> tuple[str, ...]:
    return () if findings.deep else ("speed_not_searched",)


def _of_other_sound(known: Sequence[RecordFinding], agrees_in_outline: bool) -> Decision:
    """Records whose mark was read where their content is not. That it was copied is said only where there is enough
    sound of substance that carries it and is something else."""
    spans = tuple(i for r in known for i in r.intervals)
    if sum(r.loud_s - r.loud_ours_s for r in known) < MIN_OTHER_S:
        return Decision(Verdict.INCONCLUSIVE, reasons=("too_little_to_compare",))
    # Sound that agrees in outline, under a mark that does not follow it, is how a copied residual looks.
    agrees_in_outline = agrees_in_outline or any(r.ours_s > 0 for r in known)
    return Decision(
        Verdict.TRANSPLANTED,
        intervals=tuple(
            Interval(i.start_s, i.end_s, "altered", i.record, i.channel) for i in spans if i.length_s
        ),
        records=tuple(r.record_number for r in known),
        reasons=("mark_follows_other_sound" if agrees_in_outline else "content_differs_from_record",),
    )


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
    if rest:
        return Decision(Verdict.PARTIAL, intervals, numbers, ("rest_not_searched",))
    unmarked_s = length_of([(i.start_s, i.end_s) for i in unmarked])
    if len(numbers) > 1:
        return Decision(Verdict.MIXED_RECORDS, intervals, numbers, ("several_records",))
    if unmarked_s > max(UNMARKED_SLACK_S, 0.05 * findings.active_s):
        return Decision(Verdict.PARTIAL, intervals, numbers, ("sound_without_our_mark",))
    return _of_one(findings, matched[0], intervals, unmarked_s)


def _of_one(
    findings: Findings, record: RecordFinding, intervals: tuple[Interval, ...], unmarked_s: float
) -> Decision:
    """A file that holds one record of ours and hardly anything else."""
    how = record.compared
    if how == Compared.WORDS:
        reasons = _edits(record, unmarked_s)
    elif how == Compared.OUTLINE:
        reasons = _changes_in_outline(record, unmarked_s)
    else:
        reasons = _changes_beyond_doubt(record, unmarked_s)
    tolerance_s = min(LENGTH_TOLERANCE * record.record_duration_s, EDIT_SLACK_S)
    if record.is_cut_stream and findings.duration_s <= record.record_duration_s:
        # It was heard as it was made: whoever listened has a beginning of it, and that is as released.
        reasons = [reason for reason in reasons if reason != "parts_missing"]
    elif how != Compared.RESCALED:
        if abs(findings.duration_s - record.record_duration_s) > max(LENGTH_SLACK_S, tolerance_s):
            reasons.append("length_changed")
        elif how == Compared.OUTLINE and _is_short_of(record):
            reasons.append("parts_missing")
    if any(not r.content_matches for r in findings.records):
        reasons.append("further_mark_does_not_match")
    verdict = Verdict.ISSUED_EDITED if reasons else Verdict.ISSUED
    if how in (Compared.DISTURBED, Compared.RESCALED):
        verdict = Verdict.ISSUED_EDITED if reasons else Verdict.ISSUED_DISTURBED
    if findings.same_bytes:
        reasons.append("same_bytes")
    else:
        reasons += _HOW[how]
    return Decision(verdict, intervals, (record.record_number,), tuple(dict.fromkeys(reasons)))


_HOW: dict[Compared, list[str]] = {
    Compared.WORDS: [],
    Compared.DISTURBED: ["too_disturbed"],
    Compared.RESCALED: ["speed_or_pitch_changed"],
    Compared.OUTLINE: ["compared_in_outline"],
}
_EDITS = {
    "silenced": "sound_silenced",
    "changed": "content_altered",
    "put_in": "sound_put_in",
    "cut": "parts_cut",
    "moved": "order_changed",
}


def _edits(record: RecordFinding, unmarked_s: float) -> list[str]:
    """What is not as released, word by word: nothing is too short to be told."""
    kinds = {i.kind for i in record.intervals}
    reasons = [reason for kind, reason in _EDITS.items() if kind in kinds]
    if any(i.source is not None for i in record.intervals):
        reasons.append("passage_of_another_record")
    if sum(i.length_s for i in record.intervals if i.kind == "altered") > EDIT_SLACK_S:
        reasons.append("content_altered")
    if unmarked_s > 0:
        reasons.append("sound_without_our_mark")
    if record.missing_s > MISSING_S:
        reasons.append("parts_missing")
    return reasons


def _changes_in_outline(record: RecordFinding, unmarked_s: float) -> list[str]:
    """The same for a record whose sound was not kept: what its fingerprint can tell."""
    reasons = []
    agreeing_s = record.ours_s + record.unclear_s
    coverage = agreeing_s / record.marked_s if record.marked_s else 0.0
    altered_s = sum(i.length_s for i in record.intervals if i.kind == "altered")
    if coverage < WHOLE_COVERAGE or altered_s > EDIT_SLACK_S:
        reasons.append("content_altered")
    if record.unclear_s > EDIT_SLACK_S:
        reasons.append("content_unclear")
    if unmarked_s > EDIT_SLACK_S:
        reasons.append("sound_without_our_mark")
    if not record.in_order:
        reasons.append("order_changed")
    return reasons


def _changes_beyond_doubt(record: RecordFinding, unmarked_s: float) -> list[str]:
    """What is certain even of a file that is too disturbed to compare: whole seconds of other sound."""
    altered_s = sum(i.length_s for i in record.intervals if i.kind == "altered")
    reasons = ["content_altered"] if altered_s > UNMARKED_SLACK_S else []
    return [*reasons, "sound_without_our_mark"] if unmarked_s > EDIT_SLACK_S else reasons


def _is_short_of(record: RecordFinding) -> bool:
    missing_s = (1 - record.covered) * record.record_duration_s
    return record.covered < WHOLE_COVERAGE or missing_s > EDIT_SLACK_S
