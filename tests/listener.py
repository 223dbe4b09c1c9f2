"""A recogniser that hears what it is told, for tests of what follows from that."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from accounts.gates import sounds
from synth.recognition.recogniser import Score, Transcript, Word


@dataclass
class Listener:
    """A recogniser that writes ``wrote``, and finds a text the likelier the more it is like what was ``said``."""

    wrote: str
    said: str
    language: str
    fits: bool = True

    def listen(self, samples: np.ndarray) -> Listener:
        return self

    def transcribe(self, language: str, *, words: bool = False) -> Transcript:
        pieces = tuple(Word(w, i * 1.0, i + 0.9, 0.9) for i, w in enumerate(self.wrote.split()))
        return Transcript(self.wrote, language, -0.3, 0.01, bool(self.wrote), pieces if words else ())

    def score(self, texts: list[str], language: str) -> list[Score]:
        said = sounds.units(self.said, language)

        def nats(text: str) -> float:
            units = sounds.units(text, language)
            return -8.0 * sounds.share_apart(units, said) * max(len(units), len(said))

        return [Score(text, (nats(text),), ((0, len(text)),)) for text in texts]

    def words(self, text: str, language: str) -> tuple[Word, ...]:
        return tuple(
            Word(found[0], 1.0 * i, i + 0.9, 0.9) for i, found in enumerate(re.finditer(r"\S+", text))
        )
