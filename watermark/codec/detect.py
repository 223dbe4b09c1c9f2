"""Detection: which records a piece of audio carries, where, and whether chance could explain what is seen.

Reads a file in overlapping chunks, so memory does not grow with length. The decision that a record was
found rests on its MAC (or on a match with an issued record far above chance); presence without a record
rests on the bound of `search`. With deep=True, tempo, pitch and speed are searched when nothing is found
plainly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from .chunks import Chunk, chunks, slices
from .deep import Excerpts, Scales, better_tempo, search_deeply
from .keys import MarkKeys
from .records import IssuedRecords, TileDetection, find_records
from .search import Bank, bank_for, find_alignments, spectrum_of, view_tiles

DETECTOR_VERSION = "keyed-mark/2"
PRESENCE_FALSE_RATE = 1e-5  # per file, bound by Hoeffding's inequality for random keys
PRESENCE_THRESHOLD_Z = float(np.sqrt(2 * np.log(1 / PRESENCE_FALSE_RATE)))
CONFIRMED_Z = 2.0
WEAK_ALIGNMENTS = 400  # per run length, matched with issued records where nothing decodes
EPOCHS_AT_ONCE = 4  # in one pass over the file: each takes 16 MB of memory
_READ_SHARE = 0.7  # of a file: where less is read, a small change of tempo is looked for
_JOIN_S = 0.3  # intervals of one record closer than this are one


@dataclass(frozen=True)
class RecordDetection:
    """A record found from start_s to end_s.

    score: correlation with all tiles whose sign is then known, in standard deviations. confirmed: the tiles
    that only this record signs agree too. decoded: read by its code and MAC; otherwise matched with the
    issued records. bound: the rows that the content signs agree; False on a mark that was moved to other
    audio, or where little is left of it.
    """

    record_number: int
    epoch: str
    start_s: float
    end_s: float
    score: float
    confirmed: bool
    decoded: bool
    bound: bool = True


@dataclass(frozen=True)
class Span:
    """A stretch of the file and the record it carries (None: nothing readable)."""

    start_s: float
    end_s: float
    record_number: int | None


@dataclass(frozen=True)
class Detection:
    """What was found in a file.

    present: a record was read, or the presence score passed its threshold. presence_z: standard deviations
    beyond what chance explains after everything looked at (0: nothing). active_s: seconds within 30 dB of
    the loud parts.
    time_scale, frequency_scale: tempo and pitch that were undone (1.0 unless searched).
    """

    present: bool
    presence_z: float
    records: list[RecordDetection]
    duration_s: float
    active_s: float
    time_scale: float = 1.0
    frequency_scale: float = 1.0
    deep: bool = False
    presence_threshold_z: float = PRESENCE_THRESHOLD_Z
    detector_version: str = DETECTOR_VERSION
    presence_spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def time_map(self) -> list[Span]:
        """The whole file in order: marked stretches with their record, and the gaps between them."""
        spans: list[Span] = []
        at = 0.0
        for record in sorted(self.records, key=lambda record: record.start_s):
            if record.start_s - at > _JOIN_S:
                spans.append(Span(at, record.start_s, None))
            spans.append(Span(max(at, record.start_s), max(at, record.end_s), record.record_number))
            at = max(at, record.end_s)
        if self.duration_s - at > _JOIN_S or not spans:
            spans.append(Span(at, self.duration_s, None))
        return spans


def detect(
    samples: np.ndarray,
    sample_rate_hz: int,
    *,
    keys: MarkKeys,
    epochs: Sequence[str],
    deep: bool = False,
    known: IssuedRecords | None = None,
) -> Detection:
    """Detection in one channel of samples (n,) at any rate.

    known: epoch -> record numbers issued in it; lets a record be matched where its code cannot be decoded
    (pieces under 3 s, heavy coding). Raises ValueError for other shapes and for no epochs.
    """
    return detect_blocks(
        slices(samples, sample_rate_hz), sample_rate_hz, keys=keys, epochs=epochs, deep=deep, known=known
    )


def detect_blocks(
    blocks: Iterable[np.ndarray],
    sample_rate_hz: int,
    *,
    keys: MarkKeys,
    epochs: Sequence[str],
    deep: bool = False,
    known: IssuedRecords | None = None,
) -> Detection:
    """The same for audio that arrives in blocks (n_i,); `blocks` is iterated once for every `EPOCHS_AT_ONCE` epochs,
    and perhaps as often again: with deep=True, and where a small change of tempo leaves parts of a mark readable.
    """
    if not epochs:
        raise ValueError("detection needs at least one epoch")
    groups = [epochs[start : start + EPOCHS_AT_ONCE] for start in range(0, len(epochs), EPOCHS_AT_ONCE)]
    issued = None if known is None else cache(lambda epoch: tuple(known(epoch)))
    excerpts = Excerpts()
    searches = []
    for index, group in enumerate(groups):
        plain = _Pass(bank_for(keys, group), issued, Scales())
        for chunk in chunks(blocks, sample_rate_hz):
            plain.take(chunk)
            if index == 0:
                excerpts.offer(chunk)
        searches.append(plain.result(deep=deep))
    if any(search.records for search in searches):
        return _at_its_tempo(blocks, sample_rate_hz, _together(searches), keys, groups, issued, excerpts)
    if not deep:
        return _together(searches)
    deeper = []
    for group in groups:
        found = search_deeply(bank_for(keys, group), excerpts.pieces, issued)
        if found is None:
            continue
        looked = found.scales.log_hypotheses + float(np.log(len(groups)))
        again = _Pass(bank_for(keys, group), issued, replace(found.scales, log_hypotheses=looked))
        for chunk in chunks(blocks, sample_rate_hz):
            again.take(chunk)
        if not again.records:  # what an excerpt alone could tell
            for start_s, end_s, record in found.records:
                again.add(record, start_s, end_s)
        deeper.append(again.result(deep=True))
        if again.records:  # the sound was changed as they say: nothing else is to be undone
            return deeper[-1]
    return _together(deeper or searches)


def _at_its_tempo(
    blocks: Iterable[np.ndarray],
    sample_rate_hz: int,
    plain: Detection,
    keys: MarkKeys,
    groups: Sequence[Sequence[str]],
    issued: IssuedRecords | None,
    excerpts: Excerpts,
) -> Detection:
    """What was read plainly; or, where that is little of the sound and a small change of tempo explains more, what is
    read with it undone."""
    read_s = sum(record.end_s - record.start_s for record in plain.records)
    if read_s > _READ_SHARE * plain.duration_s:
        return plain
    epoch = plain.records[0].epoch
    group = next(group for group in groups if epoch in group)
    scales = better_tempo(bank_for(keys, group), excerpts.pieces)
    if scales is None:
        return plain
    again = _Pass(bank_for(keys, group), issued, scales)
    for chunk in chunks(blocks, sample_rate_hz):
        again.take(chunk)
    found = again.result(deep=False)
    return found if sum(record.end_s - record.start_s for record in found.records) > read_s else plain


def _together(searches: Sequence[Detection]) -> Detection:
    """What was found in several groups of epochs; as many chances to find traces by chance, hence a lower score."""
    best = max(searches, key=lambda search: search.presence_z)
    presence_z = float(np.sqrt(max(best.presence_z**2 - 2 * np.log(len(searches)), 0.0)))
    records = [record for search in searches for record in search.records]
    return replace(
        best,
        present=bool(records) or presence_z > PRESENCE_THRESHOLD_Z,
        presence_z=presence_z,
        records=sorted(records, key=lambda record: record.start_s),
        presence_spans=_merged([span for search in searches for span in search.presence_spans]),
    )


class _Pass:
    """One pass over the chunks of a file at one tempo and pitch."""

    def __init__(self, bank: Bank, issued: IssuedRecords | None, scales: Scales) -> None:
        self._bank, self._issued, self._scales = bank, issued, scales
        self.records: list[RecordDetection] = []
        self._excess: list[float] = []  # evidence beyond the logarithm of the hypotheses, per chunk
        self._spans: list[tuple[float, float]] = []
        self._active_s = 0.0
        self._end_s = 0.0

    def take(self, chunk: Chunk) -> None:
        before_s = self._end_s
        self._end_s = chunk.start_s + len(chunk.samples) / 16_000
        if not chunk.samples.any():
            return
        view = view_tiles(spectrum_of(chunk.samples), self._scales.time, self._scales.frequency)
        new_share = (self._end_s - max(before_s, chunk.start_s)) / (self._end_s - chunk.start_s)
        self._active_s += view.active_s * new_share
        weak = WEAK_ALIGNMENTS if self._issued is not None else 0
        alignments, log_hypotheses = find_alignments(self._bank, view, weak=weak)
        if not alignments:
            return
        self._excess.append(alignments[0].evidence - log_hypotheses - self._scales.log_hypotheses)
        limit = np.log(1 / PRESENCE_FALSE_RATE) + log_hypotheses + self._scales.log_hypotheses
        for alignment in alignments:
            if alignment.evidence > limit:
                ends = view.seconds(alignment.first_tile), view.seconds(alignment.last_tile)
                self._spans.append((chunk.start_s + ends[0], chunk.start_s + ends[1]))
        for record in find_records(self._bank, view, alignments, log_hypotheses, self._issued):
            shift = chunk.start_s
            self.add(record, shift + view.seconds(record.first_tile), shift + view.seconds(record.last_tile))

    def add(self, record: TileDetection, start_s: float, end_s: float) -> None:
        """Join with the interval of the same record that it continues, usually from the chunk before."""
        confirmed = record.confirmation_z >= CONFIRMED_Z
        for index, other in enumerate(self.records):
            same = (other.record_number, other.epoch) == (record.record_number, record.epoch)
            if same and start_s <= other.end_s + _JOIN_S and end_s >= other.start_s - _JOIN_S:
                self.records[index] = RecordDetection(
                    record.record_number,
                    record.epoch,
                    min(start_s, other.start_s),
                    max(end_s, other.end_s),
                    max(record.score, other.score),
                    confirmed or other.confirmed,
                    record.decoded or other.decoded,
                    record.bound or other.bound,
                )
                return
        self.records.append(
            RecordDetection(
                record.record_number,
                record.epoch,
                start_s,
                end_s,
                record.score,
                confirmed,
                record.decoded,
                record.bound,
            )
        )

    def result(self, *, deep: bool) -> Detection:
        excess = max(self._excess, default=0.0) - np.log(max(len(self._excess), 1))
        presence_z = float(np.sqrt(2 * max(excess, 0.0)))
        return Detection(
            present=bool(self.records) or presence_z > PRESENCE_THRESHOLD_Z,
            presence_z=presence_z,
            records=sorted(self.records, key=lambda record: record.start_s),
            duration_s=self._end_s,
            active_s=self._active_s,
            time_scale=self._scales.time,
            frequency_scale=self._scales.frequency,
            deep=deep,
            presence_spans=_merged(self._spans),
        )


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + _JOIN_S:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
