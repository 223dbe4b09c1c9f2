"""Speaking a job: whole, or segment by segment where its text had markup, each in its own style, pace and pitch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from accounts.consent.pronounced import refuse_excluded
from accounts.voices.models import Clip
from synth.audio.decode import DecodeLimits
from synth.audio.edit import edit
from synth.audio.joining import joined, natural_pause_s
from synth.audio.resample import resample
from synth.engines.base import (
    BLEND,
    PRONUNCIATIONS,
    Engine,
    ReferenceClip,
    SpeakRequest,
    SpeaksWithOwnWeights,
    Speech,
)
from synth.errors import AssentError
from synth.jobs import script, selectors
from synth.jobs.models import SynthesisJob
from synth.jobs.services import words_of
from synth.text.dictionary import NO_WORDS, Dictionary
from worker.decoding import decode_stored

_CLIP_LIMITS = DecodeLimits(max_duration_s=60.0)

# Shown beside the speech; pages translate them.
SAMPLING_IGNORED = (
    "The engine in use draws nothing at random: preset, temperature, top-k, top-p and penalty were ignored."
)
STRENGTH_IGNORED = "The engine in use cannot change the strength of a style: it was ignored."
BLEND_IGNORED = "The engine in use cannot blend styles: the one with the largest weight was used."
READINGS_IGNORED = "The engine in use takes no pronunciations: the words were read by its own rules."
WEIGHTS_IGNORED = "The engine in use cannot speak with the voice's own weights."
PITCH_EDITED = "The pitch was changed after speaking, which costs some clarity."


@dataclass(frozen=True, eq=False)
class Part:
    """A stretch of the text with one manner. ``pause_s`` None is the pause that speech would have."""

    text: str
    style_name: str
    clip: ReferenceClip | None  # None for a part that is only a pause
    weight: float = 1.0
    blend: tuple[tuple[ReferenceClip, float], ...] = ()
    rate: float = 1.0
    pitch_semitones: float = 0.0
    pause_s: float | None = None
    dictionary: Dictionary = NO_WORDS


@dataclass(frozen=True, eq=False)
class Spoken:
    """The speech of a job, and the share of it by which its following of a clip is judged."""

    speech: Speech
    judged: Speech
    judged_text: str
    clip: ReferenceClip
    style_name: str
    speed: float
    own_weights: bool


def speak(
    engine: Engine,
    job: SynthesisJob,
    *,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> Spoken:
    """Speak every part and put them together. Raises Cancelled, and AssentError as the engine does.

    What the engine cannot do is left out, and said in the speech's warnings.
    """
    clips = Clips()
    parts = parts_of(job, clips)
    own_weights = job.weights is not None and isinstance(engine, SpeaksWithOwnWeights)
    if PRONUNCIATIONS in engine.supports:
        refuse_excluded(job.consent.scope, job.language, [(part.text, part.dictionary) for part in parts])
    warnings = _left_out(engine, job, parts)
    timbre = [clips.read(style.clip, style.name) for style in selectors.neutral_first(job.timbre.all())]
    total = sum(len(part.text) for part in parts)
    speeches: list[Speech | None] = []
    done = 0
    for index, part in enumerate(parts):
        if part.clip is None:
            speeches.append(None)
            continue

        def on_part(share: float, before: int = done, length: int = len(part.text)) -> None:
            on_progress((before + share * length) / total)

        request = _request(engine, job, part, timbre or [part.clip], index)
        if own_weights and isinstance(engine, SpeaksWithOwnWeights):
            speech = engine.speak(
                request, on_progress=on_part, should_stop=should_stop, weights_of=str(job.voice_id)
            )
            _check_weights(job, speech)
        else:
            speech = engine.speak(request, on_progress=on_part, should_stop=should_stop)
        speeches.append(_pitched(speech, part, job.seed))
        done += len(part.text)
    return _spoken(job, parts, speeches, warnings, own_weights)


class Clips:
    """The clips of one job as samples, each read once: decoding one starts a process."""

    def __init__(self) -> None:
        self._read: dict[UUID, ReferenceClip] = {}

    def read(self, clip: Clip | None, style_name: str = "") -> ReferenceClip:
        """A kept clip. AssentError ``clip_erased`` when its file is gone."""
        erased = AssentError("clip_erased", "The recording of this style was erased.", http_status=403)
        if clip is None or not clip.file:
            raise erased
        if clip.pk not in self._read:
            try:
                audio = decode_stored(clip.file.name or "", limits=_CLIP_LIMITS)
            except FileNotFoundError:  # a moment ago: the next beat would have stopped the job
                raise erased from None
            self._read[clip.pk] = ReferenceClip(
                samples=audio.mono(),
                sample_rate_hz=audio.sample_rate_hz,
                transcript=clip.transcript,
                language=clip.language,
                style_name=style_name,
            )
        return self._read[clip.pk]


def parts_of(job: SynthesisJob, clips: Clips) -> list[Part]:
    """What is to be spoken, in order, with the clips read; one part for plain text."""
    further = {str(row.style_id): row for row in job.further_styles.all()}
    words = words_of(job.dictionary)

    def clip_of(style_id: str) -> ReferenceClip:
        return clips.read(further[style_id].clip, further[style_id].style.name)

    own = str(job.style_id) if job.style_id else ""
    style_name = job.style.name if job.style else ""
    lead = clips.read(job.clip, style_name)
    weight = (further[own].weight if own in further else None) or 1.0
    blend = tuple(
        (clip_of(style_id), row.weight)
        for style_id, row in further.items()
        if row.weight is not None and style_id != own
    )
    if not job.segments:
        return [Part(job.text, style_name, lead, weight, blend, dictionary=words)]
    parts = []
    for kept in job.segments:
        segment, style_id = script.from_json(kept)
        manner: dict[str, Any] = {"style_name": style_name, "clip": lead, "weight": weight, "blend": blend}
        if style_id is not None:
            manner = {"style_name": further[style_id].style.name, "clip": clip_of(style_id)}
        if not segment.text:
            manner = {"style_name": "", "clip": None}
        parts.append(
            Part(
                segment.text,
                **manner,
                rate=segment.rate,
                pitch_semitones=segment.pitch_semitones,
                pause_s=segment.pause_s,
                dictionary=_merged(words, segment.words),
            )
        )
    return parts


def _merged(words: Dictionary, inside: Dictionary) -> Dictionary:
    """Pronunciations given in the text come before those of the organisation."""
    if not inside.entries:
        return words
    entries = {(entry.language, entry.word): entry for entry in (*words.entries, *inside.entries)}
    return Dictionary(tuple(sorted(entries.values())))


def _request(
    engine: Engine, job: SynthesisJob, part: Part, timbre: Sequence[ReferenceClip], index: int
) -> SpeakRequest:
    if part.clip is None:
        raise ValueError("a pause is not spoken")
    reads = PRONUNCIATIONS in engine.supports
    return SpeakRequest(
        # An engine without pronunciations still gets aliases: they are only other words.
        text=part.text if reads else part.dictionary.with_aliases(part.text, job.language),
        language=job.language,
        voice_clips=timbre,
        style_clip=part.clip,
        speed=job.speed * part.rate,
        seed=(job.seed + 7919 * index) % 2**31,
        params={name: value for name, value in job.parameters.items() if name in engine.supports},
        style_weight=part.weight,
        blend=part.blend if BLEND in engine.supports else (),
        dictionary=part.dictionary if reads else NO_WORDS,
    )


def _left_out(engine: Engine, job: SynthesisJob, parts: Sequence[Part]) -> list[str]:
    """One sentence for each thing that was asked for and that this engine cannot do."""
    ignored = job.parameters.keys() - engine.supports
    reads = PRONUNCIATIONS in engine.supports
    said = {
        SAMPLING_IGNORED: bool(ignored - {"style_strength"}),
        STRENGTH_IGNORED: "style_strength" in ignored,
        BLEND_IGNORED: BLEND not in engine.supports and any(part.blend for part in parts),
        READINGS_IGNORED: not reads and any(_has_reading(part, job.language) for part in parts),
        WEIGHTS_IGNORED: job.weights is not None and not isinstance(engine, SpeaksWithOwnWeights),
        PITCH_EDITED: any(part.pitch_semitones for part in parts),
    }
    return [sentence for sentence, is_so in said.items() if is_so]


def _has_reading(part: Part, language: str) -> bool:
    text = part.text.lower()
    return any(word.lower() in text for word in part.dictionary.words(language))


def _check_weights(job: SynthesisJob, speech: Speech) -> None:
    """The files that spoke must be those that the consent's holder was told of."""
    if job.weights is None:
        return
    if speech.details.get("weights") != {"s1": job.weights.s1_sha256, "s2": job.weights.s2_sha256}:
        raise AssentError(
            "weights_changed",
            "The files of the voice's own weights are not those that were added for it.",
            http_status=500,
        )


