"""How something was said, in numbers: pitch, pitch range, pace, pauses, level."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synth.audio.f0 import HOP_S, track_f0
from synth.audio.loudness import active_frames, frame_levels_db
from synth.audio.resample import resample

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Silences at least this long inside speech count as pauses.
MIN_PAUSE_S = 0.12
_ANALYSIS_HZ = 16_000
_OUTLIER_ST = 8.0


@dataclass(frozen=True)
class Prosody:
    """Measured on the part between the first and the last active frame.

    ``f0_range_st``: 10th to 90th percentile in semitones, without outliers beyond 8 st of the median.
    ``pause_ratio``: share of time in pauses of 120 ms or more. ``speech_s``: time without them.
    ``rate_per_s``: phones (or whatever was counted) per second of ``speech_s``; None when not counted.
    ``syllables_per_s``: estimated from the sound alone. ``level_db``: mean dBFS of active frames.
    F0 fields are 0 when nothing is voiced.
    """

    f0_median_hz: float
    f0_range_st: float
    voiced_ratio: float
    rate_per_s: float | None
    syllables_per_s: float
    pause_ratio: float
    pause_count: int
    mean_pause_s: float
    speech_s: float
    duration_s: float
    level_db: float

    def as_dict(self) -> dict[str, Any]:
        """JSON values rounded for people."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}


def measure(samples: npt.NDArray[Any], sample_rate_hz: int, *, units: int | None = None) -> Prosody:
    """Measure mono samples (n,). ``units`` is how many phones (or syllables) were spoken, if known."""
    x = resample(samples, sample_rate_hz, _ANALYSIS_HZ)
    levels = frame_levels_db(x, _ANALYSIS_HZ, hop_s=HOP_S)
    active = active_frames(levels)
    f0 = track_f0(x, _ANALYSIS_HZ)[: len(active)]
    return from_frames(f0, levels, active, units=units)


def from_frames(f0_hz: Floats, levels_db: Floats, active: Mask, *, units: int | None = None) -> Prosody:
    """The same from per-frame arrays of equal length, HOP_S apart."""
    if not active.any():
        return Prosody(0, 0, 0, None, 0, 0, 0, 0, 0, len(active) * HOP_S, -120.0)
    where = np.flatnonzero(active)
    first, last = int(where[0]), int(where[-1]) + 1
    total_s = (last - first) * HOP_S
    gaps = pauses(active)
    pause_s = sum(b - a for a, b in gaps) * HOP_S
    speech_s = max(total_s - pause_s, HOP_S)
    median, spread = f0_statistics(f0_hz[first:last])
    return Prosody(
        f0_median_hz=median,
        f0_range_st=spread,
        voiced_ratio=float((f0_hz[first:last] > 0).mean()),
        rate_per_s=units / speech_s if units else None,
        syllables_per_s=count_nuclei(levels_db[first:last], f0_hz[first:last]) / speech_s,
        pause_ratio=pause_s / total_s,
        pause_count=len(gaps),
        mean_pause_s=pause_s / max(1, len(gaps)),
        speech_s=speech_s,
        duration_s=len(active) * HOP_S,
        level_db=float(levels_db[active].mean()),
    )


def f0_statistics(f0_hz: Floats) -> tuple[float, float]:
    """(median in Hz, 10..90 percentile range in semitones) of the voiced frames; zeros for none."""
    voiced = f0_hz[f0_hz > 0]
    if not len(voiced):
        return 0.0, 0.0
    semitones = 12 * np.log2(voiced / np.median(voiced))
    kept = semitones[np.abs(semitones) < _OUTLIER_ST]
    low, high = np.percentile(kept, [10, 90])
    middle = float(np.median(voiced) * 2 ** (np.median(kept) / 12))
    return middle, float(high - low)


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Half-open index intervals in which ``mask`` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def pauses(active: Mask, *, min_s: float = MIN_PAUSE_S) -> list[tuple[int, int]]:
    """Frame intervals of the pauses between the first and the last active frame."""
    where = np.flatnonzero(active)
    if not len(where):
        return []
    first, last = int(where[0]), int(where[-1]) + 1
    return [(a + first, b + first) for a, b in runs(~active[first:last]) if (b - a) * HOP_S >= min_s - 1e-9]


def count_nuclei(levels_db: Floats, f0_hz: Floats) -> int:
    """Syllable nuclei: voiced peaks of the smoothed level, 80 ms apart, each 2 dB above the dip before it."""
    if len(levels_db) < 5:
        return 0
    smooth = ndimage.gaussian_filter1d(levels_db, 0.02 / HOP_S)
    top = np.percentile(smooth, 97)
    peaks = [
        i
        for i in range(1, len(smooth) - 1)
        if smooth[i - 1] < smooth[i] >= smooth[i + 1] and smooth[i] > top - 25 and f0_hz[i] > 0
    ]
    kept: list[int] = []
    for i in peaks:
        if kept:
            dip = smooth[kept[-1] : i].min()
            if smooth[i] - dip < 2 or smooth[kept[-1]] - dip < 2 or (i - kept[-1]) * HOP_S < 0.08:
                if smooth[i] > smooth[kept[-1]]:
                    kept[-1] = i
                continue
        kept.append(i)
    return len(kept)
