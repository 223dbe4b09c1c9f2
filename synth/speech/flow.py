"""A passage spoken so that its beginning is heard while the rest is made: `assembly.speak`, piece by piece.

Pieces follow each other without anything between them. Long texts are asked for in stretches of a few sentences, so
that nothing grows with the text and no engine reads a book before its first word.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from synth.audio.joining import natural_pause_s, trimmed
from synth.engines import sound
from synth.engines.base import Engine, SpeakRequest, SpeaksInPieces, Speech
from synth.engines.sentences import split_sentences
from synth.speech import assembly
from synth.speech.assembly import Listen, Part, Passage, Spoken

STRETCH_CHARACTERS = 600
JUDGED_S = 90.0
"""Of a long stream so much of its beginning is judged by its following of the clip."""
_CHARACTERS_A_SECOND = 12.0  # a guess, for progress within a part
_JOINED_CLOSELY = "。！？；…"


class Flow:
    """One passage on its way. ``pieces`` is gone through once; what it kept then says how it was spoken."""

    def __init__(self, engine: Engine, passage: Passage) -> None:
        self._engine = engine
        self.passage = replace(passage, parts=_stretches(passage))
        self.own_weights = assembly.uses_own_weights(engine, passage)
        self._kept: list[Speech | None] = []
        self._kept_s = 0.0
        self._said: dict[str, None] = dict.fromkeys(assembly.left_out(engine, passage))
        self._sources: dict[str, None] = {}
        self.speaker: tuple[str, str] = (engine.name, engine.version)
        """Name and version of what speaks, as of the pieces so far."""

    @property
    def warnings(self) -> list[str]:
        return list(self._said)

    @property
    def content_source(self) -> str:
        return "; ".join(self._sources)[:64]

    def pieces(
        self, *, on_progress: Callable[[float], None], should_stop: Callable[[], bool]
    ) -> Generator[tuple[np.ndarray, int], None, None]:
        """Samples float32 (n,) and their rate, as they are made. Raises Cancelled, and AssentError as engines do."""
        parts = self.passage.parts
        sounding = [index for index, part in enumerate(parts) if part.clip is not None]
        total = sum(len(part.text) for part in parts)
        owed: list[tuple[Part, float]] = []
        rate_hz, done = 0, 0
        for index, part in enumerate(parts):
            if part.clip is not None:
                is_last, said_s = index == sounding[-1], 0.0
                for speech in self._part(index, part, should_stop, starts=index == sounding[0], ends=is_last):
                    rate_hz = speech.sample_rate_hz
                    if owed:
                        yield _between(owed, rate_hz), rate_hz
                        owed = []
                    yield speech.samples, rate_hz
                    said_s += speech.duration_s
                    on_progress((done + min(0.95 * len(part.text), _CHARACTERS_A_SECOND * said_s)) / total)
                done += len(part.text)
                on_progress(done / total)
            owed.append((part, self._pause_s(index, part)))
        if rate_hz and len(last := _between(owed, rate_hz)):
            yield last, rate_hz

    def spoken(self, listen: Listen | None = None) -> Spoken:
        """What was kept of it as one speech, for the report; ``judged`` is the whole where that was short. ``listen``
        hears it now: of what has left nothing is spoken again."""
        for index, speech in enumerate(self._kept):
            part = self.passage.parts[index]
            if listen is not None and speech is not None and part.clip is not None:
                request = assembly.request_of(self._engine, self.passage, part, part.clip, index)
                self._kept[index] = listen(speech, request, _never_again)
        parts = list(self.passage.parts)[: len(self._kept)]
        found = assembly.put_together(
            replace(self.passage, parts=parts), self._kept, self.warnings, self.own_weights
        )
        if len(parts) < len(self.passage.parts):
            return replace(found, speech=replace(found.speech))  # no longer what is judged, but its beginning
        return found

    def _pause_s(self, index: int, part: Part) -> float:
        if part.pause_s is not None:
            return part.pause_s
        is_last = index == len(self.passage.parts) - 1
        return 0.0 if is_last else natural_pause_s(part.text) / self.passage.speed

    def _part(
        self, index: int, part: Part, should_stop: Callable[[], bool], *, starts: bool, ends: bool
    ) -> Iterator[Speech]:
        """One part's pieces; quiet at its inner edges gives way to the pause, as in a whole file."""
        whole: list[Speech] = []
        held: Speech | None = None
        for speech in self._spoken_by(index, part, should_stop):
            whole.append(speech)
            self._said |= dict.fromkeys(speech.warnings)
            self._sources |= {speech.content_source: None}
            self.speaker = speech.spoken_by or self.speaker
            if ends:
                yield _edged(speech, start=not starts and len(whole) == 1, end=False)
                continue
            if held is not None:
                yield _edged(held, start=not starts and len(whole) == 2, end=False)
            held = speech
        if held is not None:
            yield _edged(held, start=not starts and len(whole) == 1, end=True)
        self._keep(index, whole)

    def _spoken_by(self, index: int, part: Part, should_stop: Callable[[], bool]) -> Iterator[Speech]:
        engine, passage = self._engine, self.passage
        if part.clip is None:
            raise RuntimeError("a part without a clip is a pause")
        request = assembly.request_of(engine, passage, part, part.clip, index)
        if not isinstance(engine, SpeaksInPieces) or part.pitch_semitones:
            speech = assembly.spoken_by(
                engine, request, passage.own_weights, lambda _share: None, should_stop
            )
            yield assembly.pitched(speech, part, passage.seed)
            return
        yield from self._in_pieces(engine, request, should_stop)

    def _in_pieces(
        self, engine: SpeaksInPieces, request: SpeakRequest, should_stop: Callable[[], bool]
    ) -> Iterator[Speech]:
        own = self.passage.own_weights if self.own_weights else None
        more: dict[str, Any] = {"weights_of": own.voice} if own is not None else {}
        pieces = engine.pieces(request, should_stop=should_stop, **more)
        with closing(pieces):
            for speech in pieces:
                assembly.require_own_weights(speech, own)
                yield speech

    def _keep(self, index: int, pieces: list[Speech]) -> None:
        if self._kept_s >= JUDGED_S:
            return
        self._kept += [None] * (index - len(self._kept))
        whole = sound.whole_of(pieces)
        self._kept.append(whole)
        self._kept_s += whole.duration_s


