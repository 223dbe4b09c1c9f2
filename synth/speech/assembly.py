"""Speaking a passage: whole, or part by part where its text had markup, each in its own style, pace and pitch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from synth.audio.edit import edit
from synth.audio.joining import natural_pause_s, placed
from synth.audio.resample import resample
from synth.engines.base import (
    BLEND,
    PRONUNCIATIONS,
    Engine,
    ReferenceClip,
    SpeakRequest,
    SpeaksWithOwnWeights,
    Speech,
    ignore_progress,
)
from synth.errors import AssentError
from synth.speech import rhythm
from synth.text.dictionary import NO_WORDS, Dictionary

# Shown beside the speech; pages translate them.
SAMPLING_IGNORED = (
    "The engine in use draws nothing at random: preset, temperature, top-k, top-p and penalty were ignored."
)
CUTS_IGNORED = "The engine in use cuts the text by its own rules: the cut method was ignored."
STRENGTH_IGNORED = "The engine in use cannot change the strength of a style: it was ignored."
BLEND_IGNORED = "The engine in use cannot blend styles: the one with the largest weight was used."
READINGS_IGNORED = "The engine in use takes no pronunciations: the words were read by its own rules."
WEIGHTS_IGNORED = "The engine in use cannot speak with the voice's own weights."
PITCH_EDITED = "The pitch was changed after speaking, which costs some clarity."


@dataclass(frozen=True, eq=False)
class Part:
    """A stretch of the text with one manner. ``clip`` None: only a pause. ``pause_s`` None: the pause that speech would
    have. ``rate`` multiplies the pace of the passage. ``is_notice``: no part of the text, but the notice that it is
    synthetic; without a clip it is the rhythm."""

    text: str
    style_name: str
    clip: ReferenceClip | None
    weight: float = 1.0
    blend: tuple[tuple[ReferenceClip, float], ...] = ()
    rate: float = 1.0
    pitch_semitones: float = 0.0
    pause_s: float | None = None
    dictionary: Dictionary = NO_WORDS
    is_notice: bool = False


@dataclass(frozen=True)
class OwnWeights:
    """Weights of one voice, and the SHA-256 of their files as they were permitted."""

    voice: str
    s1_sha256: str
    s2_sha256: str


@dataclass(frozen=True, eq=False)
class Passage:
    """What is to be spoken, in order. ``voice_clips`` show the voice's timbre; none: that of each part's own clip."""

    parts: Sequence[Part]
    language: str
    speed: float
    seed: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    voice_clips: Sequence[ReferenceClip] = ()
    own_weights: OwnWeights | None = None


#: Given a speech, its request, and what speaks another request in the same way: the speech to be used, with its
#: segments heard.
Listen = Callable[[Speech, SpeakRequest, Callable[[SpeakRequest], Speech]], Speech]


@dataclass(frozen=True, eq=False)
class Spoken:
    """The speech of a passage, and the share of it by which its following of a clip is judged."""

    speech: Speech
    judged: Speech
    judged_text: str
    clip: ReferenceClip
    style_name: str
    speed: float
    own_weights: bool


def speak(
    engine: Engine,
    passage: Passage,
    *,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
    listen: Listen | None = None,
) -> Spoken:
    """Speak every part and put them together; ``listen`` hears each. Raises Cancelled, and AssentError as the engine
    does.

    What the engine cannot do is left out, and said in the speech's warnings.
    """
    warnings = left_out(engine, passage)
    total = sum(len(part.text) for part in passage.parts)
    speeches: list[Speech | None] = []
    done = 0
    for index, part in enumerate(passage.parts):
        if part.clip is None:
            speeches.append(None)
            continue

        def on_part(share: float, before: int = done, length: int = len(part.text)) -> None:
            on_progress((before + share * length) / total)

        request = request_of(engine, passage, part, part.clip, index)
        speech = spoken_by(engine, request, passage.own_weights, on_part, should_stop)
        if listen is not None:

            def again(other: SpeakRequest) -> Speech:
                return spoken_by(engine, other, passage.own_weights, ignore_progress, should_stop)

            speech = listen(speech, request, again)
        speeches.append(pitched(speech, part, passage.seed))
        done += len(part.text)
    return put_together(passage, speeches, warnings, uses_own_weights(engine, passage))


def uses_own_weights(engine: Engine, passage: Passage) -> bool:
    return passage.own_weights is not None and isinstance(engine, SpeaksWithOwnWeights)


def spoken_by(
    engine: Engine,
    request: SpeakRequest,
    own: OwnWeights | None,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> Speech:
    """One part. The files that spoke must be those that the consent's holder was told of."""
    if own is None or not isinstance(engine, SpeaksWithOwnWeights):
        return engine.speak(request, on_progress=on_progress, should_stop=should_stop)
    speech = engine.speak(request, on_progress=on_progress, should_stop=should_stop, weights_of=own.voice)
    require_own_weights(speech, own)
    return speech


def require_own_weights(speech: Speech, own: OwnWeights | None) -> None:
    """AssentError ``weights_changed`` unless the files that spoke are ``own``'s as they were permitted."""
    if own is not None and speech.details.get("weights") != {"s1": own.s1_sha256, "s2": own.s2_sha256}:
        raise AssentError(
            "weights_changed",
            "The files of the voice's own weights are not those that were added for it.",
            http_status=500,
        )


