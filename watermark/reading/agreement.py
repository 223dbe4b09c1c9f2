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
from watermark.models import Mark
from watermark.reading.verdict import subtract

Span = tuple[float, float]
WHOLE_S = 180.0
_AROUND_S = 8.0
_WINDOW_S = 120.0
_OVERLAP_S = 4.0
_SAME_OFFSET_S = 0.3


@dataclass(frozen=True)
class Agreement:
    """``ours``: seconds of the file that agree with the record beyond doubt; ``unclear``: that agree, but no better
    than other sound with the outline of ours in it. ``covered``: share of the record's speech that is
    there. ``in_order``: what agrees follows the record without jumps."""

    ours: list[Span]
    unclear: list[Span]
    covered: float
    in_order: bool


def compare(mark: Mark, track: Track, found: Detection, spans: Sequence[Span]) -> Agreement:
    """``spans``: where the record's word was read, in seconds of the file."""
    windows = _windows(track, spans, (mark.duration_ms or 0) / 1000)
    ours: list[Span] = []
    unclear: list[Span] = []
    offsets: list[float] = []
    covered, in_order = 0.0, True
    for window in windows:
        match = fingerprints.compare_blocks(
            bytes(mark.fingerprint or b""),
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


def joined(spans: Sequence[Span]) -> list[Span]:
    """Overlapping and touching spans as one, in order."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1] + 1e-6:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out
