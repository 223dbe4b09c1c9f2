"""The engine of a machine without GPT-SoVITS: Kokoro speaks, in a mixture of its voices that is like the clip's.

What the mixture leaves is moved on the natural sound: a filter for its colour, pitch and timing by overlap-add
(`synth.audio.psola`), pauses, level. It resembles the person and follows the clip's manner; it is no faithful clone,
so ``is_preview`` is True. Languages that Kokoro lacks are spoken by rule (`synth.engines.preview`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synth.audio.f0 import HOP_S, track_f0
from synth.audio.loudness import to_active_level
from synth.audio.prosody import f0_statistics
from synth.audio.psola import respeak
from synth.engines import sound
from synth.engines.base import (
    DRAWS,
    PRONUNCIATIONS,
    Cancelled,
    Engine,
    ReferenceClip,
    Segment,
    SpeakRequest,
    SpeaksInPieces,
    Speech,
    ignore_progress,
    never_stop,
)
from synth.engines.kokoro import likeness, manner_of_clip, reading
from synth.engines.kokoro.likeness import Mixture
from synth.engines.kokoro.manner_of_clip import ClipManner
from synth.engines.kokoro.network import MAX_SYMBOLS, RATE_HZ, STYLE_SIZE, Network, Styles
from synth.engines.manner import Said, mapped_f0, timing
from synth.engines.recent import Recent, clip_key
from synth.errors import AssentError

Samples = npt.NDArray[np.float32]
#: Mono samples and their rate to a speaker embedding (256,), or None where there is hardly any speech.
Embed = Callable[[Samples, int], "npt.NDArray[np.float32] | None"]

SPEED_LIMITS = (0.25, 4.0)
_NETWORK_SPEEDS = (0.5, 2.0)
_SENTENCE_GAP_S = 0.2
#: Nothing is random in the network: another draw is spoken as a sentence of another length would be, and slower.
_ROWS_A_DRAW, _SLOWER_A_DRAW = 12, 0.04
#: Without a speaker model the pitch alone chooses: above it a woman's voice.
_DIVIDE_HZ = 165.0
_PLAIN_VOICES = (("af_heart", "jf_alpha"), ("am_michael", "jm_kumo"))


class KokoroEngine:
    """``embed`` is the speaker model; without it the voice is chosen by pitch alone, and ``rules`` speaks the
    languages that Kokoro lacks."""

    name = "kokoro"
    version = "1.0"
    is_preview = True
    supports: frozenset[str] = frozenset({PRONUNCIATIONS, DRAWS})
    device = "cpu"

    def __init__(
        self, models_dir: Path | str, *, embed: Embed | None = None, rules: Engine | None = None
    ) -> None:
        self._network = Network(models_dir)
        self._embed = embed
        self._rules = rules
        self._mixtures = Recent[Mixture]()
        self._manners = Recent[ClipManner]()
        self._styles: dict[str, Styles] = {}

    @property
    def languages(self) -> frozenset[str]:
        return reading.languages() | (self._rules.languages if self._rules else frozenset())

    def speak(
        self,
        request: SpeakRequest,
        *,
        on_progress: Callable[[float], None] = ignore_progress,
        should_stop: Callable[[], bool] = never_stop,
    ) -> Speech:
        """Speak sentence by sentence. Raises Cancelled, and AssentError ``nothing_to_speak``,
        ``speed_out_of_range``, ``clip_silent``, ``language_not_offered``, ``content_failed``."""
        rules = self._rules_for(request.language)
        if rules is not None:
            by_rule = rules.speak(request, on_progress=on_progress, should_stop=should_stop)
            return replace(by_rule, spoken_by=(rules.name, rules.version))
        lines, warnings = _lines(request)
        mixture, manner = self._prepare(request, should_stop)
        on_progress(0.1)
        parts: list[Samples] = []
        lengths: list[tuple[int, int]] = []
        for part, pause in self._parts(request, lines, mixture, manner, should_stop):
            parts += [part, pause]
            lengths.append((len(part), len(pause)))
            on_progress(0.1 + 0.9 * len(lengths) / len(lines))
        segments = sound.segments_of([line.text for line in lines], lengths, RATE_HZ)
        return _speech(np.concatenate(parts), segments, lines, mixture, manner, warnings)

    def pieces(
        self, request: SpeakRequest, *, should_stop: Callable[[], bool] = never_stop
    ) -> Generator[Speech, None, None]:
        """See `synth.engines.base.SpeaksInPieces`; what is spoken by rule comes sentence by sentence as well."""
        rules = self._rules_for(request.language)
        if rules is not None:
            made = (
                rules.pieces(request, should_stop=should_stop)
                if isinstance(rules, SpeaksInPieces)
                else iter([rules.speak(request, should_stop=should_stop)])
            )
            for speech in made:
                yield replace(speech, spoken_by=(rules.name, rules.version))
            return
        lines, warnings = _lines(request)
        mixture, manner = self._prepare(request, should_stop)
        parts = self._parts(request, lines, mixture, manner, should_stop)
        for line, (part, pause) in zip(lines, parts, strict=True):
            segments = sound.segments_of([line.text], [(len(part), len(pause))], RATE_HZ)
            yield _speech(np.concatenate([part, pause]), segments, lines, mixture, manner, warnings)

    def _rules_for(self, language: str) -> Engine | None:
        """The engine for a language that Kokoro lacks; None for its own. AssentError ``language_not_offered``."""
        primary = language.lower().replace("_", "-").split("-")[0]
        if primary in reading.languages():
            return None
        if self._rules is None or primary not in self._rules.languages:
            raise AssentError(
                "language_not_offered",
                "This language is not spoken here.",
                measured=language,
                extra={"offered": sorted(self.languages)},
            )
        return self._rules

    def _prepare(self, request: SpeakRequest, should_stop: Callable[[], bool]) -> tuple[Mixture, ClipManner]:
        """The mixture for the voice and the manner of the style clip, from memory where they are known."""
        clips = [*request.voice_clips, request.style_clip]
        sound.check_clips(clips)
        if not np.abs(request.style_clip.samples).max(initial=0.0) > 1e-4:
            raise AssentError("clip_silent", "The style clip holds no sound.")
        _stop_if_asked(should_stop)
        voice_key = tuple(sorted({clip_key(clip) for clip in clips}))
        mixture = self._mixtures.get(voice_key, lambda: self._mixture(clips))
        _stop_if_asked(should_stop)
        key = (clip_key(request.style_clip), mixture.weights)
        styles = self._mixed(mixture)
        manner = self._manners.get(
            key, lambda: manner_of_clip.learn(request.style_clip, self._network, styles)
        )
        return mixture, manner

    def _mixture(self, clips: Sequence[ReferenceClip]) -> Mixture:
        available = set(self._network.voices())
        found = [self._embed(clip.samples, clip.sample_rate_hz) for clip in clips] if self._embed else []
        told = [embedding for embedding in found if embedding is not None]
        if told:
            return likeness.mixture_like(np.mean(told, axis=0), available)
        clip = clips[-1]
        f0_hz = f0_statistics(track_f0(clip.samples[: 20 * clip.sample_rate_hz], clip.sample_rate_hz))[0]
        names = _PLAIN_VOICES[0] if f0_hz > _DIVIDE_HZ else _PLAIN_VOICES[1]
        name = next((name for name in names if name in available), min(available))
        return Mixture(((name, 1.0),), 0.0)

    def _mixed(self, mixture: Mixture) -> Styles:
        mixed = np.zeros((MAX_SYMBOLS, STYLE_SIZE), np.float32)
        for name, weight in mixture.weights:
            if name not in self._styles:
                self._styles[name] = self._network.styles(name)
            mixed += np.float32(weight) * self._styles[name]
        return mixed

    def _parts(
        self,
        request: SpeakRequest,
        lines: Sequence[reading.Line],
        mixture: Mixture,
        clip: ClipManner,
        should_stop: Callable[[], bool],
    ) -> Iterator[tuple[Samples, Samples]]:
        """Each sentence and the pause after it."""
        styles = np.roll(self._mixed(mixture), -_ROWS_A_DRAW * request.draw, axis=0)
        speed = request.speed * (1 - _SLOWER_A_DRAW * request.draw)
        gap_s = (
            float(np.clip(clip.manner.wanted.mean_pause_s or _SENTENCE_GAP_S, _SENTENCE_GAP_S, 0.6))
            / request.speed
        )
        for number, line in enumerate(lines):
            _stop_if_asked(should_stop)
            is_last = number == len(lines) - 1
            part = self._sentence(line, styles, clip, speed, 0.0 if is_last else gap_s)
            yield part, np.zeros(0 if is_last else round(gap_s * RATE_HZ), np.float32)

    def _sentence(
        self, line: reading.Line, styles: Styles, clip: ClipManner, speed: float, gap_s: float
    ) -> Samples:
        """One sentence in the clip's manner."""
        asked = float(np.clip(clip.speed * speed, *_NETWORK_SPEEDS))
        natural = self._network.say(line.symbols, styles, asked)
        said = Said.of(natural, RATE_HZ, line.phones)
        said = Said(
            said.f0_hz, said.level_db, said.active, said.prosody, line.phones, _word_starts(line, said)
        )
        rows = timing(said, clip.manner, speed, gap_s)
        moved = respeak(natural, RATE_HZ, said.f0_hz, mapped_f0(said, clip.manner), rows)
        return to_active_level(
            manner_of_clip.coloured(moved, clip.taps), RATE_HZ, clip.manner.wanted.level_db
        )


