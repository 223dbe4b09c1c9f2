"""A file laid over a record: the path, what the channel did, and what then still differs. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import binary_opening

from . import order, path
from .bands import band_edges_hz, band_levels
from .channel import Channel, broadband
from .order import Jump, Passage
from .reference import FRAMES_PER_SECOND, Reference
from .residual import Residual, residual

SHORTEST_S = 0.5
"""Below so much of the record there is nothing to estimate a channel from."""
_SOUNDS = 0.15
_SUBSTANCE_DB = 25.0
_SILENT_DB = 45.0
_STANDS_DB = 3.0
_LONG_SILENCE_S = 0.5
_RATE = FRAMES_PER_SECOND


@dataclass(frozen=True, eq=False)
class Overlay:
    """A file laid over a record: everything the flags are taken from. Frames are 10 ms of the file; ``offsets``: to
    add to a frame to get the record's; ``inside``: whether the record reaches there; ``record_sounds``: whether each
    frame of the record has sound of substance."""

    offsets: np.ndarray
    found: Residual
    kept: tuple[Passage, ...]
    moved: tuple[Passage, ...]
    jumps: tuple[Jump, ...]
    inside: np.ndarray
    record_sounds: np.ndarray
    heard_to_hz: float
    under_noise: float
    gain_db: tuple[float, ...]


def lay_over(
    reference: Reference,
    samples: np.ndarray,
    anchors_s: Sequence[float] = (),
    trusted_s: Sequence[tuple[float, float]] = (),
) -> Overlay | None:
    """The path and the residual, before anything is judged."""
    record = reference.levels
    fine = band_levels(samples, _RATE * path.FINE)
    heard = fine[:: path.FINE]
    if min(len(heard), len(record)) < SHORTEST_S * _RATE:
        return None
    frames, silent = np.arange(len(heard)), record.min(axis=0)
    trusted = _trusted(trusted_s, heard)
    anchors = [round(a * _RATE) for a in anchors_s] or [path.main_offset(heard, record)]
    first = max(anchors, key=lambda a: int((_inside(frames + a, record) & trusted).sum()))
    inside = _inside(frames + first, record)
    if (inside & trusted).sum() < SHORTEST_S * _RATE:
        return None
    channel = _channel(heard, path.at(record, frames + first, silent), inside & trusted)
    offsets = path.follow(heard, record, channel, anchors, _RATE)
    inside = _inside(frames + offsets, record)
    if (inside & trusted).sum() < SHORTEST_S * _RATE:
        return None
    there = path.at(record, frames + offsets, silent)
    channel = _channel(heard, there, inside & trusted)
    aligned = fine[path.align_finely(fine, there, offsets, channel)]
    channel = _channel(aligned, there, inside & trusted)
    expected = channel.expected(there)
    audible = channel.audible_from(expected)
    gaps = path.difference(np.maximum(aligned, audible), np.maximum(expected, audible))
    sounding = path.sounds(np.maximum(heard, audible), audible) > _SOUNDS
    kept, moved = order.in_order(order.passages(offsets, gaps, sounding & inside, _RATE), _RATE)
    joints = (order.jump_between(a, b, heard, record, channel, _RATE) for a, b in pairwise(kept))
    return Overlay(
        offsets=offsets,
        found=residual(aligned, there, inside, trusted, channel, _RATE),
        kept=tuple(kept),
        moved=tuple(moved),
        jumps=tuple(joint for joint in joints if joint),
        inside=inside,
        record_sounds=broadband(record) > np.quantile(broadband(record), 0.95) - _SUBSTANCE_DB,
        heard_to_hz=_heard_to_hz(record, channel),
        under_noise=_under_noise(record, channel),
        gain_db=tuple(float(gain) for gain in channel.gain),
    )


def _channel(heard: np.ndarray, there: np.ndarray, where: np.ndarray) -> Channel:
    return Channel.between(heard[where], there[where])


def _trusted(spans: Sequence[tuple[float, float]], heard: np.ndarray) -> np.ndarray:
    """Frames that a channel may be estimated from; all but long silences, of what is
    known to agree where anything is."""
    level = broadband(heard)
    silent = level < np.quantile(level, 0.98) - _SILENT_DB
    sound: np.ndarray = ~binary_opening(silent, np.ones(round(_LONG_SILENCE_S * _RATE)))
    if not spans:
        return sound
    known = np.zeros(len(heard), bool)
    for start_s, end_s in spans:
        known[round(start_s * _RATE) : round(end_s * _RATE)] = True
    return known & sound


def _heard_bands(record: np.ndarray, channel: Channel) -> np.ndarray:
    """Bands in which the record's loud sound stands above this file's floor: (bands,)."""
    heard: np.ndarray = channel.gain + np.quantile(record, 0.85, axis=0) - channel.floor > _STANDS_DB
    return heard


def _heard_to_hz(record: np.ndarray, channel: Channel) -> float:
    """Upper edge of the highest band that is heard."""
    heard = np.flatnonzero(_heard_bands(record, channel))
    return float(band_edges_hz()[heard[-1] + 1]) if len(heard) else 0.0


def _under_noise(record: np.ndarray, channel: Channel) -> float:
    """Share of the record's sound in the bands that are heard, of what is less than 25 dB below a band's loud level,
    under this file's floor."""
    sound = record > np.quantile(record, 0.95, axis=0) - _SUBSTANCE_DB
    sound &= _heard_bands(record, channel)
    hidden = record + channel.gain < channel.floor
    return float((sound & hidden).sum() / max(1, sound.sum()))


def _inside(frames: np.ndarray, record: np.ndarray) -> np.ndarray:
    result: np.ndarray = (frames >= 0) & (frames < len(record))
    return result
