"""What every engine takes and gives. Pure data; no models, no rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from synth.spoken.findings import Heard
from synth.text.dictionary import NO_WORDS, Dictionary

#: What an engine may say it supports, beside the names of its parameters.
BLEND, PRONUNCIATIONS, OWN_WEIGHTS = "blend", "pronunciations", "own_weights"
#: That it can say the same otherwise when it is asked again (`SpeakRequest.draw`).
DRAWS = "draws"


class Cancelled(Exception):
    """``should_stop`` answered yes; nothing of the speech is kept."""


@dataclass(frozen=True, eq=False)
class ReferenceClip:
    """A recording of the voice with its words.

    ``samples`` are float32 mono in [-1, 1]. ``transcript`` may be empty: an engine then says in
    ``Speech.warnings`` what it could not do. ``language`` is a BCP 47 tag ("en", "zh", "en-GB").
    """

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int
    transcript: str
    language: str
    style_name: str = ""


@dataclass(frozen=True, eq=False)
class SpeakRequest:
    """One text to be spoken in the voice of ``voice_clips`` and in the manner of ``style_clip``.

    ``speed`` multiplies the pace of the style clip (0.25 to 4). Equal requests with an equal ``seed`` give
    equal samples. ``params`` are engine-specific and must be JSON values. ``blend`` are further style clips with
    their weights beside ``style_weight``; ``dictionary`` says how words are pronounced. Both only for an engine
    that supports them. ``draw`` counts up when the same is asked again because it did not come out well; only for an
    engine that supports DRAWS.
    """

    text: str
    language: str
    voice_clips: Sequence[ReferenceClip]
    style_clip: ReferenceClip
    speed: float = 1.0
    seed: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    style_weight: float = 1.0
    blend: Sequence[tuple[ReferenceClip, float]] = ()
    dictionary: Dictionary = NO_WORDS
    draw: int = 0


@dataclass(frozen=True)
class Segment:
    """A sentence of a speech: its text as it was read (numbers as words), where it lies in the samples without the
    pause that follows, and how it was heard, where somebody listened."""

    text: str
    start_s: float
    end_s: float
    heard: Heard | None = None

    def moved(self, by_s: float) -> Segment:
        """The same, later; ``heard`` with it."""
        heard = self.heard.moved(by_s) if self.heard else None
        return replace(self, start_s=self.start_s + by_s, end_s=self.end_s + by_s, heard=heard)


@dataclass(frozen=True, eq=False)
class Speech:
    """``samples`` float32 mono in [-1, 1]; ``content_source`` names what pronounced the text.

    ``warnings`` are plain sentences for the result page; ``details`` are JSON facts for the record; ``segments`` are
    the sentences in order. ``spoken_by`` is name and version of another engine, where the one that was asked left the
    text to it.
    """

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int
    content_source: str
    warnings: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    spoken_by: tuple[str, str] | None = None

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


def ignore_progress(fraction: float) -> None:
    """The default ``on_progress``."""


def never_stop() -> bool:
    """The default ``should_stop``."""
    return False


@runtime_checkable
class Engine(Protocol):
    """Something that speaks. One instance per process and device; ``speak`` may be called from threads."""

    name: str
    version: str
    #: True for an engine whose speech must be shown as a preview and not as a faithful voice.
    is_preview: bool
    #: Names of the parameters that ``speak`` honours, and which of BLEND, PRONUNCIATIONS, OWN_WEIGHTS and DRAWS it can.
    supports: frozenset[str]
    #: What it computes on, as torch names it ("cpu", "cuda").
    device: str

    @property
    def languages(self) -> frozenset[str]:
        """Primary language subtags ("en", "zh") that this instance can speak on this machine."""
        ...

    def speak(
        self,
        request: SpeakRequest,
        *,
        on_progress: Callable[[float], None] = ignore_progress,
        should_stop: Callable[[], bool] = never_stop,
    ) -> Speech:
        """Speak the request.

        ``on_progress`` gets a fraction in [0, 1] that never falls; ``should_stop`` is asked at least once
        per sentence, and a yes raises :class:`Cancelled`. Expected refusals are AssentError.
        """
        ...


@runtime_checkable
class SpeaksInPieces(Protocol):
    """An engine whose speech can be heard while the rest of it is made."""

    def pieces(
        self, request: SpeakRequest, *, should_stop: Callable[[], bool] = never_stop
    ) -> Generator[Speech, None, None]:
        """The speech of `Engine.speak` piece by piece: sentences with the pauses behind them, or less.

        Joined without anything between them they are one speech. All pieces have one rate; warnings and details come
        with any of them. One that supports OWN_WEIGHTS takes ``weights_of`` here as well.
        """
        ...


@runtime_checkable
class SpeaksWithOwnWeights(Protocol):
    """An engine that supports OWN_WEIGHTS: weights made of one voice, in place of everybody's."""

    def speak(
        self,
        request: SpeakRequest,
        *,
        on_progress: Callable[[float], None] = ignore_progress,
        should_stop: Callable[[], bool] = never_stop,
        weights_of: str | None = None,
    ) -> Speech:
        """`Engine.speak`, with the weights of the voice ``weights_of``; ``details["weights"]`` has their digests.

        Whether they may be used is a question of consent, so this is no parameter of the request.
        """
        ...

    def forget(self, voice: str) -> None:
        """Let go of a voice's own weights in memory."""
        ...
