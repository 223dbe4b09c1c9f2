"""A heartbeat from a thread of its own, so that a long computation does not look like a lost worker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from django.db import DatabaseError, connections

logger = logging.getLogger(__name__)
BEAT_EVERY_S = 3.0


class Heartbeat:
    """Calls ``beat`` every few seconds while the block runs.

    An exception from ``beat`` is kept as ``stop_reason``, for the computing thread to look at between steps;
    a database that is away for a moment is not one.
    """

    def __init__(self, beat: Callable[[], None], *, every_s: float = BEAT_EVERY_S) -> None:
        self._beat = beat
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.stop_reason: Exception | None = None

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(timeout=10)

    def raise_if_stopped(self) -> None:
        if self.stop_reason is not None:
            raise self.stop_reason

    def _run(self) -> None:
        try:
            while not self._done.wait(self._every_s):
                try:
                    self._beat()
                except DatabaseError:
                    logger.warning("a heartbeat was lost: the database is away")
                    connections.close_all()
                except Exception as error:  # noqa: BLE001 - handed to the computing thread
                    self.stop_reason = error
                    return
        finally:
            connections.close_all()
