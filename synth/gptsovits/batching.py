"""Continuous batching: one thread owns the decoder of a device, requests join and leave between its steps.

Callers submit utterances and wait for tokens; what they do with them (the generator) runs in their own threads,
so that the tokens of the next sentence are made while the last one becomes sound.

Who goes first: the job with the fewest running rows, then the oldest utterance. A long text therefore never
keeps a short one waiting for more than the end of some running sentence, however many sentences it has. At most
one utterance is read (prefilled) between two steps, which bounds how long the others stand still.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from synth.errors import Unavailable
from synth.gptsovits.decoding import DecodeBatch, Ended, Row, Utterance


class Ticket:
    """One submitted utterance. Safe to use from the thread that submitted it."""

    def __init__(self, job: Hashable, utterance: Utterance, order: int) -> None:
        self.job = job
        self.utterance = utterance
        self.order = order
        self.row: Row | None = None
        self.error: BaseException | None = None
        self.submitted_at = time.monotonic()
        self.first_token_at: float | None = None
        self._cancelled = False
        self._progress = threading.Condition()
        self._wanted = 1

    @property
    def done(self) -> bool:
        """Ended, failed or cancelled: there will be no further tokens."""
        return (
            self.error is not None or self._cancelled or (self.row is not None and self.row.ended is not None)
        )

    @property
    def ended(self) -> Ended | None:
        """Why there are no more tokens, None while it runs."""
        if self._cancelled:
            return Ended.CANCELLED
        return self.row.ended if self.row is not None else None

    def tokens(self) -> list[int]:
        """The tokens so far."""
        return list(self.row.tokens) if self.row is not None else []

    def wait(self, count: int | None = None, timeout_s: float = 0.25) -> bool:
        """Until ``count`` tokens are there (None: until it is done) or the time is over; True when so.

        Raises what went wrong while it was decoded.
        """
        with self._progress:
            self._wanted = count if count is not None else 1 << 30
            self._progress.wait_for(lambda: self._reached(count), timeout_s)
            if self.error is not None:
                raise self.error
            return self._reached(count)

    def cancel(self) -> None:
        """Its row is freed before the next step; nothing happens to one that has ended."""
        with self._progress:
            if self.done:
                return
            self._cancelled = True
            self._progress.notify_all()

    def _reached(self, count: int | None) -> bool:
        return self.done or (count is not None and self.row is not None and len(self.row.tokens) >= count)

    def _publish(self) -> None:
        """Called by the scheduler after each step; wakes the waiter only when it has what it wants."""
        row = self.row
        if row is not None and row.tokens and self.first_token_at is None:
            self.first_token_at = time.monotonic()
        if self.done or (row is not None and len(row.tokens) >= self._wanted):
            with self._progress:
                self._progress.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._progress:
            self.error = error
            self._progress.notify_all()


@dataclass
class SchedulerFigures:
    """Counts since the start, for metrics and benchmarks."""

    steps: int = 0
    tokens: int = 0
    rows_at_most: int = 0
    busy_s: float = 0.0


@dataclass
class _Running:
    ticket: Ticket
    row: Row


@dataclass
class Scheduler:
    """Shares one `DecodeBatch` between jobs. ``make_batch`` is called in the scheduler's thread.

    The thread starts with the first utterance and ends after ``idle_s`` without any, freeing keys and values.
    """

    make_batch: Callable[[], DecodeBatch]
    max_waiting: int = 1024
    idle_s: float = 30.0
    figures: SchedulerFigures = field(default_factory=SchedulerFigures)

    def __post_init__(self) -> None:
        self._work = threading.Condition()
        self._waiting: list[Ticket] = []
        self._running: list[_Running] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self._order = itertools.count()

    def submit(self, job: Hashable, utterance: Utterance) -> Ticket:
        """Queue an utterance for ``job``; raises `Unavailable` when closed or when too many wait."""
        with self._work:
            if self._closed:
                raise Unavailable("engine_stopping", "The engine is being stopped.")
            if len(self._waiting) >= self.max_waiting:
                raise Unavailable(
                    "engine_busy",
                    "Too many sentences wait for the engine.",
                    measured=len(self._waiting),
                    limit=self.max_waiting,
                    retry_after_s=5,
                )
            ticket = Ticket(job, utterance, next(self._order))
            self._waiting.append(ticket)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gptsovits-decoder", daemon=True)
                self._thread.start()
            self._work.notify()
            return ticket

    def close(self) -> None:
        """End the thread; whatever still waits or runs fails with `Unavailable`."""
        with self._work:
            self._closed = True
            thread = self._thread
            self._work.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # ------------------------------------------------------------------------------- the scheduler's thread

    def _run(self) -> None:
        batch: DecodeBatch | None = None
        while True:
            with self._work:
                if not self._waiting and not self._running and not self._closed:
                    self._work.wait(self.idle_s)
                if self._closed or (not self._waiting and not self._running):
                    self._thread = None
                    left = [*self._waiting, *(running.ticket for running in self._running)]
                    self._waiting.clear()
                    self._running.clear()
                    break
            try:
                batch = batch or self.make_batch()
                self._once(batch)
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                # Nothing of this batch can be trusted any more; the next one starts afresh.
                batch = None
                with self._work:
                    failed = [running.ticket for running in self._running]
                    if not failed:
                        failed, self._waiting = self._waiting, []
                    self._running.clear()
                for ticket in failed:
                    ticket._fail(error)
        for ticket in left:
            ticket._fail(Unavailable("engine_stopping", "The engine is being stopped."))

    def _once(self, batch: DecodeBatch) -> None:
        """Free what was cancelled, let one utterance in, make one token for every row."""
        started = time.monotonic()
        for running in self._running:
            if running.ticket._cancelled:
                batch.cancel(running.row)
        self._forget_ended()
        while len(batch) < batch.max_rows and (ticket := self._next()) is not None:
            self._admit(batch, ticket)
            if len(batch) > 1:
                break
        active = list(self._running)
        if active:
            batch.step()
            self.figures.steps += 1
            self.figures.tokens += len(active)
            self.figures.rows_at_most = max(self.figures.rows_at_most, len(active))
            for one in active:
                one.ticket._publish()
            self._forget_ended()
        self.figures.busy_s += time.monotonic() - started

    def _next(self) -> Ticket | None:
        rows = Counter(running.ticket.job for running in self._running)
        with self._work:
            self._waiting = [ticket for ticket in self._waiting if not ticket._cancelled]
            if not self._waiting:
                return None
            ticket = min(self._waiting, key=lambda ticket: (rows[ticket.job], ticket.order))
            self._waiting.remove(ticket)
            return ticket

    def _admit(self, batch: DecodeBatch, ticket: Ticket) -> None:
        try:
            row = batch.join(ticket.utterance)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            # What is wrong with one text (too long, unknown phone) is its own affair.
            ticket._fail(error)
            return
        ticket.row = row
        if row.ended is None:
            self._running.append(_Running(ticket, row))
        ticket._publish()

    def _forget_ended(self) -> None:
        self._running = [running for running in self._running if running.row.ended is None]
