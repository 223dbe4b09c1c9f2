"""What the preview engine learns from one clip: how it was said, and what to do to the content's timbre.

The content program speaks the clip's own transcript at the clip's own pace. That gives a parallel pair by
construction: the two are aligned by dynamic time warping, and from the pairs come one vocal-tract factor,
mean envelope shifts, a linear map and a set of exemplars (content frame, difference to the clip).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from synth.audio.f0 import HOP_S
from synth.audio.loudness import active_frames, frame_levels_db
from synth.audio.prosody import Prosody, from_frames
from synth.audio.vocoder import BANDS, Frames, analyse
from synth.engines import cepstra
from synth.engines.alignment import align
from synth.engines.base import ReferenceClip
from synth.engines.content import ContentVoice
from synth.engines.mapping import LinearShift
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
#: Phones per second that a person can speak; a transcript that asks for more or less is not the clip's.
PLAUSIBLE_RATE = (3.0, 28.0)
#: Longest part of a clip that is looked at.
MAX_CLIP_S = 45.0
#: Spoken where a clip has no transcript: digits can be read in every language.
GENERIC_TEXT = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"
#: How often the content is aligned anew after it was moved nearer to the clip.
_REALIGNMENTS = 2
_ALIGN_ROWS_MIN, _ALIGN_ROWS_MAX = 20, 2000


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
    """See the module. ``sources`` (pairs, 3 * ORDER, see :func:`cepstra.in_context`) and ``differences``
    (pairs, ORDER) are empty in statistics-only mode."""

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
    """Learn from ``clip`` with ``voice`` speaking its transcript. Deterministic.

    Without a transcript, or with one that is not what the clip says, only averages are learnt
    (``has_pairs`` is False) and ``warnings`` says so.
    """
    warnings: list[str] = []
    samples, transcript = clip.samples[: int(MAX_CLIP_S * clip.sample_rate_hz)], clip.transcript.strip()
    reference = analyse_speech(samples, clip.sample_rate_hz, 0)
    if reference.prosody.speech_s < 3.0:
        warnings.append("The clip holds less than 3 s of speech; what is learnt from it is rough.")
    if not transcript:
        warnings.append("The clip has no transcript: only its averages are followed.")
    elif len(samples) < len(clip.samples):
        warnings.append("The clip is longer than 45 s: only averages of its beginning are followed.")
    else:
        profile = _with_pairs(reference, transcript, voice, warnings)
        if profile is not None:
            return profile
        warnings.append("The transcript does not seem to match the clip: only its averages are followed.")
    return _statistics_only(reference, voice, warnings)


def _render_all(voice: ContentVoice, text: str, pace: float) -> Spoken:
    """All sentences of ``text`` one after the other, as one piece of speech."""
    parts = [voice.render(s, pace=float(np.clip(pace, *PACE_LIMITS))) for s in split_sentences(text)]
    if not parts:
        return render(voice, text, pace)  # raises the plain "nothing to speak"
    samples = np.concatenate([p.samples for p in parts])
    return analyse_speech(samples, parts[0].sample_rate_hz, sum(p.phones for p in parts))


def _with_pairs(
    reference: Spoken, transcript: str, voice: ContentVoice, warnings: list[str]
) -> ClipProfile | None:
    """The full profile, or None when the transcript is not what the clip says."""
    plain = _render_all(voice, transcript, 1.0)
    rate = plain.phones / max(reference.prosody.speech_s, HOP_S)
    if not PLAUSIBLE_RATE[0] <= rate <= PLAUSIBLE_RATE[1]:
        return None
    reference = replace(reference, phones=plain.phones, prosody=replace(reference.prosody, rate_per_s=rate))
    pace = float(np.clip(rate / (plain.prosody.rate_per_s or rate), 0.3, 3.0))
    content = _render_all(voice, transcript, pace)
    ref_rows, src_rows = np.flatnonzero(reference.active), np.flatnonzero(content.active)
    step = max(2, int(np.ceil(max(len(ref_rows), len(src_rows)) / _ALIGN_ROWS_MAX)))
    ref_rows, src_rows = ref_rows[::step], src_rows[::step]
    if min(len(ref_rows), len(src_rows)) < _ALIGN_ROWS_MIN:
        return None
    target = cepstra.encode(reference.frames.log_power)
    ref_features = _normalised(target, reference.active)[ref_rows]

    def features(source: Floats) -> Floats:
        return _normalised(source, content.active)[src_rows]

    rows, ref_at, _ = align(features(cepstra.encode(content.frames.log_power)), ref_features)
    src, ref = src_rows[rows], ref_rows[ref_at]
    both = content.frames.voiced[src] & reference.frames.voiced[ref]
    factor = _best_warp(content.frames.log_power[src[both]], target[ref[both]]) if both.sum() > 10 else 1.0
    source = cepstra.encode(cepstra.warp(content.frames.log_power, factor))
    rows, ref_at, distance = align(features(source), ref_features)
    src, ref = src_rows[rows], ref_rows[ref_at]
    ratio = distance / align(features(source), ref_features[::-1])[2]
    if ratio > MAX_ALIGNMENT_RATIO:
        return None
    context = cepstra.in_context(source)
    for _ in range(_REALIGNMENTS):
        shift = LinearShift.fit(context[src], target[ref] - source[src])
        rows, ref_at, _ = align(features(source + shift(context)), ref_features)
        src, ref = src_rows[rows], ref_rows[ref_at]
    difference = target[ref] - source[src]
    voiced = content.frames.voiced[src]
    shift_voiced = difference[voiced].mean(axis=0) if voiced.any() else difference.mean(axis=0)
    return ClipProfile(
        clip=reference,
        content=content,
        rate_per_s=rate,
        pace=pace,
        warp=factor,
        shift_voiced=shift_voiced,
        shift_unvoiced=difference[~voiced].mean(axis=0) if (~voiced).sum() > 10 else shift_voiced,
        breath_shift=_breath_shift(reference, content),
        deviation=_deviation(target, reference),
        sources=context[src],
        differences=difference,
        alignment_ratio=ratio,
        warnings=warnings,
    )


def _statistics_only(reference: Spoken, voice: ContentVoice, warnings: list[str]) -> ClipProfile:
    """Averages against digits read aloud; the pace is compared by syllables heard in the sound."""
    plain = _render_all(voice, GENERIC_TEXT, 1.0)
    heard, own = reference.prosody.syllables_per_s, plain.prosody.syllables_per_s
    pace = float(np.clip(heard / own, 0.6, 1.6)) if heard and own else 1.0
    content = _render_all(voice, GENERIC_TEXT, pace)
    target, source = cepstra.encode(reference.frames.log_power), cepstra.encode(content.frames.log_power)

    def mean_shift(ref: Mask, src: Mask) -> Floats:
        if ref.sum() < 10 or src.sum() < 10:
            return np.zeros(cepstra.ORDER)
        return np.asarray(target[ref].mean(axis=0) - source[src].mean(axis=0))

    return ClipProfile(
        clip=reference,
        content=content,
        rate_per_s=content.prosody.rate_per_s,
        pace=pace,
        warp=1.0,
        shift_voiced=mean_shift(reference.frames.voiced, content.frames.voiced),
        shift_unvoiced=mean_shift(
            reference.active & ~reference.frames.voiced, content.active & ~content.frames.voiced
        ),
        breath_shift=_breath_shift(reference, content),
        deviation=_deviation(target, reference),
        sources=np.zeros((0, 3 * cepstra.ORDER)),
        differences=np.zeros((0, cepstra.ORDER)),
        alignment_ratio=None,
        warnings=warnings,
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
