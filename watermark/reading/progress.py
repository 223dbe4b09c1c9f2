"""How far an examination has come, for whoever waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from watermark.reading.spans import Span

T = TypeVar("T")


@dataclass
class Progress:
    """A stage, and a share of the whole that only grows.

    ``check`` is called at every step; it raises when nobody wants the answer any more.
    """

    check: Callable[[], None] = lambda: None
    stage: str = ""
    share: float = 0.0
    _span: Span = (0.0, 1.0)

    def enter(self, stage: str, start: float, end: float) -> None:
        self.stage, self._span = stage, (start, end)
        self.at(0.0)

    def at(self, done: float) -> None:
        """``done``: share of the present stage."""
        self.check()
        start, end = self._span
        self.share = max(self.share, start + (end - start) * min(1.0, done))

    def each(self, items: Sequence[T]) -> Iterator[T]:
        """The items one by one, each an equal part of the present stage."""
        for index, item in enumerate(items):
            self.at(index / len(items))
            yield item
