"""Sound for tests of verification: as a decoded file, without any file that was decoded."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence

import numpy as np

from synth.audio.decoded import DecodedFile
from watermark.codec import MarkKeys
from watermark.reading.registry import Record
from watermark.reading.search import Sources


class KnownRecords:
    """A registry of these records; nobody issued any number beside them."""

    def __init__(self, records: Sequence[Record], epochs: Sequence[str] = ("e",)) -> None:
        self._records = {record.number: record for record in records}
        self._epochs = epochs

    def epochs(self) -> Sequence[str]:
        return self._epochs

    def numbers(self, epoch: str) -> Sequence[int]:
        return []

    def related(self, number: int) -> Sequence[int]:
        return []

    def records(self, numbers: Sequence[int]) -> dict[int, Record]:
        return {number: self._records[number] for number in numbers if number in self._records}


def sources(*records: Record) -> Sources:
    """For searches whose keyed mark is read by a stand-in."""
    return Sources(KnownRecords(records), MarkKeys(b"k" * 32))


def decoded(*channels: np.ndarray, rate_hz: int = 16_000) -> DecodedFile:
    """A decoded file of these channels (n,)."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with its DecodedFile, below
    file.write(np.stack(channels, axis=1).astype("<f4").tobytes())
    file.flush()
    found = DecodedFile(file, 0, len(channels), len(channels[0]), rate_hz, rate_hz, "wav", "pcm_16")
    weakref.finalize(found, file.close)
    return found


def speech(seed: int, length_s: float = 20.0, rate_hz: int = 16_000) -> np.ndarray:
    """Noise whose bands come and go as syllables do: all that a fingerprint looks at."""
    random = np.random.default_rng(seed)
    count = int(length_s * rate_hz)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1 / rate_hz)
    out = np.zeros(count)
    for low, high in ((300, 600), (600, 1100), (1100, 2000), (2000, 3400)):
        band = np.fft.irfft(np.where((frequency_hz >= low) & (frequency_hz < high), spectrum, 0), count)
        steps = random.uniform(0.1, 1.0, count // 1600 + 2)
        out += band * np.interp(np.arange(count), np.arange(len(steps)) * 1600, steps)
    return (0.3 * out / np.abs(out).max()).astype(np.float32)