def _pitched(speech: Speech, part: Part, seed: int) -> Speech:
    if not part.pitch_semitones:
        return speech
    ratio = 2 ** (part.pitch_semitones / 12)
    samples, rate_hz = edit(speech.samples, speech.sample_rate_hz, f0_ratio=ratio, seed=seed)
    samples = np.clip(resample(samples, rate_hz, speech.sample_rate_hz), -1.0, 1.0)
    return Speech(samples, speech.sample_rate_hz, speech.content_source, speech.warnings, speech.details)


def _spoken(
    job: SynthesisJob,
    parts: Sequence[Part],
    speeches: Sequence[Speech | None],
    warnings: Sequence[str],
    own_weights: bool,
) -> Spoken:
    """All parts as one, and the largest group of one manner as what is judged."""
    groups: dict[tuple[str, float, float], list[int]] = {}
    for index, part in enumerate(parts):
        if speeches[index] is not None:
            groups.setdefault((part.style_name, part.rate, part.pitch_semitones), []).append(index)

    def weight(manner: tuple[str, float, float]) -> tuple[bool, int]:
        return not manner[2], sum(len(parts[index].text) for index in groups[manner])

    manner = max(groups, key=weight)
    members = groups[manner]
    first = parts[members[0]]
    if first.clip is None:
        raise RuntimeError("a group of one manner is spoken")
    whole = _together(job, parts, speeches, range(len(parts)), warnings)
    return Spoken(
        speech=whole,
        judged=whole if len(parts) == 1 else _together(job, parts, speeches, members, ()),
        judged_text="".join(parts[index].text for index in members),
        clip=first.clip,
        style_name=first.style_name,
        speed=job.speed * first.rate,
        own_weights=own_weights,
    )


def _together(
    job: SynthesisJob,
    parts: Sequence[Part],
    speeches: Sequence[Speech | None],
    which: Sequence[int],
    warnings: Sequence[str],
) -> Speech:
    sounding = [speech for index in which if (speech := speeches[index]) is not None]
    rate_hz = sounding[0].sample_rate_hz
    pieces: list[tuple[np.ndarray, float]] = []
    for index in which:
        part, speech = parts[index], speeches[index]
        is_last = index == which[-1]
        natural_s = 0.0 if is_last else natural_pause_s(part.text) / job.speed
        samples = speech.samples if speech is not None else np.zeros(0, dtype=np.float32)
        pieces.append((samples, natural_s if part.pause_s is None else part.pause_s))
    said = [*warnings, *(sentence for speech in sounding for sentence in speech.warnings)]
    phones = [speech.details.get("phones") for speech in sounding]
    return Speech(
        samples=joined(pieces, rate_hz) if len(pieces) > 1 else sounding[0].samples,
        sample_rate_hz=rate_hz,
        content_source="; ".join(dict.fromkeys(speech.content_source for speech in sounding))[:64],
        warnings=list(dict.fromkeys(said)),
        details={**sounding[0].details, "phones": sum(phones) if all(phones) else None},
    )
