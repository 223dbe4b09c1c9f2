"""What was measured on one file, as the verdict needs it: active sound, records, what is marked where."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from watermark.reading.spans import Span, subtract

SHORTEST_UNMARKED_S = 0.25
CHANCE_S, LEAST_OF_ANOTHER_S = 0.5, 2.0
"""A moment shorter than the first agrees by chance where at least the second of another record lies around it."""
EDITS = ("silenced", "changed", "put_in", "cut", "moved")
"""Kinds of intervals that lie in our speech and are not as released."""


class Compared(enum.StrEnum):
    """How far what was found could be compared with what was issued."""

    WORDS = "words"
    DISTURBED = "disturbed"
    """The whole file differs too much from what was released to tell single words."""
    RESCALED = "rescaled"
    """Read only after tempo or pitch was undone: no word keeps its place or its sound."""
    OUTLINE = "outline"
    """The record is from before its sound was kept for comparison."""


@dataclass(frozen=True)
class Interval:
    """Seconds of the file asked about.

    ``ours``: as released. ``silenced``, ``changed``, ``put_in``, ``moved``: in our speech, and not as released;
    ``cut``: a joint, its ends equal. ``outline``: ours in outline, not compared word by word. ``unclear``: it may be
    ours, too disturbed to tell from other sound with the outline of ours in it. ``altered``: marked, but the content
    differs. ``unmarked``: sound without our mark. ``public``: the public mark only. ``unsearched``: the search ended
    before. ``channel``: from 0; None where all channels are alike. ``record_s``: what the record has there, in its
    own seconds; ``source``: the record that a passage comes from, where that is another one.
    """

    start_s: float
    end_s: float
    kind: str
    record: int | None = None
    channel: int | None = None
    record_s: Span | None = None
    source: int | None = None

    @property
    def length_s(self) -> float:
        return max(0.0, self.end_s - self.start_s)


@dataclass(frozen=True)
class RecordFinding:
    """One record number that was read, and how its content compares.

    ``known``: the registry issued it. ``intervals``: what the file holds of it, and what carries its word without
    holding it; empty when there is nothing to compare with. ``covered``: share of the record's speech that is in the
    file. ``word_s``: seconds of sound over which the code word was read. ``bound``: the part of the mark that follows
    the sound it was made for follows this one, wherever else the word was read. ``loud_s``: seconds of loud sound
    that carry the word, and ``loud_ours_s``, ``loud_unclear_s`` what of them agrees with the record, and what may.
    ``missing_s``: seconds of the record's sound that the file had ended before, or not begun.
    ``is_cut_stream``: as in `Record`. ``heard_to_hz``,
    ``under_noise``: what could not be compared, see `watermark.comparison`.
    """

    record_number: int
    known: bool
    record_duration_s: float = 0.0
    in_order: bool = True
    intervals: tuple[Interval, ...] = ()
    covered: float = 1.0
    word_s: float = 0.0
    bound: bool = True
    compared: Compared = Compared.OUTLINE
    loud_s: float = 0.0
    loud_ours_s: float = 0.0
    loud_unclear_s: float = 0.0
    missing_s: float = 0.0
    heard_to_hz: float | None = None
    under_noise: float = 0.0
    is_cut_stream: bool = False
    gain_db: tuple[float, ...] | None = None
    """Of the file against the record in each band, where it was compared word by word."""

    @property
    def ours_s(self) -> float:
        return self._seconds_of("ours", "outline")

    @property
    def marked_s(self) -> float:
        return sum(i.length_s for i in self.intervals)

    @property
    def unclear_s(self) -> float:
        return self._seconds_of("unclear")

    @property
    def edited_s(self) -> float:
        return self._seconds_of(*EDITS)

    @property
    def edits(self) -> tuple[Interval, ...]:
        return tuple(i for i in self.intervals if i.kind in EDITS)

    def _seconds_of(self, *kinds: str) -> float:
        return sum(i.length_s for i in self.intervals if i.kind in kinds)

    @property
    def content_may_match(self) -> bool:
        """It agrees as far as `content_matches` asks, but not beyond doubt."""
        loud_s = self.loud_ours_s + self.loud_unclear_s
        return self._agrees(self.ours_s + self.unclear_s) and loud_s >= 0.5 * self.loud_s

    @property
    def content_matches(self) -> bool:
        """Half of what carries the word, and at least half a second, is the record's content; and so is half of the
        loud sound that carries it.

        A copied mark can read as a valid word, so half is asked of the word's whole span, its uncertain ends
        included; and where the host pauses, the mark itself is heard, with the outline of what it was made for:
        hence the loud sound.
        """
        return self._agrees(self.ours_s) and self.loud_ours_s >= 0.5 * self.loud_s

    def _agrees(self, agreeing_s: float) -> bool:
        least_s = LEAST_COMPARED_S if self.compared == Compared.WORDS else LEAST_OUTLINE_S
        carrying_s = max(self.marked_s - self.edited_s, self.word_s)
        return self.known and agreeing_s >= least_s and agreeing_s >= 0.5 * carrying_s


LEAST_OUTLINE_S = 0.75
LEAST_COMPARED_S = 0.5
"""Seconds of a record below which nothing is called ours: by its outline alone, and compared word by word."""


@dataclass(frozen=True)
class Findings:
    """Everything measured on one file, in seconds of that file.

    ``searched_s``: how far the search went; None: to the end. ``rescaled``: the mark was read only after tempo or
    pitch had been undone. ``same_bytes``: the file is a released one bit for bit, which the registry says before
    anything is searched. ``deep``: changed speed and pitch were searched for too. ``public_foreign``: the public
    mark carries a message, and it is not ours. ``decoders_disagree``: two decoders play something else, or for another
    time; what either plays was examined. ``unread``: streams and tracks of the file that could not be decoded.
    """

    duration_s: float
    active: tuple[Span, ...]
    records: tuple[RecordFinding, ...] = ()
    mark_present: bool = False
    public_present: bool = False
    public_intervals: tuple[Span, ...] = ()
    public_foreign: bool = False
    unmarked: tuple[Interval, ...] | None = None
    """Sound that is no record's, where it was found channel by channel; None: what of ``active`` is not marked."""
    searched_s: float | None = None
    rescaled: bool = False
    same_bytes: bool = False
    deep: bool = False
    decoders_disagree: bool = False
    unread: int = 0

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


def without_chance(finding: RecordFinding, others: Sequence[RecordFinding]) -> RecordFinding:
    """The finding without moments that agree with it by chance in the midst of what is another record's. ``others``:
    of the other records in the same channel."""
    around = [
        one
        for other in others
        for one in other.intervals
        if one.kind == "ours" and one.length_s >= LEAST_OF_ANOTHER_S
    ]
    kept = tuple(
        one
        for one in finding.intervals
        if one.kind != "ours"
        or one.length_s >= CHANCE_S
        or not any(other.start_s <= one.start_s and one.end_s <= other.end_s for other in around)
    )
    return replace(finding, intervals=kept)
