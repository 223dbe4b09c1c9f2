"""Listening to what was spoken: each sentence transcribed and held against its text; what is faulty is spoken again.

A job's part calls `Listener` once; `report` and `word_times` say at the end what the job and its output keep.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from django.conf import settings

from synth.audio.resample import resample
from synth.engines.base import DRAWS, Segment, SpeakRequest, Speech
from synth.recognition.log_mel import RATE_HZ
from synth.recognition.recogniser import Recogniser
from synth.spoken.check import examined
from synth.spoken.findings import Heard
from synth.spoken.phones import primary
from synth.spoken.placing import placed
from worker import resident

logger = logging.getLogger(__name__)
REDRAWS = 2
#: Seconds of speech that a job may speak again, as a share of its own length and beside it.
_AGAIN_SHARE, _AGAIN_S = 0.5, 12.0


@dataclass
class Listener:
    """What hears the parts of one job (`synth.speech.assembly.Listen`). Without the recogniser's model, or in a
    language that it does not know, speech passes as it is. A context manager: the model stays in memory inside."""

    language: str
    supports: frozenset[str]
    reason: str = ""
    redrawn: int = 0
    _again_s: float = _AGAIN_S
    _recogniser: Recogniser | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Listener:
        held = resident.recogniser() if settings.ASSENT_SPOKEN_CHECK else None
        if held is None:
            self.reason = "no_model" if settings.ASSENT_SPOKEN_CHECK else "off"
            return self
        self._recogniser = self._stack.enter_context(held)
        if not self._recogniser.knows(primary(self.language)):
            self.reason, self._recogniser = "language", None
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __call__(
        self, speech: Speech, request: SpeakRequest, again: Callable[[SpeakRequest], Speech]
    ) -> Speech:
        if self._recogniser is None:
            return speech
        self._again_s += _AGAIN_SHARE * speech.duration_s
        draws = DRAWS in self.supports and speech.spoken_by is None
        rate_hz = speech.sample_rate_hz
        pieces: list[np.ndarray] = []
        segments: list[Segment] = []
        at = 0  # in the speech as it was spoken first
        for segment in speech.segments:
            first, end = round(segment.start_s * rate_hz), round(segment.end_s * rate_hz)
            samples, heard = (
                speech.samples[first:end],
                self._heard(speech.samples[first:end], rate_hz, segment, request),
            )
            if heard is not None and heard.faults and draws:
                samples, heard = self._better(samples, heard, segment, request, again)
            pieces += [speech.samples[at:first], samples]
            begin_s = sum(map(len, pieces[:-1])) / rate_hz
            heard = heard.moved(begin_s) if heard else None
            segments.append(Segment(segment.text, begin_s, begin_s + len(samples) / rate_hz, heard))
            at = end
        return replace(
            speech, samples=np.concatenate([*pieces, speech.samples[at:]]), segments=tuple(segments)
        )

    def _heard(
        self, samples: np.ndarray, rate_hz: int, segment: Segment, request: SpeakRequest
    ) -> Heard | None:
        if self._recogniser is None or not len(samples):
            return None
        at_16k = resample(samples, rate_hz, RATE_HZ)
        try:
            return examined(
                at_16k, segment.text, request.language, self._recogniser.listen, request.dictionary
            )
        except Exception:  # speech is released without a check too, and says so
            logger.exception("a sentence could not be checked")
            self.reason = "failed"
            return None

    def _better(
        self,
        samples: np.ndarray,
        heard: Heard,
        segment: Segment,
        request: SpeakRequest,
        again: Callable[[SpeakRequest], Speech],
    ) -> tuple[np.ndarray, Heard]:
        """The best of the sentence and up to REDRAWS further draws of it, within the job's budget."""
        tried = False
        for draw in range(1, REDRAWS + 1):
            if not heard.faults or self._again_s <= 0:
                break
            other = again(replace(request, text=segment.text, draw=draw))
            self._again_s -= other.duration_s
            tried = True
            found = self._heard(other.samples, other.sample_rate_hz, segment, request)
            if found is not None and found.badness < heard.badness:
                samples, heard = other.samples, found
        self.redrawn += tried
        return samples, heard

    def report(self, speech: Speech) -> dict[str, Any]:
        """What a job keeps: whether it was checked, share of phones heard otherwise, faults with their times."""
        heard = [segment.heard for segment in speech.segments if segment.heard is not None]
        phones = sum(one.phones for one in heard)
        if not phones:
            return {"checked": False, "reason": self.reason or "no_sentences"}
        return {
            "checked": True,
            "rate": round(sum(one.rate * one.phones for one in heard) / phones, 3),
            "faults": [fault.as_dict() for one in heard for fault in one.faults],
            "redrawn": self.redrawn,
        }


def word_times(text: str, segments: Sequence[Segment]) -> list[list[int]] | None:
    """[first and last character, start and end in ms] of the words of ``text``; None where nobody listened."""
    heard = [segment.heard for segment in segments]
    if not any(heard):
        return None
    words = [word for one in heard if one for word in one.words]
    return [
        [word.start, word.end, round(word.start_s * 1000), round(word.end_s * 1000)]
        for word in placed(text, words)
    ]
