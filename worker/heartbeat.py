"""A heartbeat from a thread of its own, so that a long computation does not look like a lost worker; and a
watchdog beside it, so that a hung one does not look like a long one."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

from django.db import DatabaseError, connections

logger = logging.getLogger(__name__)
BEAT_EVERY_S = 3.0
HUNG_AFTER_S = 900.0
HUNG_EXIT_CODE = 70  # EX_SOFTWARE


class Heartbeat:
    """Calls ``beat`` every few seconds while the block runs.

    An exception from ``beat`` is kept as ``stop_reason``, for the computing thread to look at between steps;
    a database that is away for a moment is not one.

    ``pulse`` is anything that changes while work goes on (stage, progress). When it stands still for
    ``hung_after_s`` the whole process is ended: a thread that hangs cannot be; the supervisor starts the worker
    again, and the reaper its jobs.
    """

    def __init__(
        self,
        beat: Callable[[], None],
        *,
        pulse: Callable[[], object] = lambda: None,
        every_s: float = BEAT_EVERY_S,
        hung_after_s: float = HUNG_AFTER_S,
        end_process: Callable[[], None] = lambda: os._exit(HUNG_EXIT_CODE),
    ) -> None:
        self._beat = beat
        self._pulse = pulse
        self._every_s = every_s
        self._hung_after_s = hung_after_s
        self._end_process = end_process
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
        last, since = self._pulse(), time.monotonic()
        try:
            while not self._done.wait(self._every_s):
                if (now := self._pulse()) != last:
                    last, since = now, time.monotonic()
                elif time.monotonic() - since > self._hung_after_s:
                    logger.critical(
                        "nothing has moved for %.0f s at %s: ending the process", self._hung_after_s, now
                    )
                    self._end_process()
                    return
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
