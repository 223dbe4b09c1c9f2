"""What was measured on one file, as the verdict needs it: active sound, records, what is marked where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from watermark.reading.spans import Span, subtract

SHORTEST_UNMARKED_S = 0.25


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
    active: tuple[Span, ...]
    records: tuple[RecordFinding, ...] = ()
    mark_present: bool = False
    public_present: bool = False
    public_intervals: tuple[Span, ...] = ()
    unmarked: tuple[Interval, ...] | None = None
    """Sound that is no record's, where it was found channel by channel; None: what of ``active`` is not marked."""
    searched_s: float | None = None
    rescaled: bool = False
    same_bytes: bool = False

    @property
    def active_s(self) -> float:
        return sum(max(0.0, end - start) for start, end in self.active)


def unmarked_of(
    active: Sequence[Span], marked: Sequence[Interval], channel: int | None = None
) -> tuple[Interval, ...]:
    """Sound between the marked intervals, without what is too short to be a sound of its own."""
    rest = subtract(active, [(i.start_s, i.end_s) for i in marked])
    return tuple(
        Interval(start, end, "unmarked", channel=channel)
        for start, end in rest
        if end - start >= SHORTEST_UNMARKED_S
    )
