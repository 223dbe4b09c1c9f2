"""Turning one sentence of content speech into the voice and manner of a :class:`ClipProfile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from synth.audio.edit import F0_LIMITS_HZ, quiet_spot
from synth.audio.f0 import HOP_S
from synth.audio.follow import PAUSE_RATIO_MAX
from synth.audio.loudness import to_active_level
from synth.audio.prosody import pauses
from synth.audio.vocoder import LOG_FLOOR, RATE_HZ, Frames, synthesise
from synth.engines import cepstra
from synth.engines.mapping import LinearShift
from synth.engines.profile import ClipProfile, Spoken

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 6
_MATCHED = slice(1, 20)
#: The shift is smoothed over 25 ms: what jumps from frame to frame is noise of the alignment.
_SMOOTHING = np.hanning(7) / np.hanning(7).sum()
#: Phones (frames) that the profile's own average weighs against those of the sentence.
_RATE_PRIOR_PHONES = 8
_SPREAD_PRIOR_FRAMES = 60
#: Silence that a pause loses to the tail of the sound before it, added when a pause is written.
_PAUSE_TAIL_S = 0.025


@dataclass(frozen=True)
class Strength:
    """How far the timbre is moved; the defaults were tuned.

    ``linear`` is the share of the linear map against the mean shift, ``exemplars`` how much is added of what
    the nearest pairs have beyond that map. More of either brings the voice nearer and costs words.
    ``sharpness`` deepens the formants, which averaging flattens; ``variance`` and ``detail`` are how much of
    the clip's variance and of the content's fine structure is kept, ``breath`` the share of the difference in
    noise. ``timbre`` False changes only prosody: the comparison of the benchmarks.
    """

    linear: float = 0.6
    exemplars: float = 0.3
    sharpness: float = 0.08
    variance: float = 0.5
    detail: float = 0.7
    breath: float = 1.0
    timbre: bool = True


class TimbreMap:
    """The envelope mapping of one or more profiles: linear, and exemplars nearest in the content's own space.

    The first profile is the style clip's and also gives means, variance and breath; pairs of further clips
    of the same voice (each warped alike) only add to the map and the choice.
    """

    def __init__(self, profiles: Sequence[ClipProfile], strength: Strength) -> None:
        self.main = profiles[0]
        self.strength = strength
        paired = [p for p in profiles if p.has_pairs] if self.main.has_pairs else []
        self._has_pairs = bool(paired)
        if paired:
            sources = np.concatenate([p.sources for p in paired])
            differences = np.concatenate([p.differences for p in paired])
            self._linear = LinearShift.fit(sources, differences)
            self._beyond_linear = differences - self._linear(sources)
            matched = sources[:, _MATCHED]
            self._scale = matched.std(axis=0) + 1e-6
            self._tree = cKDTree(matched / self._scale)

    def apply(self, content: Spoken) -> Frames:
        """The content's frames with the envelope and breath of the voice; F0 and timing untouched."""
        if not self.strength.timbre:
            return content.frames
        frames, voiced, main = content.frames, content.frames.voiced, self.main
        log_power = cepstra.warp(frames.log_power, main.warp)
        coded = cepstra.encode(log_power)
        shift = np.where(voiced[:, None], main.shift_voiced, main.shift_unvoiced)
        if self._has_pairs:
            linear, exemplars = self.strength.linear, self.strength.exemplars
            shift = (1 - linear) * shift + linear * self._linear(cepstra.in_context(coded))
            shift += exemplars * self._nearest(coded)
        shift = ndimage.convolve1d(shift, _SMOOTHING, axis=0, mode="nearest")
        if content.active.any():
            shift[:, 0] -= shift[content.active, 0].mean()  # level is matched at the end, on the sound
        moved = coded + shift
        if voiced.sum() > 10:
            mean = moved[voiced].mean(axis=0)
            gain = np.clip(main.deviation / (moved[voiced].std(axis=0) + 1e-6), 0.8, 1.35)
            gain = 1 + self.strength.variance * (gain - 1)
            moved[voiced] = mean + (moved[voiced] - mean) * gain
            moved[voiced, 2:] *= 1 + self.strength.sharpness
        fine = log_power - cepstra.decode(coded)
        noise = frames.aperiodicity.copy()
        noise[voiced] = np.clip(noise[voiced] + self.strength.breath * main.breath_shift, 0.0, 1.0)
        shaped = np.maximum(cepstra.decode(moved) + self.strength.detail * fine, LOG_FLOOR)
        return Frames(frames.f0_hz, shaped, noise)

    def _nearest(self, coded: Floats) -> Floats:
        """What the pairs nearest to each row have beyond the linear map, weighed by nearness, (T, ORDER)."""
        k = min(NEIGHBOURS, len(self._beyond_linear))
        distance, rows = self._tree.query(coded[:, _MATCHED] / self._scale, k=k)
        distance, rows = distance.reshape(len(coded), k), rows.reshape(len(coded), k)
        weight = np.exp(-((distance / (np.median(distance) + 1e-6)) ** 2)) + 1e-9
        weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray((self._beyond_linear[rows] * weight[:, :, None]).sum(axis=1))


