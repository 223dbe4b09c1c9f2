"""Where words that were exchanged or put in come from: other records of ours, and other places of the same one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synth.audio.decoded import Track
from watermark.comparison.reference import parse
from watermark.comparison.source import SHORTEST_S, Source, source_of
from watermark.reading.findings import Interval, RecordFinding
from watermark.reading.registry import Registry

_FOREIGN = ("changed", "put_in", "moved")
_IN_PLACE_S = 0.1


def with_sources(finding: RecordFinding, track: Track, registry: Registry) -> RecordFinding:
    """The finding with what its changed passages come from, where that is beyond doubt: the record itself
    (they are *moved* then), or one that the registry names beside it."""
    gain_db = finding.gain_db
    if gain_db is None or not any(_is_asked(one) for one in finding.intervals):
        return finding
    numbers = [finding.record_number, *registry.related(finding.record_number)]
    references = {
        number: parse(record.reference)
        for number, record in registry.records(numbers).items()
        if record.reference is not None
    }
    found = []
    for one in finding.intervals:
        source = None
        if _is_asked(one):
            samples = track.between(one.start_s, one.end_s).samples()
            source = source_of(samples, np.array(gain_db, np.float32), references)
        if source is None or (source.number == finding.record_number and _is_in_place(one, source)):
            found.append(one)
        elif source.number == finding.record_number:
            place_s = (source.start_s, source.start_s + one.length_s)
            found.append(replace(one, kind="moved", record_s=place_s))
        else:
            # What seemed to be moved within the record fits another one far better.
            kind = "put_in" if one.kind == "moved" else one.kind
            found.append(replace(one, kind=kind, source=source.number))
    return replace(finding, intervals=tuple(found))


def _is_in_place(one: Interval, source: Source) -> bool:
    """Sound that is alike where the record has it was made louder, or worked on: that is *changed*, not *moved*."""
    there = one.record_s
    return one.kind == "changed" and there is not None and abs(source.start_s - there[0]) <= _IN_PLACE_S


def _is_asked(one: Interval) -> bool:
    return one.kind in _FOREIGN and one.length_s >= SHORTEST_S