def request_of(engine: Engine, passage: Passage, part: Part, clip: ReferenceClip, index: int) -> SpeakRequest:
    """What the engine is asked for the passage's part ``index``."""
    reads = PRONUNCIATIONS in engine.supports
    # A notice leaves the seeds of the text's own parts as they are: the same words, spoken the same.
    number = sum(not one.is_notice for one in passage.parts[:index]) + (10_000 if part.is_notice else 0)
    return SpeakRequest(
        # An engine without pronunciations still gets aliases: they are only other words.
        text=part.text if reads else part.dictionary.with_aliases(part.text, passage.language),
        language=passage.language,
        voice_clips=passage.voice_clips or [clip],
        style_clip=clip,
        speed=passage.speed * part.rate,
        seed=(passage.seed + 7919 * number) % 2**31,
        params={name: value for name, value in passage.parameters.items() if name in engine.supports},
        style_weight=part.weight,
        blend=part.blend if BLEND in engine.supports else (),
        dictionary=part.dictionary if reads else NO_WORDS,
    )


def left_out(engine: Engine, passage: Passage) -> list[str]:
    """One sentence for each thing that was asked for and that this engine cannot do."""
    parts = passage.parts
    ignored = passage.parameters.keys() - engine.supports
    reads = PRONUNCIATIONS in engine.supports
    said = {
        SAMPLING_IGNORED: bool(ignored - {"style_strength", "cut_method"}),
        CUTS_IGNORED: "cut_method" in ignored,
        STRENGTH_IGNORED: "style_strength" in ignored,
        BLEND_IGNORED: BLEND not in engine.supports and any(part.blend for part in parts),
        READINGS_IGNORED: not reads and any(_has_reading(part, passage.language) for part in parts),
        WEIGHTS_IGNORED: passage.own_weights is not None and not uses_own_weights(engine, passage),
        PITCH_EDITED: any(part.pitch_semitones for part in parts),
    }
    return [sentence for sentence, is_so in said.items() if is_so]


def _has_reading(part: Part, language: str) -> bool:
    text = part.text.lower()
    return any(word.lower() in text for word in part.dictionary.words(language))


def pitched(speech: Speech, part: Part, seed: int) -> Speech:
    if not part.pitch_semitones:
        return speech
    ratio = 2 ** (part.pitch_semitones / 12)
    samples, rate_hz = edit(speech.samples, speech.sample_rate_hz, f0_ratio=ratio, seed=seed)
    samples = np.clip(resample(samples, rate_hz, speech.sample_rate_hz), -1.0, 1.0)
    return replace(speech, samples=samples)


def put_together(
    passage: Passage, speeches: Sequence[Speech | None], warnings: Sequence[str], own_weights: bool
) -> Spoken:
    """All parts as one, and the largest group of one manner as what is judged."""
    parts = passage.parts
    groups: dict[tuple[str, float, float], list[int]] = {}
    for index, part in enumerate(parts):
        if speeches[index] is not None and not part.is_notice:
            groups.setdefault((part.style_name, part.rate, part.pitch_semitones), []).append(index)

    def weight(manner: tuple[str, float, float]) -> tuple[bool, int]:
        return not manner[2], sum(len(parts[index].text) for index in groups[manner])

    manner = max(groups, key=weight)
    members = groups[manner]
    first = parts[members[0]]
    if first.clip is None:
        raise RuntimeError("a group of one manner is spoken")
    whole = _joined(passage, speeches, range(len(parts)), warnings)
    return Spoken(
        speech=whole,
        judged=whole if len(parts) == 1 else _joined(passage, speeches, members, ()),
        judged_text="".join(parts[index].text for index in members),
        clip=first.clip,
        style_name=first.style_name,
        speed=passage.speed * first.rate,
        own_weights=own_weights,
    )


def sound_of(part: Part, speech: Speech | None, sample_rate_hz: int) -> np.ndarray:
    """The samples (n,) of a part: its speech, the rhythm of a notice without words, or none where it is a pause."""
    if speech is not None:
        return speech.samples
    return rhythm.make(sample_rate_hz) if part.is_notice else np.zeros(0, dtype=np.float32)


def _joined(
    passage: Passage, speeches: Sequence[Speech | None], which: Sequence[int], warnings: Sequence[str]
) -> Speech:
    """The speeches of these parts as one, with their pauses."""
    sounding = [speech for index in which if (speech := speeches[index]) is not None]
    rate_hz = sounding[0].sample_rate_hz
    pieces: list[tuple[np.ndarray, float]] = []
    for index in which:
        part, speech = passage.parts[index], speeches[index]
        is_last = index == which[-1]
        natural_s = 0.0 if is_last else natural_pause_s(part.text) / passage.speed
        samples = sound_of(part, speech, rate_hz)
        pieces.append((samples, natural_s if part.pause_s is None else part.pause_s))
    samples, later = placed(pieces, rate_hz)
    said = [*warnings, *(sentence for speech in sounding for sentence in speech.warnings)]
    phones = [speech.details.get("phones") for speech in sounding]
    return Speech(
        samples=samples if len(pieces) > 1 else sounding[0].samples,
        sample_rate_hz=rate_hz,
        content_source="; ".join(dict.fromkeys(speech.content_source for speech in sounding))[:64],
        warnings=list(dict.fromkeys(said)),
        details={**sounding[0].details, "phones": sum(phones) if all(phones) else None},
        segments=tuple(
            segment.moved(by / rate_hz)
            for index, by in zip(which, later, strict=True)
            if (speech := speeches[index]) is not None
            for segment in speech.segments
        ),
        spoken_by=sounding[0].spoken_by,
    )
