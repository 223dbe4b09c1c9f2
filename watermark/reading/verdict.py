"""From what was measured on a file to one verdict with its evidence. Pure: no rows, no models.

A mark alone proves little: a valid code word can be copied onto other audio. Only a code word whose record
exists *and* whose content fingerprint matches the audio where it was found is called ours.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

MIN_ACTIVE_ANY_S = 1.0
"""Less active sound than this says nothing."""
MIN_ACTIVE_ABSENCE_S = 3.0
"""The mark promises to be readable from 3 s on; below, its absence proves nothing."""
WHOLE_COVERAGE = 0.95
LENGTH_TOLERANCE = 0.03
LENGTH_SLACK_S = 0.35
"""Codecs pad the ends; a third of a second is no edit."""
UNMARKED_SLACK_S = 1.0
SHORTEST_UNMARKED_S = 0.25
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
class Interval:
    """Seconds of the file asked about: ``ours`` (content matches the record), ``unclear`` (it may: too disturbed
    to tell from other sound with the outline of ours in it), ``altered`` (marked, but the content differs),
    ``unmarked`` (active sound without our mark), ``public`` (the public mark only) or
    ``unsearched`` (the search ended before). ``channel``: from 0; None where all channels are alike."""

    start_s: float
    end_s: float
    kind: str
    record: int | None = None
    channel: int | None = None

    @property
    def length_s(self) -> float:
        return max(0.0, self.end_s - self.start_s)


@dataclass(frozen=True)
class RecordFinding:
    """One record number that was read, and how its content compares.

    ``known``: the registry issued it. ``intervals``: the span that carries the word, cut into ``ours`` and
    ``altered`` by the fingerprint; empty when there is no fingerprint to compare with. ``covered``: share of
    the record's speech that is in the file. ``word_s``: seconds over which the code word was read. ``bound``: the
    part of the mark that follows the sound it was made for follows this one, wherever else the word was read.
    """

    record_number: int
    known: bool
    record_duration_s: float = 0.0
    in_order: bool = True
    intervals: tuple[Interval, ...] = ()
    covered: float = 1.0
    word_s: float = 0.0
    bound: bool = True

    @property
    def ours_s(self) -> float:
        return sum(i.length_s for i in self.intervals if i.kind == "ours")

    @property
    def marked_s(self) -> float:
        return sum(i.length_s for i in self.intervals)

    @property
    def unclear_s(self) -> float:
        return sum(i.length_s for i in self.intervals if i.kind == "unclear")

    @property
    def content_may_match(self) -> bool:
        """It agrees as far as `content_matches` asks, but not beyond doubt."""
        agreeing_s = self.ours_s + self.unclear_s
        return self.known and agreeing_s >= 0.75 and agreeing_s >= 0.5 * max(self.marked_s, self.word_s)

    @property
    def content_matches(self) -> bool:
        """Half of what carries the word, and at least three quarters of a second, is the record's content.

        A copied mark can read as a valid word, so half is asked of the word's whole span, its uncertain ends
        included.
        """
        return self.known and self.ours_s >= 0.75 and self.ours_s >= 0.5 * max(self.marked_s, self.word_s)


@dataclass(frozen=True)
class Findings:
    """Everything measured on one file, in seconds of that file.

    ``searched_s``: how far the search went; None: to the end. ``rescaled``: the mark was read only after tempo or
    pitch had been undone. ``same_bytes``: the file is a released one bit
    for bit, which the registry says before anything is searched.
    """

    duration_s: float
    active: tuple[tuple[float, float], ...]
    records: tuple[RecordFinding, ...] = ()
    mark_present: bool = False
    public_present: bool = False
    public_intervals: tuple[tuple[float, float], ...] = ()
    unmarked: tuple[Interval, ...] | None = None
    """Sound that is no record's, where it was found channel by channel; None: what of ``active`` is not marked."""
    searched_s: float | None = None
    rescaled: bool = False
    same_bytes: bool = False

    @property
    def active_s(self) -> float:
        return sum(max(0.0, end - start) for start, end in self.active)


@dataclass(frozen=True)
class Decision:
    """The verdict, the map of the file, the records it names, and machine-readable reasons."""

    verdict: Verdict
    intervals: tuple[Interval, ...] = ()
    records: tuple[int, ...] = ()
    reasons: tuple[str, ...] = field(default=())


def decide(findings: Findings) -> Decision:
    """The one verdict for ``findings``; see `SENTENCES` for what each does and does not mean."""
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


def unmarked_of(
    active: Sequence[tuple[float, float]], marked: Sequence[Interval], channel: int | None = None
) -> tuple[Interval, ...]:
    """Sound between the marked intervals, without what is too short to be a sound of its own."""
    rest = subtract(active, [(i.start_s, i.end_s) for i in marked])
    return tuple(
        Interval(start, end, "unmarked", channel=channel)
        for start, end in rest
        if end - start >= SHORTEST_UNMARKED_S
    )


