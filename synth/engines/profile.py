"""What the preview engine learns from one clip: how it was said, and what to do to the content's timbre.

The content program speaks the clip's own transcript at the clip's own pace. That gives a parallel pair by
construction: the two are aligned by dynamic time warping, and from the pairs come one vocal-tract factor,
mean envelope shifts and a set of exemplars (content frame, difference to the clip).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synth.audio.f0 import HOP_S
from synth.audio.loudness import active_frames, frame_levels_db
from synth.audio.prosody import Prosody, from_frames
from synth.audio.vocoder import BANDS, RATE_HZ, Frames, analyse
from synth.engines import cepstra
from synth.engines.alignment import align
from synth.engines.base import ReferenceClip
from synth.engines.content import ContentVoice
from synth.engines.sentences import split_sentences

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Vocal-tract factors that are tried.
WARPS = np.arange(0.91, 1.1301, 0.02)
#: Tempo at which the content program still speaks well; the rest is stretched.
PACE_LIMITS = (0.55, 2.0)
#: Aligned frames must be this much nearer than those of the clip played backwards; else the transcript is
#: not what the clip says. Seen: 0.79 to 0.89 for the right words, 0.92 to 1.07 for others.
MAX_ALIGNMENT_RATIO = 0.92
#: Longest part of a clip that is looked at.
MAX_CLIP_S = 45.0
#: Spoken where a clip has no transcript: digits can be read in every language.
GENERIC_TEXT = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"
_ALIGN_ROWS_MAX = 2000


@dataclass(frozen=True, eq=False)
class Spoken:
    """Analysed speech: frames, which of them are active, and the prosody."""

    frames: Frames
    active: Mask
    prosody: Prosody
    phones: int
    word_starts_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class ClipProfile:
    """See the module. ``sources`` and ``differences`` are (pairs, ORDER), empty in statistics-only mode."""

    clip: Spoken
    content: Spoken
    rate_per_s: float | None
    pace: float
    warp: float
    shift_voiced: Floats
    shift_unvoiced: Floats
    breath_shift: Floats
    deviation: Floats
    sources: Floats
    differences: Floats
    alignment_ratio: float | None
    warnings: list[str]

    @property
    def has_pairs(self) -> bool:
        return len(self.sources) > 0


def analyse_speech(
    samples: npt.NDArray[np.float32],
    sample_rate_hz: int,
    phones: int,
    word_starts_s: list[float] | None = None,
) -> Spoken:
    """Vocoder frames and prosody of mono speech, its band continued up to the vocoder's."""
    frames = analyse(samples, sample_rate_hz)
    filled = cepstra.fill_above(frames.log_power, sample_rate_hz / 2)
    frames = Frames(frames.f0_hz, filled, frames.aperiodicity)
    levels = frame_levels_db(samples, sample_rate_hz, hop_s=HOP_S)
    count = min(len(levels), len(frames))
    frames, levels = frames.take(np.arange(count)), levels[:count]
    active = active_frames(levels)
    prosody = from_frames(frames.f0_hz, levels, active, units=phones or None)
    return Spoken(frames, active, prosody, phones, word_starts_s or [])


def render(voice: ContentVoice, text: str, pace: float) -> Spoken:
    """Have ``voice`` speak one sentence, and analyse it."""
    said = voice.render(text, pace=float(np.clip(pace, *PACE_LIMITS)))
    return analyse_speech(said.samples, said.sample_rate_hz, said.phones, said.word_starts_s)


def build(clip: ReferenceClip, voice: ContentVoice) -> ClipProfile:
    """Learn from ``clip`` with ``voice`` speaking its transcript. Deterministic."""
    warnings: list[str] = []
    samples = clip.samples[: int(MAX_CLIP_S * clip.sample_rate_hz)]
    transcript = clip.transcript.strip()
    if transcript and len(samples) < len(clip.samples):
        transcript = ""
        warnings.append("The clip is longer than 45 s; only its beginning was used, without the transcript.")
    elif not transcript:
        warnings.append("The clip has no transcript: only its averages are followed.")
    text = transcript or GENERIC_TEXT
    plain = _render_all(voice, text, 1.0)
    reference = analyse_speech(samples, clip.sample_rate_hz, plain.phones if transcript else 0)
    if reference.prosody.speech_s < 3.0:
        warnings.append("The clip holds less than 3 s of speech; what is learnt from it is rough.")
    if transcript:
        pace = (reference.prosody.rate_per_s or 1.0) / (plain.prosody.rate_per_s or 1.0)
    else:
        pace = (reference.prosody.syllables_per_s or 1.0) / (plain.prosody.syllables_per_s or 1.0)
        pace = float(np.clip(pace, 0.6, 1.6))
    pace = float(np.clip(pace, 0.3, 3.0))
    content = _render_all(voice, text, pace)
    if transcript:
        return _with_pairs(reference, content, pace, warnings)
    rate = (content.prosody.rate_per_s or 0.0) * pace / float(np.clip(pace, *PACE_LIMITS)) or None
    return _statistics_only(reference, content, rate, pace, None, warnings)