def _never_again(request: SpeakRequest) -> Speech:
    raise RuntimeError("what has left is not spoken again")


def _between(owed: list[tuple[Part, float]], rate_hz: int) -> np.ndarray:
    """What stands between two parts that speak: pauses, and the rhythm of a notice without words."""
    pieces = [np.zeros(0, np.float32)]
    for part, pause_s in owed:
        if part.clip is None:
            pieces.append(assembly.sound_of(part, None, rate_hz))
        pieces.append(np.zeros(round(pause_s * rate_hz), np.float32))
    return np.concatenate(pieces)


def _edged(speech: Speech, *, start: bool, end: bool) -> Speech:
    samples, left_out = trimmed(speech.samples, speech.sample_rate_hz, start=start, end=end)
    segments = tuple(segment.moved(-left_out / speech.sample_rate_hz) for segment in speech.segments)
    return replace(speech, samples=samples, segments=segments)


def _stretches(passage: Passage) -> list[Part]:
    """The parts, long ones cut between sentences; the first stretch is one sentence, since somebody waits for it."""
    found: list[Part] = []
    for part in passage.parts:
        if len(part.text) <= STRETCH_CHARACTERS or part.clip is None or part.pitch_semitones:
            found.append(part)
            continue
        texts = [""]
        for sentence in split_sentences(part.text):
            is_full = len(texts[-1]) + len(sentence) > STRETCH_CHARACTERS or (not found and len(texts) == 1)
            if texts[-1] and is_full:
                texts.append("")
            joint = "" if texts[-1][-1:] in _JOINED_CLOSELY else " "
            texts[-1] += joint + sentence
        found += [replace(part, text=text, pause_s=None) for text in texts[:-1]]
        found.append(replace(part, text=texts[-1]))
    return found
