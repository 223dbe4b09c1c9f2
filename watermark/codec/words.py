"""From alignments to words: decode the payload, or match it with issued records, and say where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .convolution import CODE_SIGNS, decode, encode
from .keys import EpochKeys
from .keystream import CONFIRMATION, ROLES
from .payload import pack, pack_many, unpack
from .search import Alignment, Bank, TileView

IssuedRecords = Callable[[str], Iterable[int]]
"""Record numbers issued under an epoch, for matching where the code alone cannot be decoded."""

_DECODED_ALIGNMENTS = 8
_MATCHED_ALIGNMENTS = 48
_TRACED_ALIGNMENTS = 24
_ROUNDS = 12  # different records in one chunk
_MATCH_NATS = float(np.log(1e7))  # a match by chance: once in ten million pieces at most
_TRACE_NATS = float(np.log(1e6))
_SWITCH_NATS = 12.0  # price of a border between ours and not ours
_SHORTEST_TILES = 20  # 0.32 s: shorter intervals are not reported


@dataclass(frozen=True)
class TileWord:
    """A record found on the tiles first_tile .. last_tile of a view.

    score: standard deviations of the correlation with all tiles whose sign is known. confirmation_z: the
    same for the confirmation tiles alone, which decoding does not touch. decoded: by the code and its MAC,
    not by matching.
    """

    record_number: int
    epoch: str
    first_tile: int
    last_tile: int
    score: float
    confirmation_z: float
    decoded: bool


def find_words(
    bank: Bank,
    view: TileView,
    alignments: Sequence[Alignment],
    log_hypotheses: float,
    issued: IssuedRecords | None,
) -> list[TileWord]:
    """All records readable in a view, each with its intervals, in order of time."""
    free = list(alignments)
    taken = np.zeros(len(view.values[0]), bool)
    words: list[TileWord] = []
    for _ in range(_ROUNDS):
        record = _decode(bank, view, free, log_hypotheses)
        decoded = record is not None
        if record is None and issued is not None:
            record = _match(bank, view, free, log_hypotheses, issued)
        if record is None:
            break
        found = _trace(bank, view, free, record, decoded, taken)
        words += found
        before = len(free)
        free = [a for a in free if taken[a.first_tile : a.last_tile].mean() < 0.5]
        if not found and len(free) == before:
            break
    return sorted(words, key=lambda word: word.first_tile)


# ------------------------------------------------------------------ reading the payload
def soft_signs(
    bank: Bank, view: TileView, alignment: Alignment, first_tile: int, last_tile: int
) -> tuple[np.ndarray, float]:
    """Soft coded signs on some tiles of an alignment, float64 (216,), and the energy of the code tiles."""
    stream = bank.streams[alignment.epoch_index]
    values = view.values[alignment.phase][first_tile:last_tile]
    columns = stream.columns(alignment.place + first_tile, len(values))
    roles = stream.roles[columns].ravel()
    soft = np.bincount(roles, (values * stream.signs[columns]).ravel(), ROLES)[:CODE_SIGNS]
    energy = np.bincount(roles, np.square(values).ravel(), ROLES)[:CODE_SIGNS].sum()
    return soft, float(energy)


def _candidates(
    bank: Bank, view: TileView, alignments: Sequence[Alignment], log_hypotheses: float, limit: int
) -> list[tuple[int, np.ndarray, float]]:
    """(epoch index, soft signs, energy) to decode: each alignment on its best run and as far as it reaches,
    and all good ones of an epoch together (a file cut and joined holds one payload at several places)."""
    read: list[tuple[int, np.ndarray, float]] = []
    together: dict[int, list[tuple[Alignment, np.ndarray, float]]] = {}
    for alignment in alignments[:limit]:
        best = alignment.first_tile, alignment.last_tile
        reach = alignment.reach_first, alignment.reach_last
        soft, energy = soft_signs(bank, view, alignment, *best)
        read.append((alignment.epoch_index, soft, energy))
        if reach != best:
            read.append((alignment.epoch_index, *soft_signs(bank, view, alignment, *reach)))
        parts = together.setdefault(alignment.epoch_index, [])
        apart = all(best[0] >= other.last_tile or best[1] <= other.first_tile for other, _, _ in parts)
        if apart and alignment.evidence > log_hypotheses - 1:
            parts.append((alignment, soft, energy))
    for epoch_index, parts in together.items():
        if len(parts) > 1:
            read.append(
                (epoch_index, np.sum([soft for _, soft, _ in parts], axis=0), sum(e for _, _, e in parts))
            )
    return read


def _decode(
    bank: Bank, view: TileView, alignments: Sequence[Alignment], log_hypotheses: float
) -> Record | None:
    read = _candidates(bank, view, alignments, log_hypotheses, _DECODED_ALIGNMENTS)
    if not read:
        return None
    for (epoch_index, _, _), bits in zip(read, decode(np.stack([soft for _, soft, _ in read])), strict=True):
        record_number = unpack(bits, bank.epoch_keys[epoch_index])
        if record_number is not None:
            return Record(epoch_index, record_number)
    return None


def _match(
    bank: Bank, view: TileView, alignments: Sequence[Alignment], log_hypotheses: float, issued: IssuedRecords
) -> Record | None:
    """The issued record that correlates best with some alignment, if chance would not."""
    read = _candidates(bank, view, alignments, log_hypotheses, _MATCHED_ALIGNMENTS)
    best: tuple[float, Record] | None = None
    compared = 0
    for epoch_index in {entry[0] for entry in read}:
        keys = bank.epoch_keys[epoch_index]
        numbers = tuple(issued(keys.epoch))
        if not numbers:
            continue
        here = [entry for entry in read if entry[0] == epoch_index]
        soft = np.stack([soft / np.sqrt(energy + 1e-6) for _, soft, energy in here]).astype(np.float32)
        scores = code_words(keys, numbers) @ soft.T
        compared += scores.size
        row = int(scores.max(axis=1).argmax())
        score = float(scores[row].max())
        if best is None or score > best[0]:
            best = score, Record(epoch_index, numbers[row])
    if best is None or best[0] ** 2 / 2 < np.log(compared) + _MATCH_NATS:
        return None
    return best[1]


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
) -> list[TileWord]:
    """Intervals of a known record at any of the alignments; marks their tiles in `taken`."""
    stream = bank.streams[record.epoch_index]
    keys = bank.epoch_keys[record.epoch_index]
    signs = stream.known_signs(record.record_number, encode(pack(record.record_number, keys)))
    confirming = stream.roles == CONFIRMATION
    same_epoch = [a for a in alignments if a.epoch_index == record.epoch_index][:_TRACED_ALIGNMENTS]
    scored = []
    for alignment in same_epoch:
        values = view.values[alignment.phase]
        columns = stream.columns(alignment.place, len(values))
        known = signs[columns]
        toward = (values * known).sum(axis=1)
        energy = (np.square(values) * (known != 0)).sum(axis=1)
        span = slice(alignment.first_tile, alignment.last_tile)
        score = toward[span].sum() / np.sqrt(energy[span].sum() + 1e-6)
        scored.append((float(score), alignment, columns, toward, energy))
    scored.sort(key=lambda entry: -entry[0])
    words = []
    for score, alignment, columns, toward, energy in scored:
        if score**2 / 2 < np.log(len(scored)) + _TRACE_NATS or score < 0:
            continue
        span = slice(alignment.first_tile, alignment.last_tile)
        amplitude = toward[span].sum() / (energy[span].sum() + 1e-6)
        gain = np.where(taken, -1e6, amplitude * toward - amplitude**2 / 2 * energy)
        for first, last in segments(gain, _SWITCH_NATS):
            if last - first < _SHORTEST_TILES:
                continue
            here = slice(first, last)
            z = float(toward[here].sum() / np.sqrt(energy[here].sum() + 1e-6))
            if z**2 / 2 < _TRACE_NATS:
                continue
            values = view.values[alignment.phase][here]
            confirmation = np.where(confirming[columns[here]], values, 0)
            confirmation_z = (confirmation * signs[columns[here]]).sum() / np.sqrt(
                np.square(confirmation).sum() + 1e-6
            )
            taken[here] = True
            words.append(
                TileWord(record.record_number, keys.epoch, first, last, z, float(confirmation_z), decoded)
            )
    return words


def segments(gain: np.ndarray, switch_nats: float) -> list[tuple[int, int]]:
    """Most likely intervals of "on" for per-step log-likelihood ratios, each border costing switch_nats.

    Two-state Viterbi; (start, end) index pairs, end exclusive.
    """
    on, off = -switch_nats, 0.0
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
