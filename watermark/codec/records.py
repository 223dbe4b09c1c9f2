"""From alignments to records: decode the payload, or match it with issued records, and say where it lies."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .content import FREE
from .convolution import CODE_SIGNS, decode, encode
from .keys import EpochKeys
from .keystream import CONFIRMATION, ROLES, Keystream
from .payload import pack, pack_many, unpack
from .search import Alignment, Bank, TileView

IssuedRecords = Callable[[str], Iterable[int]]
"""Record numbers issued under an epoch, for matching where the code alone cannot be decoded."""

_DECODED_ALIGNMENTS = 8
_MATCHED_ALIGNMENTS = (24, 6_000)  # the strongest first: among few, a weaker match is beyond chance
_MATCHED_PAIRS = 32  # of record and alignment, looked at with their confirmation tiles too
_TRACED_ALIGNMENTS = 24
_ROUNDS = 12  # different records in one chunk
_MATCH_BATCH = 256
_MATCH_NATS = float(np.log(1e6 * len(_MATCHED_ALIGNMENTS)))  # by chance once in a million pieces at most
_BOUND_SHARE = 0.4  # of the agreement of the free rows; halfway between moved and damaged marks
_TRACE_NATS = float(np.log(1e6))
_SWITCH_NATS = 12.0  # price of a border between ours and not ours
_WHOLE_TILES = 400  # pieces up to 6.4 s are also read as one run
_SHORTEST_TILES = 20  # 0.32 s: shorter intervals are not reported


@dataclass(frozen=True)
class TileDetection:
    """A record found on the tiles first_tile .. last_tile of a view.

    score: standard deviations of the correlation with all tiles whose sign is known. confirmation_z: the
    same for the confirmation tiles alone, which decoding does not touch. bound: the rows that the content
    signs agree, so the mark was not moved here from other audio. decoded: by the code and its MAC, not by
    matching.
    """

    record_number: int
    epoch: str
    first_tile: int
    last_tile: int
    score: float
    confirmation_z: float
    bound: bool
    decoded: bool


def find_records(
    bank: Bank,
    view: TileView,
    alignments: Sequence[Alignment],
    log_hypotheses: float,
    issued: IssuedRecords | None,
    least_nats: float = -np.inf,
) -> list[TileDetection]:
    """All records readable in a view, each with its intervals, in order of time.

    least_nats: evidence beside the MAC that a decoded payload needs, where very many are decoded.
    """
    free = list(alignments)
    taken = np.zeros(len(view.values[0]), bool)
    detections: list[TileDetection] = []
    for _ in range(_ROUNDS):
        record, matched = _decode(bank, view, free, log_hypotheses, least_nats), None
        decoded = record is not None
        if record is None and issued is not None:
            for limit in _MATCHED_ALIGNMENTS:
                record, matched = _match(bank, view, free, log_hypotheses, issued, limit)
                if record is not None or len(free) <= limit:
                    break
        if record is None:
            break
        found = _trace(bank, view, free, record, decoded, taken, matched)
        detections += found
        before = len(free)
        free = [a for a in free if taken[a.first_tile : a.last_tile].mean() < 0.5]
        if not found and len(free) == before:
            break
    return sorted(detections, key=lambda one: one.first_tile)


# ------------------------------------------------------------------ reading the payload
def soft_signs(
    bank: Bank, view: TileView, alignment: Alignment, first_tile: int, last_tile: int
) -> tuple[np.ndarray, float]:
    """Soft coded signs on some tiles of an alignment, float64 (216,), and the energy of the code tiles."""
    stream = bank.streams[alignment.epoch_index]
    values = view.bound(stream, alignment.phase)[first_tile:last_tile]
    columns = stream.columns(alignment.place + first_tile, len(values))
    roles = stream.roles[columns].ravel()
    soft = np.bincount(roles, (values * stream.signs[columns]).ravel(), ROLES)[:CODE_SIGNS]
    energy = np.bincount(roles, np.square(values).ravel(), ROLES)[:CODE_SIGNS].sum()
    return soft, float(energy)


@dataclass(frozen=True)
class Candidate:
    """Soft coded signs to decode or match, their energy, and the (alignment, first, last tile) they come
    from.
    """

    epoch_index: int
    soft: np.ndarray
    energy: float
    parts: tuple[tuple[Alignment, int, int], ...]


def _spans(view: TileView, alignment: Alignment) -> list[tuple[int, int]]:
    """Tiles to read an alignment on: its best run, as far as it reaches, and short pieces as a whole."""
    spans = [(alignment.first_tile, alignment.last_tile), (alignment.reach_first, alignment.reach_last)]
    tiles = len(view.values[0])
    if tiles <= _WHOLE_TILES:
        spans.append((0, tiles))
    return list(dict.fromkeys(spans))


def _candidates(
    bank: Bank, view: TileView, alignments: Sequence[Alignment], log_hypotheses: float, limit: int
) -> list[Candidate]:
    """Each alignment on its best run and as far as it reaches, and all good ones of an epoch together (a
    file cut and joined holds one payload at several places)."""
    read: list[Candidate] = []
    together: dict[int, list[Candidate]] = {}
    for alignment in alignments[:limit]:
        best = alignment.first_tile, alignment.last_tile
        for first, last in _spans(view, alignment):
            soft, energy = soft_signs(bank, view, alignment, first, last)
            read.append(Candidate(alignment.epoch_index, soft, energy, ((alignment, first, last),)))
            if (first, last) == best:
                on_best = read[-1]
        parts = together.setdefault(alignment.epoch_index, [])
        apart = all(best[0] >= part.parts[0][2] or best[1] <= part.parts[0][1] for part in parts)
        if apart and alignment.evidence > log_hypotheses - 1:
            parts.append(on_best)
    for epoch_index, parts in together.items():
        if len(parts) > 1:
            soft, energy = np.sum([part.soft for part in parts], axis=0), sum(part.energy for part in parts)
            read.append(Candidate(epoch_index, soft, energy, tuple(part.parts[0] for part in parts)))
    return read


def _decode(
    bank: Bank, view: TileView, alignments: Sequence[Alignment], log_hypotheses: float, least_nats: float
) -> Record | None:
    read = _candidates(bank, view, alignments, log_hypotheses, _DECODED_ALIGNMENTS)
    if not read:
        return None
    for candidate, bits in zip(read, decode(np.stack([candidate.soft for candidate in read])), strict=True):
        record_number = unpack(bits, bank.epoch_keys[candidate.epoch_index])
        if record_number is None:
            continue
        if _independent_nats(bank, view, candidate, record_number, log_hypotheses) > least_nats:
            return Record(candidate.epoch_index, record_number)
    return None


def _independent_nats(
    bank: Bank, view: TileView, candidate: Candidate, record_number: int, log_hypotheses: float
) -> float:
    """Evidence for a decoded record in tiles that decoding did not touch: sync, and confirmation."""
    excess = max(alignment.evidence for alignment, _, _ in candidate.parts) - log_hypotheses
    toward, energy = _confirmation(bank, view, candidate, record_number)
    return float(excess + max(toward, 0.0) ** 2 / (2 * energy + 1e-6))


def _match(
    bank: Bank,
    view: TileView,
    alignments: Sequence[Alignment],
    log_hypotheses: float,
    issued: IssuedRecords,
    limit: int,
) -> tuple[Record | None, Alignment | None]:
    """The issued record that correlates best with some alignment, and that alignment, if chance would not."""
    read = _candidates(bank, view, alignments, log_hypotheses, limit)
    best: tuple[float, Record, Alignment] | None = None
    compared = 0
    for epoch_index in {entry.epoch_index for entry in read}:
        keys = bank.epoch_keys[epoch_index]
        numbers = tuple(issued(keys.epoch))
        if not numbers:
            continue
        here = [entry for entry in read if entry.epoch_index == epoch_index]
        table = code_words(keys, numbers)
        compared += len(table) * len(here)
        nearest: list[tuple[float, int, Candidate]] = []
        for start in range(0, len(here), _MATCH_BATCH):  # the whole table of scores would fill the memory
            batch = here[start : start + _MATCH_BATCH]
            soft = np.stack([entry.soft / np.sqrt(entry.energy + 1e-6) for entry in batch]).astype(np.float32)
            scores = soft @ table.T
            rows = scores.argmax(axis=1)
            tops = scores[np.arange(len(batch)), rows]
            nearest += [(float(top), int(row), c) for top, row, c in zip(tops, rows, batch, strict=True)]
        for top, row, candidate in heapq.nlargest(_MATCHED_PAIRS, nearest, key=lambda entry: entry[0]):
            score = _with_confirmation(bank, view, candidate, numbers[row], top)
            if best is None or score > best[0]:
                best = score, Record(epoch_index, numbers[row]), candidate.parts[0][0]
    if best is None or best[0] < 0 or best[0] ** 2 / 2 < np.log(compared) + _MATCH_NATS:
        return None, None
    return best[1], best[2]


def _with_confirmation(
    bank: Bank, view: TileView, candidate: Candidate, record_number: int, score: float
) -> float:
    """Score of a pair over code and confirmation tiles together, from its score over the code tiles."""
    toward, energy = _confirmation(bank, view, candidate, record_number)
    return float((score * np.sqrt(candidate.energy) + toward) / np.sqrt(candidate.energy + energy + 1e-6))


def _confirmation(
    bank: Bank, view: TileView, candidate: Candidate, record_number: int
) -> tuple[float, float]:
    """Correlation of a candidate's confirmation tiles with a record's signs, and their energy."""
    stream = bank.streams[candidate.epoch_index]
    toward = energy = 0.0
    signs = stream.confirmation_signs(record_number)
    for alignment, first, last in candidate.parts:
        values = view.bound(stream, alignment.phase)[first:last]
        columns = stream.columns(alignment.place + first, len(values))
        confirming = stream.roles[columns] == CONFIRMATION
        toward += float((values * signs[columns])[confirming].sum())
        energy += float(np.square(values[confirming]).sum())
    return toward, energy


@lru_cache(maxsize=8)
def code_words(keys: EpochKeys, record_numbers: tuple[int, ...]) -> np.ndarray:
    """Coded signs of many records: float32 (n, 216)."""
    return encode(pack_many(np.asarray(record_numbers), keys)).astype(np.float32)


# ------------------------------------------------------------------ saying where it lies
@dataclass(frozen=True)
class Record:
    epoch_index: int
    record_number: int


def _trace(
    bank: Bank,
    view: TileView,
    alignments: Sequence[Alignment],
    record: Record,
    decoded: bool,
    taken: np.ndarray,
    matched: Alignment | None,
) -> list[TileDetection]:
    """Intervals of a known record at any of the best alignments, or where it matched; marks them in
    `taken`.
    """
    stream = bank.streams[record.epoch_index]
    keys = bank.epoch_keys[record.epoch_index]
    signs = stream.known_signs(record.record_number, encode(pack(record.record_number, keys)))
    confirming = stream.roles == CONFIRMATION
    same_epoch = [a for a in alignments if a.epoch_index == record.epoch_index]
    traces = [_Trace(view, alignment, stream, signs) for alignment in same_epoch[:_TRACED_ALIGNMENTS]]
    if matched is not None:
        traces.append(_Trace(view, matched, stream, signs))
    traces.sort(key=lambda trace: -trace.score)
    detections: list[TileDetection] = []
    for trace in traces:
        if trace.score < 0 or trace.score**2 / 2 < np.log(len(traces)) + _TRACE_NATS:
            continue
        gain = np.where(taken, -1e6, trace.gain)
        intervals = segments(gain, _SWITCH_NATS)
        if not intervals and not detections:  # too weak to be cut at its borders
            intervals = [trace.span]
        for first, last in intervals:
            here = slice(first, last)
            z = trace.score_on(first, last)
            if last - first < _SHORTEST_TILES or z**2 / 2 < _TRACE_NATS or taken[here].any():
                continue
            values = trace.values[here]
            confirmation = np.where(confirming[trace.columns[here]], values, 0)
            confirmation_z = (confirmation * signs[trace.columns[here]]).sum() / np.sqrt(
                np.square(confirmation).sum() + 1e-6
            )
            taken[here] = True
            bound = trace.is_bound(first, last)
            detections.append(
                TileDetection(
                    record.record_number, keys.epoch, first, last, z, float(confirmation_z), bound, decoded
                )
            )
    return detections


class _Trace:
    """Correlation of one alignment with all signs of a record, column by column."""

    def __init__(self, view: TileView, alignment: Alignment, stream: Keystream, signs: np.ndarray) -> None:
        self.alignment = alignment
        values = self.values = view.bound(stream, alignment.phase)
        self.columns = stream.columns(alignment.place, len(values))
        known = signs[self.columns]
        agreeing = values * known
        self._free = stream.delays == FREE
        self._agreeing = agreeing
        self._toward = agreeing.sum(axis=1)
        self._energy = (np.square(values) * (known != 0)).sum(axis=1)
        self.span = max(_spans(view, alignment), key=lambda span: self.score_on(*span))
        self.score = self.score_on(*self.span)
        here = slice(*self.span)
        amplitude = self._toward[here].sum() / (self._energy[here].sum() + 1e-6)
        # Log-likelihood ratio per column.
        self.gain = amplitude * self._toward - amplitude**2 / 2 * self._energy

    def is_bound(self, first: int, last: int) -> bool:
        """The rows that the content signs agree at least _BOUND_SHARE as well as the free ones."""

        def agreement(rows: np.ndarray) -> float:
            tiles = self._agreeing[first:last, rows]
            return float(tiles.sum() / (np.abs(tiles).sum() + 1e-6))

        return agreement(~self._free) > _BOUND_SHARE * max(agreement(self._free), 0.0)

    def score_on(self, first: int, last: int) -> float:
        """Standard deviations of the correlation on some columns."""
        return float(self._toward[first:last].sum() / np.sqrt(self._energy[first:last].sum() + 1e-6))


def segments(gain: np.ndarray, switch_nats: float) -> list[tuple[int, int]]:
    """Most likely intervals of "on" for per-step log-likelihood ratios, each border costing switch_nats.

    Two-state Viterbi; (start, end) index pairs, end exclusive. The ends of the sequence cost nothing.
    """
    on = off = 0.0
    from_off = np.zeros(len(gain), bool)  # the best path into "on" at this step came from "off"
    from_on = np.zeros(len(gain), bool)
    for step, value in enumerate(gain.tolist()):
        from_off[step] = off - switch_nats > on
        from_on[step] = on - switch_nats > off
        on, off = max(on, off - switch_nats) + value, max(off, on - switch_nats)
    intervals = []
    state = on > off
    end = len(gain)
    for step in range(len(gain) - 1, -1, -1):
        if state and from_off[step]:
            intervals.append((step, end))
            state = False
        elif not state and from_on[step]:
            state, end = True, step
    if state:
        intervals.append((0, end))
    return intervals[::-1]
