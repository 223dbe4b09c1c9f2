"""Giving out a stream: what may leave now, asked anew for every chunk.

Whoever listens gets what pieces cover, a few seconds ahead of real time at most. When the consent, the job, the file or
the caller's own rights end, the next question is answered with a refusal and nothing more leaves.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction

from accounts.people.permissions import SPEECH_READ
from accounts.people.principals import Principal, renewed
from audit.services import record
from audit.subjects import about
from synth.common import wakeup
from synth.errors import AssentError, Conflict, Forbidden
from synth.jobs import selectors
from synth.jobs.models import JobState, SynthesisJob, SynthesisPiece
from synth.jobs.services.releasing import JobStopped, still_permitted
from synth.jobs.services.serving import cancel_job, job_error, refusal_to_serve

RENEWED_EVERY_S = 2.0
CHUNK_S = 0.25
"""So much sound leaves at one asking."""
CHUNK_BYTES = 128 * 1024
"""The same where nobody listens as it plays."""


@dataclass
class Listener:
    """One reader of one job's sound, and how far it has come (``sent`` bytes)."""

    principal: Principal
    job_id: UUID
    sent: int = 0
    _ends: list[tuple[int, int]] = field(default_factory=list)
    """End of each piece known so far: bytes, milliseconds."""
    _renewed_at: float = field(default_factory=time.monotonic)
    _path: Path | None = None
    _is_whole: bool = False

    @property
    def has_all(self) -> bool:
        """Nothing more will come."""
        return self._is_whole and self.sent >= self._known_bytes

    @property
    def _known_bytes(self) -> int:
        return self._ends[-1][0] if self._ends else 0

    @property
    def next_at_s(self) -> float:
        """Where in the sound the next byte lies, in seconds."""
        return self._seconds_at(self.sent)

    def look(self) -> bool:
        """Whether there is anything to send by now. Raises AssentError when nothing more may leave."""
        if time.monotonic() - self._renewed_at > RENEWED_EVERY_S:
            self.principal = renewed(self.principal)
            self.principal.require(SPEECH_READ)
            self._renewed_at = time.monotonic()
        job = selectors.job_row(self.job_id)
        _require_sendable(job)
        if not self._is_whole:
            self._note(job)
        return self._known_bytes > self.sent

    def take(self, *, paced: bool) -> bytes:
        """The next chunk of what was seen."""
        end = min(self._known_bytes, self.sent + CHUNK_BYTES)
        if paced:
            end = min(end, max(self.sent + 1, self._bytes_at(self.next_at_s + CHUNK_S)))
        if self._path is None:
            return b""
        try:
            with self._path.open("rb") as file:
                file.seek(self.sent)
                data = file.read(end - self.sent)
        except FileNotFoundError:  # it ended this moment; the next look says why
            return b""
        self.sent += len(data)
        return data

    def _note(self, job: SynthesisJob) -> None:
        output = getattr(job, "output", None)
        if job.is_streamed:
            fresh = SynthesisPiece.objects.filter(job=job, index__gte=len(self._ends)).order_by("index")
            self._ends += list(fresh.values_list("end_byte", "end_ms"))
        elif output is not None:
            self._ends = [(output.size_bytes, output.duration_ms)]
        name = job.stream_file or (output.file if output is not None else "")
        if name and self._path is None:
            self._path = Path(default_storage.path(name))
        self._is_whole = job.state == JobState.RELEASED

    def _seconds_at(self, at_byte: int) -> float:
        index = bisect_left(self._ends, (at_byte, 0))
        if index >= len(self._ends):
            return self._ends[-1][1] / 1000 if self._ends else 0.0
        (start, start_ms), (end, end_ms) = self._before(index), self._ends[index]
        return (start_ms + (end_ms - start_ms) * (at_byte - start) / max(1, end - start)) / 1000

    def _bytes_at(self, seconds: float) -> int:
        for index, (end, end_ms) in enumerate(self._ends):
            if end > self.sent and end_ms >= 1000 * seconds:
                start, start_ms = self._before(index)
                return start + round((end - start) * (1000 * seconds - start_ms) / max(1, end_ms - start_ms))
        return self._known_bytes

    def _before(self, index: int) -> tuple[int, int]:
        return self._ends[index - 1] if index else (0, 0)


def _require_sendable(job: SynthesisJob) -> None:
    """AssentError unless sound of this job may leave now; asked as for its release."""
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        raise job_error(job)
    output = getattr(job, "output", None)
    if output is not None and (refusal := refusal_to_serve(output)) is not None:
        raise refusal
    if job.cancel_requested_at is not None:
        raise Conflict("job_cancelled", "This job was cancelled.")
    try:
        still_permitted(job)
    except JobStopped as stopped:
        raise Forbidden(
            "stream_ended", "What this speech was permitted by has ended; no more of it is sent.",
            extra={"reason": stopped.reason},
        ) from None  # fmt: skip


def open_stream(*, principal: Principal, job_id: UUID) -> Listener:
    """A reader at the beginning of a job's sound; that it listens is an entry in the log.

    Raises NotFound; Forbidden ``scope_missing``; and what `Listener.look` raises.
    """
    principal.require(SPEECH_READ)
    job = selectors.job_for(principal, job_id)
    _require_sendable(selectors.job_row(job.id))
    with transaction.atomic():
        record(
            event="output.downloaded",
            actor=principal.actor,
            organisation_id=principal.organisation.id,
            subject=about("voice", job.voice_id),
            data={"job_id": str(job.id), "kind": "stream"},
        )
    return Listener(principal, job.id)


def wait_for_sound(
    *, job_id: UUID, timeout_s: float, is_gone: Callable[[], bool] = lambda: False
) -> SynthesisJob:
    """The job once its first sound is released, or it is final, or as it stands after ``timeout_s`` or when the caller
    ``is_gone``. Holds no database connection while it waits."""
    return wakeup.wait_until(
        "job",
        str(job_id),
        read=lambda: selectors.job_row(job_id),
        done=lambda job: job.is_final or (job.is_streamed and job.pieces.exists()) or is_gone(),
        timeout_s=timeout_s,
        every_s=1.0,  # nobody calls when the caller goes
    )


def leave(*, principal: Principal, job_id: UUID) -> None:
    """The caller for whom the job was made has gone: it stops, unless it is done."""
    try:
        cancel_job(principal=principal, job_id=job_id)
    except AssentError:
        return  # finished, or the caller's rights have ended, which ends it as well
