"""The preview engine: speech from a rule-based synthesiser, shaped to the style clip.

It needs no weights. A separate program pronounces the text; its pitch, pace, pauses, level and part of its
timbre are moved to those of the clip (docs/preview-engine.md). It sounds synthetic and says so:
``is_preview`` is True.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from synth.audio.f0 import track_f0
from synth.audio.prosody import f0_statistics
from synth.audio.vocoder import RATE_HZ
from synth.engines import content, sound
from synth.engines.base import Cancelled, ReferenceClip, SpeakRequest, Speech, ignore_progress, never_stop
from synth.engines.content import ContentVoice
from synth.engines.conversion import Strength, TimbreMap, silence, speak_sentence
from synth.engines.profile import ClipProfile, build, render
from synth.engines.recent import Recent, clip_key
from synth.engines.sentences import split_sentences
from synth.errors import AssentError

_SPEED_LIMITS = (0.25, 4.0)
#: A style clip with less speech than this borrows exemplars from other clips of the voice.
_ENOUGH_SPEECH_S = 8.0
_SENTENCE_GAP_S = 0.2


class PreviewEngine:
    """See the module. ``excluded_voices`` names flite voices that must never pronounce the content;
    ``sources`` limits the programs ("flite", "espeak-ng", "espeakng-loader")."""

    name = "preview"
    version = "1.1"
    is_preview = True
    supports: frozenset[str] = frozenset()
    device = "cpu"

    def __init__(
        self,
        *,
        excluded_voices: Collection[str] = (),
        sources: Collection[str] | None = None,
        strength: Strength | None = None,
    ) -> None:
        self._excluded = frozenset(excluded_voices)
        self._sources = None if sources is None else frozenset(sources)
        self._strength = strength or Strength()
        self._profiles = Recent[ClipProfile]()
        self._pitches = Recent[float]()

    @property
    def languages(self) -> frozenset[str]:
        return content.languages(self._sources)

    def speak(
        self,
        request: SpeakRequest,
        *,
        on_progress: Callable[[float], None] = ignore_progress,
        should_stop: Callable[[], bool] = never_stop,
    ) -> Speech:
        """Speak sentence by sentence; memory beyond the result does not grow with the text.

        Raises Cancelled, and AssentError ``nothing_to_speak``, ``speed_out_of_range``, ``clip_silent``,
        ``language_not_offered``, ``needs_kana``, ``no_content_voice`` or ``content_failed``.
        """
        pieces = []
        for piece, share in self._pieces(request, should_stop):
            pieces.append(piece)
            on_progress(share)
        whole = sound.whole_of(pieces)
        return replace(whole, samples=sound.sounding(whole.samples))

    def pieces(
        self, request: SpeakRequest, *, should_stop: Callable[[], bool] = never_stop
    ) -> Generator[Speech, None, None]:
        """See `synth.engines.base.SpeaksInPieces`: sentences, each with the pause behind it."""
        for piece, _share in self._pieces(request, should_stop):
            yield piece

    def _pieces(
        self, request: SpeakRequest, should_stop: Callable[[], bool]
    ) -> Iterator[tuple[Speech, float]]:
        """Sentences with the share of the request that is then done; details count what was said so far."""
        sentences = split_sentences(request.text)
        if not sentences:
            raise AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")
        low, high = _SPEED_LIMITS
        if not low <= request.speed <= high:
            raise AssentError(
                "speed_out_of_range",
                f"Speed goes from {low} to {high}.",
                measured=request.speed,
                limit=[low, high],
            )
        sound.check_clips([*request.voice_clips, request.style_clip])
        clip = request.style_clip
        f0_hz = self._pitches.get(clip_key(clip), lambda: _clip_f0(clip))
        voice = self._voice(request.language, f0_hz)
        _stop_if_asked(should_stop)
        profile = self._profile(clip, f0_hz)
        timbre = TimbreMap([profile, *self._further(request, profile, f0_hz)], self._strength)
        gap_s = float(np.clip(profile.clip.prosody.mean_pause_s or _SENTENCE_GAP_S, _SENTENCE_GAP_S, 0.6))
        gap_s /= request.speed
        warnings = [*profile.warnings, *_language_notes(request.language, voice)]
        phones = 0
        for index, sentence in enumerate(sentences):
            _stop_if_asked(should_stop)
            spoken = render(voice, sentence, profile.pace * request.speed)
            phones += spoken.phones
            is_last = index == len(sentences) - 1
            gap = 0 if is_last else gap_s
            said = speak_sentence(spoken, timbre, speed=request.speed, gap_s=gap, seed=request.seed + index)
            pause = silence(gap)
            segments = sound.segments_of([sentence], [(len(said), len(pause))], RATE_HZ)
            speech = Speech(
                np.concatenate([said, pause]),
                RATE_HZ,
                voice.label,
                segments=segments,
                warnings=warnings,
                details=_details(profile, phones, len(sentences)),
            )
            yield speech, (index + 1) / len(sentences)

    def _voice(self, language: str, f0_hz: float) -> ContentVoice:
        return content.choose_voice(language, f0_hz=f0_hz, excluded=self._excluded, sources=self._sources)

    def _profile(self, clip: ReferenceClip, f0_hz: float) -> ClipProfile:
        """The clip's profile with the content voice of the clip's own language, from the cache if known."""
        language = clip.language
        if language.split("-")[0].lower() not in self.languages:
            language, clip = "en", replace(clip, transcript="", language="en")
        voice = self._voice(language, f0_hz)
        return self._profiles.get((clip_key(clip), voice.label), lambda: _built(clip, voice))

    def _further(self, request: SpeakRequest, main: ClipProfile, f0_hz: float) -> list[ClipProfile]:
        """Profiles of other clips of the voice, when the style clip alone has too few exemplars."""
        if main.clip.prosody.speech_s >= _ENOUGH_SPEECH_S or not main.has_pairs:
            return []
        style = clip_key(request.style_clip)
        others = [c for c in request.voice_clips if c.transcript.strip() and clip_key(c) != style]
        same_content = [c for c in others if c.language == request.style_clip.language][:1]
        return [self._profile(c, f0_hz) for c in same_content]


def _built(clip: ReferenceClip, voice: ContentVoice) -> ClipProfile:
    """Build a profile; a transcript that the content voice cannot read counts as no transcript."""
    try:
        return build(clip, voice)
    except AssentError as error:
        if error.code not in ("needs_kana", "nothing_to_speak") or not clip.transcript.strip():
            raise
        return build(replace(clip, transcript=""), voice)


def _clip_f0(clip: ReferenceClip) -> float:
    """F0 median of the clip in Hz, 120 when unvoiced. AssentError ``clip_silent`` for digital silence."""
    samples = clip.samples[: 20 * clip.sample_rate_hz]
    if not len(samples) or np.abs(samples).max() < 1e-4:
        raise AssentError("clip_silent", "The style clip holds no sound.")
    return f0_statistics(track_f0(samples, clip.sample_rate_hz))[0] or 120.0


def _stop_if_asked(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Cancelled


def _language_notes(language: str, voice: ContentVoice) -> list[str]:
    if voice.label.startswith("flite"):
        return []
    if language.lower().startswith("en"):
        return ["The words come from espeak-ng; with flite installed English is much easier to understand."]
    return ["The words come from espeak-ng, whose pronunciation of this language is hard to understand."]


def _details(profile: ClipProfile, phones: int, sentences: int) -> dict[str, Any]:
    ratio = profile.alignment_ratio
    return {
        "phones": phones,
        "reference_phones": profile.clip.phones or None,
        "sentences": sentences,
        "mode": "parallel" if profile.has_pairs else "statistics",
        "warp": round(profile.warp, 3),
        "pace": round(profile.pace, 3),
        "alignment_ratio": None if ratio is None else round(ratio, 3),
    }
