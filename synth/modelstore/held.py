"""Keeping a loaded model in memory while it is used, and letting go of it when it has not been for a while."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

#: Unused for so long, a model leaves memory.
IDLE_S = 600.0


class Held(Generic[T]):
    """The result of ``make``, made when first used and dropped ``idle_s`` seconds after the last use. Threads share
    it; while one uses it, it stays."""

    def __init__(self, make: Callable[[], T], *, idle_s: float = IDLE_S) -> None:
        self._make = make
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._made: list[T] = []
        self._users = 0
        self._last_use = 0.0
        self._timer: threading.Timer | None = None

    @property
    def is_loaded(self) -> bool:
        return bool(self._made)

    @contextlib.contextmanager
    def use(self) -> Iterator[T]:
        """The model, for the time of the block."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            self._users += 1
            model = self._made[0]
        try:
            yield model
        finally:
            with self._lock:
                self._users -= 1
                self._last_use = time.monotonic()
                if self._timer is None:
                    self._wait(self._idle_s)

    def drop(self) -> bool:
        """Let go now, unless it is in use; whether it went."""
        with self._lock:
            if self._users:
                return False
            self._made.clear()
            return True

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._on_time)
        self._timer.daemon = True
        self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
            unused_s = time.monotonic() - self._last_use
            if self._users or not self._made:
                return  # whoever uses it winds the clock up again
            if unused_s < self._idle_s:
                self._wait(self._idle_s - unused_s)
            else:
                self._made.clear()