def length_of(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds that ``spans`` cover together, counting overlaps once."""
    total, at = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, at))
        at = max(at, end)
    return total


def subtract(
    spans: Sequence[tuple[float, float]], holes: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """``spans`` without ``holes``; both may overlap and come in any order. Seconds."""
    rest = []
    ordered = sorted(holes)
    for start, end in sorted(spans):
        at = start
        for hole_start, hole_end in ordered:
            if hole_end <= at or hole_start >= end:
                continue
            if hole_start > at:
                rest.append((at, hole_start))
            at = max(at, hole_end)
        if at < end:
            rest.append((at, end))
    return rest


SENTENCES: dict[Verdict, dict[str, str]] = {
    Verdict.ISSUED: {
        "en": "This speech was generated here and its content matches our record. It is synthetic; it is not a "
        "recording of the person.",
        "zh-hans": "这段语音由本服务生成，内容与我们的记录一致。它是合成语音，不是本人的录音。",
    },
    Verdict.ISSUED_EDITED: {
        "en": "This speech was generated here and then changed: it was cut, or parts no longer match our record. "
        "We vouch only for the matching seconds.",
        "zh-hans": "这段语音由本服务生成，但之后被改动过：有剪切，或部分内容与记录不符。我们只对吻合的部分负责。",
    },
    Verdict.PARTIAL: {
        "en": "Part of this file was generated here; other parts carry no mark of ours or were not searched. About "
        "those parts we say nothing.",
        "zh-hans": "文件的一部分由本服务生成；其余部分没有我们的标记或未经检测，对那些部分我们不作判断。",
    },
    Verdict.MIXED_RECORDS: {
        "en": "This file is put together from several recordings that were generated here. The combination was "
        "not made by us.",
        "zh-hans": "这个文件由多段本服务生成的语音拼接而成，拼接并非由我们完成。",
    },
    Verdict.TRANSPLANTED: {
        "en": "A mark of ours was found on audio that is not what we issued under it. The mark was copied or "
        "forged; this is no evidence that the audio comes from us.",
        "zh-hans": "文件带有我们的标记，但声音内容并非我们以该标记发布的内容。标记系复制或伪造，不能证明音频出自本服务。",
    },
    Verdict.UNVERIFIED_MARK: {
        "en": "There is a mark of ours, or traces of one, but it cannot be tied to what we issued: no record can be "
        "read, or the sound is too disturbed to compare. It may be damaged or imitated; we claim nothing about this "
        "audio.",
        "zh-hans": "文件中有我们的标记或其痕迹，但无法与我们发布的内容对应：读不出记录，或声音受扰过重、无法比对。标记可能"
        "受损或被仿造，我们对此音频不作任何认定。",
    },
    Verdict.FOREIGN_WATERMARK: {
        "en": "A public watermark for synthetic speech was found, but none of ours. Another tool may have "
        "generated this audio; such a mark can also be added by anybody.",
        "zh-hans": "检测到公开的合成语音水印，但没有我们的标记。可能由其他工具生成；任何人也都能添加这类水印。",
    },
    Verdict.NO_WATERMARK: {
        "en": "No watermark was found. That does not mean the audio is real: it may be synthetic and made "
        "elsewhere, or its mark may have been destroyed.",
        "zh-hans": "没有找到水印。这并不说明音频是真实的：它可能由别处合成，也可能标记已被破坏。",
    },
    Verdict.INCONCLUSIVE: {
        "en": "There is too little sound in this file to say anything.",
        "zh-hans": "文件中的声音太少，无法作出判断。",
    },
}

CONSENT_SENTENCES: dict[str, dict[str, str]] = {
    "live": {
        "en": "The owner of the voice permits such speech today. That says nothing about who uses this file, or "
        "what for.",
        "zh-hans": "声音的主人目前仍允许合成此类语音。这不说明谁在使用这个文件、用于什么目的。",
    },
    "superseded": {
        "en": "This speech was made under an earlier version of the owner's permission, which has been renewed "
        "since. The permission was in force when the speech was made.",
        "zh-hans": "这段语音依据声音主人较早版本的授权生成，该授权此后已更新。生成时授权有效。",
    },
    "expired": {
        "en": "The owner's permission was in force when this speech was made and has run out since. It does not "
        "mean that the speech was made without permission.",
        "zh-hans": "这段语音生成时授权有效，此后授权已到期。这不表示语音是未经许可生成的。",
    },
    "revoked": {
        "en": "The owner of the voice has withdrawn permission since. It does not mean that the speech was made "
        "without permission; whether it may still be used is for others to say.",
        "zh-hans": "声音的主人此后撤销了授权。这不表示语音是未经许可生成的；能否继续使用，须由他人判断。",
    },
    "taken_down": {
        "en": "We no longer serve this file. Copies elsewhere are beyond our reach, and this says nothing about "
        "whether its content is lawful.",
        "zh-hans": "我们已不再提供这个文件。他处的副本不在我们控制之内；这也不说明其内容是否合法。",
    },
}
