"""What of a track is as released, word by word: the record's compact reference against what the fingerprint found.

The fingerprint says where the record lies, to a second; this says which of its words are there unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synth.audio.decoded import Track
from watermark.comparison import Comparison, Flag, compare
from watermark.comparison.reference import Reference
from watermark.reading.findings import Compared
from watermark.reading.spans import Span, clipped, joined, subtract

_MARGIN_S = 4.0
"""How far beyond what the fingerprint found a passage may reach: its frames and its caution take two seconds."""
_LONGEST_PIECE_S = 120.0
_LAP_S = 4.0


@dataclass(frozen=True)
class WordByWord:
    """``matching``: seconds that are as released, ``flags``: seconds, or joints, that are not; both empty unless
    ``how`` is ``words``. ``missing_s``: of the record's sound, not there. ``heard_to_hz`` and ``under_noise`` say what
    could not be compared."""

    how: Compared
    matching: tuple[Span, ...] = ()
    flags: tuple[Flag, ...] = ()
    missing_s: float = 0.0
    heard_to_hz: float | None = None
    under_noise: float = 0.0
    usual_db: float = 0.0
    gain_db: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Anchor:
    """A stretch of the file that agrees with the record in outline, from ``record_start_s`` of the record on."""

    start_s: float
    end_s: float
    record_start_s: float


def word_by_word(reference: Reference, track: Track, anchors: Sequence[Anchor]) -> WordByWord | None:
    """None where nothing of the record can be laid under the track."""
    pieces = _pieces(track, anchors)
    parts = [part for piece in pieces if (part := _compared(reference, piece, anchors)) is not None]
    if not parts:
        return None
    found = [comparison for _, comparison in parts]
    disturbed = any(c.disturbed for c in found)
    flags = [] if disturbed else _flags(parts)
    matching = [] if disturbed else joined([span for piece, c in parts for span in _moved(piece, c.matching)])
    matching = subtract(matching, [(f.start_s, f.end_s) for f in flags])
    return WordByWord(
        Compared.DISTURBED if disturbed else Compared.WORDS,
        tuple(matching),
        tuple(flags),
        min(c.missing_s for c in found),
        min(c.heard_to_hz for c in found),
        max(c.under_noise for c in found),
        max(c.usual_db for c in found),
        found[0].gain_db,
    )


def _compared(
    reference: Reference, piece: Track, anchors: Sequence[Anchor]
) -> tuple[Track, Comparison] | None:
    inside = (piece.start_s, piece.start_s + piece.duration_s)
    here = [a for a in anchors if clipped([(a.start_s, a.end_s)], inside)]
    trusted = [
        (a - piece.start_s, b - piece.start_s)
        for a, b in clipped([(a.start_s, a.end_s) for a in here], inside)
    ]
    offsets = [a.record_start_s - (a.start_s - piece.start_s) for a in here]
    comparison = compare(reference, piece.samples(), anchors_s=offsets, trusted_s=trusted)
    return None if comparison is None else (piece, comparison)


def _pieces(track: Track, anchors: Sequence[Anchor]) -> list[Track]:
    """The surroundings of what agrees, in pieces of at most two minutes that lap; the whole track where nothing does
    and it is short."""
    if not anchors:
        return [track] if track.duration_s <= _LONGEST_PIECE_S else []
    pieces = []
    for start_s, end_s in joined([(a.start_s - _MARGIN_S, a.end_s + _MARGIN_S) for a in anchors]):
        at_s = start_s
        while True:
            pieces.append(track.between(at_s, min(end_s, at_s + _LONGEST_PIECE_S)))
            if at_s + _LONGEST_PIECE_S >= end_s:
                break
            at_s += _LONGEST_PIECE_S - _LAP_S
    return pieces


def _moved(piece: Track, spans: Sequence[Span]) -> list[Span]:
    return [(a + piece.start_s, b + piece.start_s) for a, b in spans]


def _flags(parts: Sequence[tuple[Track, Comparison]]) -> list[Flag]:
    """Flags of all pieces, in seconds of the file. Where pieces lap, each speaks for its half."""
    found = []
    for index, (piece, comparison) in enumerate(parts):
        start_s, end_s = piece.start_s, piece.start_s + piece.duration_s
        if index and parts[index - 1][0].start_s + parts[index - 1][0].duration_s > start_s:
            start_s += _LAP_S / 2
        if index + 1 < len(parts) and parts[index + 1][0].start_s < end_s:
            end_s -= _LAP_S / 2
        for flag in comparison.flags:
            moved = flag.later(piece.start_s)
            if start_s <= (moved.start_s + moved.end_s) / 2 <= end_s:
                found.append(moved)
    return found
