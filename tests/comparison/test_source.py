"""Which released sound a passage comes from, and what is said of it then."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from synth.audio.decoded import DecodedFile, Track
from tests.comparison.sounds import RATE, speechlike
from watermark.comparison import compare
from watermark.comparison import source as sources
from watermark.comparison.reference import make, parse
from watermark.reading.findings import Compared, Interval, RecordFinding
from watermark.reading.origin import with_sources
from watermark.reading.registry import Record

SOUND, OTHER = speechlike(8.0, 11), speechlike(8.0, 12)
START, END = 3 * RATE, round(3.4 * RATE)


class Known:
    """Two records of one voice."""

    def epochs(self) -> list[str]:
        return []

    def numbers(self, epoch: str) -> list[int]:
        return []

    def related(self, number: int) -> list[int]:
        return [2]

    def records(self, numbers: Sequence[int]) -> Mapping[int, Record]:
        sounds = {1: SOUND, 2: OTHER}
        return {n: Record(n, b"", 8.0, make(sounds[n], RATE)) for n in numbers}


def told_of(samples: np.ndarray, kind: str = "changed") -> Interval:
    """What is told of the passage from START to END, where the record has its own."""
    with tempfile.TemporaryFile() as file:
        file.write(samples.astype("<f4").tobytes())
        file.flush()
        track = Track(
            DecodedFile(file, 0, 1, len(samples), RATE, RATE, "wav", "float"), None, 0, len(samples)
        )
        found = compare(parse(make(SOUND, RATE)), samples)
        assert found is not None
        place = (START / RATE, END / RATE)
        finding = RecordFinding(
            1, True, 8.0, intervals=(Interval(*place, kind, 1, record_s=place),),
            compared=Compared.WORDS, gain_db=found.gain_db,
        )  # fmt: skip
        return with_sources(finding, track, Known()).intervals[0]


def with_passage(passage: np.ndarray) -> np.ndarray:
    return np.concatenate([SOUND[:START], passage, SOUND[END:]])


def test_a_word_of_another_record_is_named() -> None:
    told = told_of(with_passage(OTHER[START:END]))
    assert (told.kind, told.source) == ("changed", 2)


def test_a_word_of_another_place_is_moved() -> None:
    told = told_of(with_passage(SOUND[5 * RATE : 5 * RATE + END - START]))
    assert (told.kind, told.source) == ("moved", None)
    assert told.record_s == pytest.approx((5.0, 5.4), abs=0.05)


def test_a_word_made_louder_is_changed_and_not_moved() -> None:
    told = told_of(with_passage(2.5 * SOUND[START:END]))
    assert (told.kind, told.source) == ("changed", None)


def test_a_word_said_twice_is_moved() -> None:
    """What was put in is alike where the record goes on."""
    assert told_of(SOUND, "put_in").kind == "moved"


def test_a_long_record_is_searched_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    passage, gain = OTHER[START:END], np.zeros(24, np.float32)
    candidates = {2: parse(make(OTHER, RATE))}
    whole = sources.source_of(passage, gain, candidates)
    monkeypatch.setattr(sources, "_PLACES", 7)
    assert whole == sources.source_of(passage, gain, candidates) is not None
