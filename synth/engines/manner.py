"""How a clip was said, put onto other speech: pitch and its range, pace, pauses. Frames are `HOP_S` apart.

Both engines of clips use it, whatever they make the sound with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synth.audio.edit import F0_LIMITS_HZ, quiet_spot
from synth.audio.f0 import HOP_S, track_f0
from synth.audio.follow import PAUSE_RATIO_MAX
from synth.audio.loudness import active_frames, frame_levels_db
from synth.audio.prosody import Prosody, from_frames, pauses

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Phones (frames) that the usual manner of the content weighs against those of the sentence.
_RATE_PRIOR_PHONES = 8
_SPREAD_PRIOR_FRAMES = 60
#: Silence that a pause loses to the tail of the sound before it, added when a pause is written.
_PAUSE_TAIL_S = 0.025


@dataclass(frozen=True, eq=False)
class Said:
    """Speech as its frames: F0 in Hz (0 unvoiced), level in dB, which frames are active; and its prosody."""

    f0_hz: Floats
    level_db: Floats
    active: Mask
    prosody: Prosody
    phones: int
    word_starts_s: list[float] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        samples: npt.NDArray[np.float32],
        sample_rate_hz: int,
        phones: int,
        word_starts_s: list[float] | None = None,
    ) -> Said:
        """Measure mono speech in which ``phones`` were spoken (0: not known)."""
        levels = frame_levels_db(samples, sample_rate_hz, hop_s=HOP_S)
        f0 = track_f0(samples, sample_rate_hz)
        count = min(len(levels), len(f0))
        levels, f0 = levels[:count], f0[:count]
        active = active_frames(levels)
        return cls(
            f0,
            levels,
            active,
            from_frames(f0, levels, active, units=phones or None),
            phones,
            word_starts_s or [],
        )


@dataclass(frozen=True)
class Manner:
    """``wanted`` is the clip's prosody, ``usual`` that of the content when it says the same kind of thing;
    ``rate_per_s`` is the clip's pace in phones per second, None where it is not known."""

    wanted: Prosody
    usual: Prosody
    rate_per_s: float | None


def mapped_f0(content: Said, manner: Manner) -> Floats:
    """Its F0 with the clip's median and range, in log; what is far out is drawn in."""
    f0 = content.f0_hz
    voiced = f0 > 0
    out = np.zeros_like(f0)
    wanted, own, usual = manner.wanted, content.prosody, manner.usual
    if not voiced.any() or not wanted.f0_median_hz:
        return f0
    count = int(voiced.sum())
    spread = np.average([own.f0_range_st, usual.f0_range_st], weights=[count, _SPREAD_PRIOR_FRAMES])
    semitones = 12 * np.log2(f0[voiced] / own.f0_median_hz) * wanted.f0_range_st / max(spread, 0.5)
    reach = max(1.2 * wanted.f0_range_st, 0.5)
    out[voiced] = wanted.f0_median_hz * 2 ** (np.clip(semitones, -reach, reach) / 12)
    return np.clip(out, *F0_LIMITS_HZ) * voiced


def timing(content: Said, manner: Manner, speed: float, gap_s: float) -> npt.NDArray[np.int64]:
    """Content frame numbers in the order in which they are spoken; -1 is inserted silence."""
    where = np.flatnonzero(content.active)
    if not len(where):
        return np.arange(len(content.active))
    first, last = int(where[0]), int(where[-1]) + 1
    tempo = _tempo(content, manner, speed)
    own = pauses(content.active)
    own_s = sum(b - a for a, b in own) * HOP_S / tempo
    speech_s = content.prosody.speech_s / tempo
    ratio = min(manner.wanted.pause_ratio, PAUSE_RATIO_MAX)
    wanted_s = max(0.0, ratio / (1 - ratio) * speech_s - gap_s)
    kept = min(1.0, wanted_s / own_s) if own_s else 1.0
    added = _added_pauses(content, own, wanted_s - own_s * kept, manner.wanted.mean_pause_s / speed)
    pieces: list[npt.NDArray[np.int64]] = []
    cuts = sorted([(a, b, kept * (b - a) / tempo) for a, b in own] + [(p, p, s / HOP_S) for p, s in added])
    position = first
    for start, end, frames in cuts:
        pieces += [_stretched(position, max(start, position), tempo), _pause(start, end, frames)]
        position = max(end, position)
    return np.concatenate([*pieces, _stretched(position, last, tempo)])


def _tempo(content: Said, manner: Manner, speed: float) -> float:
    """What is left to stretch after the content was spoken at about the right pace."""
    if not manner.rate_per_s or not content.prosody.rate_per_s:
        return 1.0
    usual = manner.usual.rate_per_s or content.prosody.rate_per_s
    n = content.phones
    rate = (n * content.prosody.rate_per_s + _RATE_PRIOR_PHONES * usual * speed) / (n + _RATE_PRIOR_PHONES)
    return float(np.clip(manner.rate_per_s * speed / rate, 0.3, 3.0))


def _added_pauses(
    content: Said, own: list[tuple[int, int]], missing_s: float, usual_s: float
) -> list[tuple[int, float]]:
    """(frame, seconds) of pauses to insert: at word starts, away from each other and from ``own``."""
    starts = [round(s / HOP_S) for s in content.word_starts_s[1:]]
    where = np.flatnonzero(content.active)
    first, last = int(where[0]), int(where[-1])
    room = [s for s in starts if first + 30 < s < last - 30]
    count = min(round(missing_s / max(usual_s, 0.15)), max(1, len(room) // 3))
    if missing_s < 0.1 or not room:
        return [((a + b) // 2, missing_s / len(own)) for a, b in own] if missing_s >= 0.1 and own else []
    taken = [(a + b) // 2 for a, b in own]
    chosen: list[int] = []
    level = content.level_db
    targets = np.linspace(first, last, max(1, count) + 2)[1:-1]
    for target in targets:
        free = [s for s in room if all(abs(s - t) > 40 for t in taken + chosen)]
        if free:
            chosen.append(quiet_spot(level, min(free, key=lambda s: abs(s - target)), 0.04))
    places = chosen or taken
    return [(p, missing_s / len(places) + (_PAUSE_TAIL_S if p in chosen else 0)) for p in sorted(places)]


def _stretched(start: int, end: int, tempo: float) -> npt.NDArray[np.int64]:
    return np.minimum(np.round(np.arange(start, end, tempo)).astype(np.int64), max(start, end - 1))


def _pause(start: int, end: int, frames: float) -> npt.NDArray[np.int64]:
    """The content's own pause [start, end) or, where that is empty, silence, ``frames`` long."""
    count = max(0, round(frames))
    if end <= start:
        return np.full(count, -1, dtype=np.int64)
    return np.linspace(start, end - 1, count).round().astype(np.int64)