def _render_all(voice: ContentVoice, text: str, pace: float) -> Spoken:
    """All sentences of ``text`` one after the other, as one piece of speech."""
    parts = [voice.render(s, pace=float(np.clip(pace, *PACE_LIMITS))) for s in split_sentences(text)]
    if not parts:
        return render(voice, text, pace)  # raises the plain "nothing to speak"
    samples = np.concatenate([p.samples for p in parts])
    return analyse_speech(samples, parts[0].sample_rate_hz, sum(p.phones for p in parts))


def _with_pairs(reference: Spoken, content: Spoken, pace: float, warnings: list[str]) -> ClipProfile:
    rate = reference.prosody.rate_per_s
    ref_rows, src_rows = np.flatnonzero(reference.active), np.flatnonzero(content.active)
    step = max(2, int(np.ceil(max(len(ref_rows), len(src_rows)) / _ALIGN_ROWS_MAX)))
    ref_rows, src_rows = ref_rows[::step], src_rows[::step]
    target = cepstra.encode(reference.frames.log_power)
    ref_features = _normalised(target, reference.active)[ref_rows]

    def paired(source: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]:
        a, b, distance = align(_normalised(source, content.active)[src_rows], ref_features)
        return src_rows[a], ref_rows[b], distance

    if min(len(ref_rows), len(src_rows)) < 20:
        warnings.append("The clip is too short to be compared word by word: only its averages are followed.")
        return _statistics_only(reference, content, rate, pace, None, warnings)
    src, ref, distance = paired(cepstra.encode(content.frames.log_power))
    both = content.frames.voiced[src] & reference.frames.voiced[ref]
    factor = _best_warp(content.frames.log_power[src[both]], target[ref[both]]) if both.sum() > 10 else 1.0
    source = cepstra.encode(cepstra.warp(content.frames.log_power, factor))
    src, ref, distance = paired(source)
    backwards = align(_normalised(source, content.active)[src_rows], ref_features[::-1])[2]
    if distance > MAX_ALIGNMENT_RATIO * backwards:
        warnings.append("The transcript does not seem to match the clip: only its averages are followed.")
        return _statistics_only(reference, content, rate, pace, distance / backwards, warnings)
    difference = target[ref] - source[src]
    voiced = content.frames.voiced[src]
    shift_voiced = difference[voiced].mean(axis=0) if voiced.any() else difference.mean(axis=0)
    shift_unvoiced = difference[~voiced].mean(axis=0) if (~voiced).sum() > 10 else shift_voiced
    return ClipProfile(
        reference,
        content,
        rate,
        pace,
        factor,
        shift_voiced,
        shift_unvoiced,
        _breath_shift(reference, content),
        _deviation(target, reference),
        source[src],
        difference,
        distance / backwards,
        warnings,
    )


def _statistics_only(
    reference: Spoken,
    content: Spoken,
    rate: float | None,
    pace: float,
    alignment_ratio: float | None,
    warnings: list[str],
) -> ClipProfile:
    target, source = cepstra.encode(reference.frames.log_power), cepstra.encode(content.frames.log_power)

    def mean_shift(ref: Mask, src: Mask) -> Floats:
        if ref.sum() < 10 or src.sum() < 10:
            return np.zeros(cepstra.ORDER)
        return np.asarray(target[ref].mean(axis=0) - source[src].mean(axis=0))

    voiced = mean_shift(reference.frames.voiced, content.frames.voiced)
    return ClipProfile(
        reference,
        content,
        rate,
        pace,
        1.0,
        voiced,
        mean_shift(reference.active & ~reference.frames.voiced, content.active & ~content.frames.voiced),
        _breath_shift(reference, content),
        _deviation(target, reference),
        np.zeros((0, cepstra.ORDER)),
        np.zeros((0, cepstra.ORDER)),
        alignment_ratio,
        warnings,
    )


def _normalised(coded: Floats, active: Mask) -> Floats:
    """Cepstra 1 to 13 with the mean and spread of the active frames taken out."""
    part = coded[:, 1:14]
    return np.asarray((part - part[active].mean(axis=0)) / (part[active].std(axis=0) + 1e-6))


def _best_warp(source_log_power: Floats, target: Floats) -> float:
    """The factor that brings aligned voiced frames closest, their mean difference apart."""
    wanted = target[:, 1:] - target[:, 1:].mean(axis=0)

    def distance(factor: float) -> float:
        moved = cepstra.encode(cepstra.warp(source_log_power, factor))[:, 1:]
        return float(np.sqrt(((moved - moved.mean(axis=0) - wanted) ** 2).sum(axis=1)).mean())

    return float(min(WARPS, key=distance))


def _breath_shift(reference: Spoken, content: Spoken) -> Floats:
    ref, src = reference.frames.voiced, content.frames.voiced
    if not (ref.any() and src.any()):
        return np.zeros(BANDS)
    wanted, own = reference.frames.aperiodicity[ref], content.frames.aperiodicity[src]
    return np.asarray(wanted.mean(axis=0) - own.mean(axis=0))


def _deviation(target: Floats, reference: Spoken) -> Floats:
    voiced = reference.frames.voiced
    return np.asarray(target[voiced].std(axis=0) if voiced.any() else target.std(axis=0))


__all__ = ["RATE_HZ", "ClipProfile", "Spoken", "analyse_speech", "build", "render"]