def speak_sentence(
    content: Spoken, timbre: TimbreMap, *, speed: float, gap_s: float, seed: int
) -> npt.NDArray[np.float32]:
    """Float32 samples at RATE_HZ of one sentence in the manner of the style clip.

    ``gap_s`` is the silence that will follow; it counts towards the share of pauses.
    """
    profile = timbre.main
    frames = timbre.apply(content).with_f0(_mapped_f0(content, profile))
    rows = _timing(content, profile, speed, gap_s)
    silence = rows < 0
    frames = frames.take(np.maximum(rows, 0))
    frames.f0_hz[silence] = 0.0
    frames.log_power[silence] = LOG_FLOOR
    frames.aperiodicity[silence] = 1.0
    y = synthesise(frames, seed=seed)
    return to_active_level(y, RATE_HZ, profile.clip.prosody.level_db)


def silence(seconds: float) -> npt.NDArray[np.float32]:
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


def _mapped_f0(content: Spoken, profile: ClipProfile) -> Floats:
    """Content F0 with the clip's median and range, in log; what is far out is drawn in."""
    f0 = content.frames.f0_hz
    voiced = f0 > 0
    out = np.zeros_like(f0)
    wanted, own, usual = profile.clip.prosody, content.prosody, profile.content.prosody
    if not voiced.any() or not wanted.f0_median_hz:
        return f0
    count = int(voiced.sum())
    spread = np.average([own.f0_range_st, usual.f0_range_st], weights=[count, _SPREAD_PRIOR_FRAMES])
    semitones = 12 * np.log2(f0[voiced] / own.f0_median_hz) * wanted.f0_range_st / max(spread, 0.5)
    reach = max(1.2 * wanted.f0_range_st, 0.5)
    out[voiced] = wanted.f0_median_hz * 2 ** (np.clip(semitones, -reach, reach) / 12)
    return np.clip(out, *F0_LIMITS_HZ) * voiced


def _timing(content: Spoken, profile: ClipProfile, speed: float, gap_s: float) -> npt.NDArray[np.int64]:
    """Content frame numbers in the order in which they are spoken; -1 is inserted silence."""
    where = np.flatnonzero(content.active)
    if not len(where):
        return np.arange(len(content.frames))
    first, last = int(where[0]), int(where[-1]) + 1
    tempo = _tempo(content, profile, speed)
    own = pauses(content.active)
    own_s = sum(b - a for a, b in own) * HOP_S / tempo
    speech_s = content.prosody.speech_s / tempo
    ratio = min(profile.clip.prosody.pause_ratio, PAUSE_RATIO_MAX)
    wanted_s = max(0.0, ratio / (1 - ratio) * speech_s - gap_s)
    kept = min(1.0, wanted_s / own_s) if own_s else 1.0
    added = _added_pauses(content, own, wanted_s - own_s * kept, profile.clip.prosody.mean_pause_s / speed)
    pieces: list[npt.NDArray[np.int64]] = []
    cuts = sorted([(a, b, kept * (b - a) / tempo) for a, b in own] + [(p, p, s / HOP_S) for p, s in added])
    position = first
    for start, end, frames in cuts:
        pieces += [_stretched(position, max(start, position), tempo), _pause(start, end, frames)]
        position = max(end, position)
    return np.concatenate([*pieces, _stretched(position, last, tempo)])


def _tempo(content: Spoken, profile: ClipProfile, speed: float) -> float:
    """What is left to stretch after the content was spoken at about the right pace."""
    if not profile.rate_per_s or not content.prosody.rate_per_s:
        return 1.0
    usual = profile.content.prosody.rate_per_s or content.prosody.rate_per_s
    n = content.phones
    rate = (n * content.prosody.rate_per_s + _RATE_PRIOR_PHONES * usual * speed) / (n + _RATE_PRIOR_PHONES)
    return float(np.clip(profile.rate_per_s * speed / rate, 0.3, 3.0))


def _added_pauses(
    content: Spoken, own: list[tuple[int, int]], missing_s: float, usual_s: float
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
    level = content.frames.level_db
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