def _speech(
    samples: Samples,
    segments: tuple[Segment, ...],
    lines: Sequence[reading.Line],
    mixture: Mixture,
    manner: ClipManner,
    warnings: list[str],
) -> Speech:
    return Speech(
        sound.sounding(samples),
        RATE_HZ,
        "Kokoro-82M",
        segments=segments,
        warnings=[*manner.warnings, *warnings],
        details={
            "phones": sum(line.phones for line in lines),
            "reference_phones": manner.clip_phones or None,
            "sentences": len(lines),
            "voices": {name: round(weight, 3) for name, weight in mixture.weights},
            "expected_similarity": round(mixture.expected, 3),
            "network_speed": round(manner.speed, 3),
        },
    )


def _lines(request: SpeakRequest) -> tuple[list[reading.Line], list[str]]:
    low, high = SPEED_LIMITS
    if not low <= request.speed <= high or not math.isfinite(request.speed):
        raise AssentError(
            "speed_out_of_range",
            f"Speed goes from {low} to {high}.",
            measured=request.speed,
            limit=[low, high],
        )
    lines, warnings = reading.read(request.text, request.language, request.dictionary)
    if not lines:
        raise AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")
    return lines, warnings


def _word_starts(line: reading.Line, said: Said) -> list[float]:
    """Where words begin, in seconds, as far as equally long sounds tell."""
    where = np.flatnonzero(said.active)
    if not len(where):
        return []
    first_s, last_s = where[0] * HOP_S, (where[-1] + 1) * HOP_S
    before = [reading.count_phones(line.symbols[:start]) for start, _ in line.words]
    return [first_s + (last_s - first_s) * count / max(1, line.phones) for count in before]


def _stop_if_asked(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Cancelled
