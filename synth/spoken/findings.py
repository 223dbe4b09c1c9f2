"""What is found in speech. Plain data; everything with times in seconds from the beginning of the speech."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Kind = Literal["swallowed", "repeated", "cut_off", "babble"]


@dataclass(frozen=True)
class TimedWord:
    """A word of the text and where it is spoken."""

    text: str
    start_s: float
    end_s: float

    def moved(self, by_s: float) -> TimedWord:
        return replace(self, start_s=round(self.start_s + by_s, 3), end_s=round(self.end_s + by_s, 3))


@dataclass(frozen=True)
class Fault:
    """``swallowed``: ``words`` of the text are not heard; ``cut_off``: nor is anything after them; ``repeated``: they
    are heard twice; ``babble``: ``words`` are what was heard after the text's end (empty where no words were)."""

    kind: Kind
    words: str
    start_s: float
    end_s: float

    def moved(self, by_s: float) -> Fault:
        return replace(self, start_s=round(self.start_s + by_s, 3), end_s=round(self.end_s + by_s, 3))

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": self.words, "start_s": self.start_s, "end_s": self.end_s}


@dataclass(frozen=True)
class Heard:
    """One sentence as it was heard. ``rate``: share of the text's phones that were heard otherwise or not at all."""

    phones: int
    rate: float
    faults: tuple[Fault, ...] = ()
    words: tuple[TimedWord, ...] = ()

    def moved(self, by_s: float) -> Heard:
        return replace(
            self,
            faults=tuple(fault.moved(by_s) for fault in self.faults),
            words=tuple(word.moved(by_s) for word in self.words),
        )

    @property
    def badness(self) -> tuple[int, float]:
        """Of two draws of a sentence the one where this is less is kept."""
        return len(self.faults), self.rate
