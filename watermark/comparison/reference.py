"""The compact reference: what is kept of a released sound so that a file can later be compared with it word by word.

Levels in 24 bands, 100 times a second, in 16 steps of 4 dB below the band's own loud level; each frame as its
difference to the one before, packed and deflated: well under 1 kB for a second of speech. Nobody can make speech
out of it that a listener would take for the original: it holds neither pitch nor phase.

Bytes, little-endian: ``ARF1`` · frames u32 · bands u8 · frames a second u8 · step in dB u8 · 0 u8 · loud level of each
band in 1/16 dB i16 · deflated body, two levels a byte.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from watermark.codec.resample import resample

from .bands import BANDS, SAMPLE_RATE_HZ, band_levels

FRAMES_PER_SECOND = 100
MAX_DURATION_S = 4 * 3600
_MAGIC = b"ARF1"
_HEADER = struct.Struct("<4sIBBBB")
_STEP_DB = 4
_TOP_STEPS = 15
_LOUD_SHARE = 0.995
_WEAKEST_BAND_DB = 45.0  # a band that is never within so much of the loudest is measured from there
_LEVEL_SCALE = 16


class BadReference(ValueError):
    """These bytes are no reference of a version that is known here, or they are damaged."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Levels in dB of what was released, 100 frames a second: float32 (frames, BANDS)."""

    levels: np.ndarray

    @property
    def duration_s(self) -> float:
        return max(0, len(self.levels) - 1) / FRAMES_PER_SECOND


def make(samples: np.ndarray, sample_rate_hz: int) -> bytes:
    """The reference of one channel (n,) of a released sound. Raises ValueError where there is none."""
    levels = band_levels(resample(samples, sample_rate_hz, SAMPLE_RATE_HZ), FRAMES_PER_SECOND)
    if not len(levels):
        raise ValueError("there is no sound to keep a reference of")
    loud = np.quantile(levels, _LOUD_SHARE, axis=0)
    loud = np.round(np.maximum(loud, loud.max() - _WEAKEST_BAND_DB) * _LEVEL_SCALE).astype(np.int16)
    steps = np.round((levels - loud / _LEVEL_SCALE) / _STEP_DB) + _TOP_STEPS
    quantised = np.clip(steps, 0, _TOP_STEPS).astype(np.uint8)
    changes = np.diff(quantised, axis=0, prepend=np.zeros((1, BANDS), np.uint8)) & 15
    # Band after band, so that a silent or steady one is one long run.
    flat = np.ascontiguousarray(changes.T).ravel()
    flat = np.pad(flat, (0, flat.size % 2))
    body = (flat[0::2] << 4 | flat[1::2]).astype(np.uint8).tobytes()
    header = _HEADER.pack(_MAGIC, len(levels), BANDS, FRAMES_PER_SECOND, _STEP_DB, 0)
    return header + loud.astype("<i2").tobytes() + zlib.compress(body, 9)


def parse(stored: bytes) -> Reference:
    """What is stored, in bounded memory whatever the bytes say. Raises `BadReference`."""
    if len(stored) < _HEADER.size + 2 * BANDS:
        raise BadReference("too short for a reference")
    magic, frames, bands, rate, step_db, reserved = _HEADER.unpack_from(stored)
    if (magic, bands, rate, reserved) != (_MAGIC, BANDS, FRAMES_PER_SECOND, 0) or not step_db:
        raise BadReference("not a reference of this version")
    if not 0 < frames <= MAX_DURATION_S * FRAMES_PER_SECOND:
        raise BadReference("a reference of impossible length")
    loud = np.frombuffer(stored, "<i2", bands, _HEADER.size).astype(np.float32) / _LEVEL_SCALE
    size = (frames * bands + 1) // 2
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(stored[_HEADER.size + 2 * bands :], size + 1)
    except zlib.error as error:
        raise BadReference("the reference is damaged") from error
    if len(body) != size or not inflater.eof or inflater.unused_data:
        raise BadReference("the reference is damaged")
    packed = np.frombuffer(body, np.uint8)
    flat = np.stack([packed >> 4, packed & 15], axis=1).ravel()[: frames * bands]
    steps = np.cumsum(flat.reshape(bands, frames).T, axis=0, dtype=np.uint8) & 15
    levels = (steps.astype(np.float32) - _TOP_STEPS) * step_db + loud
    return Reference(levels.astype(np.float32))
