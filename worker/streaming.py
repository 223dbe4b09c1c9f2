"""One streamed job: spoken, marked, encoded, read back and released piece by piece, while the rest is made.

    speak a sentence -> mark it (both layers, running) -> encode (one encoder for all) -> read back -> release the piece
    ... the last one -> report, fingerprint, reference, credentials over the joined bytes -> complete

A piece in which the mark cannot be read is joined to the next. Consent is asked before each sentence is spoken, and
under lock in each release.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace

import numpy as np
from django.db import DatabaseError
from django.utils import timezone

from synth.audio.encode import FORMATS, decode_own
from synth.audio.stream_encode import StreamDecoder, StreamEncoder
from synth.engines.base import Cancelled, Engine
from synth.errors import AssentError
from synth.jobs import services
from synth.jobs.models import SynthesisJob
from synth.jobs.services import Finished, JobStopped, Known
from synth.provenance import aigc
from synth.speech import rhythm
from synth.speech.flow import Flow
from synth.speech.notice import Notice, refuse_unheard
from synth.speech.wording import BEGINNING, RHYTHM
from watermark.codec import ReadBack, StreamEmbedder
from watermark.codec import fingerprint as fingerprints
from watermark.codec.public_stream import PublicStream
from watermark.comparison import reference as references
from worker import rendering, resident
from worker.heartbeat import Heartbeat
from worker.rendering import SHORTEST_FILE_S, Step
from worker.spoken import Listener

logger = logging.getLogger(__name__)
STEP_S = 0.4
"""A sentence is marked in steps, so that its first second leaves before its last is marked."""
LEAST_PIECE_S = 1.0
"""Shorter pieces wait for the next: in less not even a known record is read back dependably."""
LONGEST_UNREAD_S = 12.0
"""Speech for so long without a readable mark is a failure, and no pause."""
KNOWN_GROWTH = 1.5
"""The record takes in what was released whenever that has grown by this factor."""
PUBLIC_LOOKED_AT_S = 60.0


def make(job: SynthesisJob, step: Step, heart: Heartbeat) -> None:
    """Speak and release the job piece by piece. Raises `JobStopped`, and AssentError as engine and codec do."""
    engine = resident.engine()
    flow = Flow(engine, rendering.checked_passage(engine, job))
    writer: Writer | None = None

    def on_progress(share: float) -> None:
        step.progress = 0.02 + 0.93 * share

    step.stage = "speaking"
    try:
        pieces = flow.pieces(on_progress=on_progress, should_stop=lambda: heart.stop_reason is not None)
        with closing(pieces):
            for samples, rate_hz in pieces:
                rendering.refuse_not_finite(samples, "The engine")
                writer = writer or Writer(job, engine, flow.speaker, rate_hz)
                writer.push(samples)
                heart.raise_if_stopped()
                services.require_permitted(job)  # before the next words are spoken
        if writer is None:
            raise AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")
        writer.finish()
        step.stage, step.progress = "measuring", 0.96
        finished = writer.finished(flow)
        heart.raise_if_stopped()
        services.complete_stream(job=job, mark=writer.mark, file=writer.file, finished=finished)
        writer.is_complete = True
    except Cancelled:
        heart.raise_if_stopped()
        raise JobStopped("cancelled") from None
    finally:
        if writer is not None:
            writer.close()


class Writer:
    """From speech as it comes to released pieces of one file."""

    def __init__(self, job: SynthesisJob, engine: Engine, speaker: tuple[str, str], rate_hz: int) -> None:
        self._job, self._engine, self._rate_hz = job, engine, rate_hz
        public = resident.public_mark()
        self.mark = rendering.reserve(job, engine, speaker)
        self._embedder = StreamEmbedder(
            rate_hz,
            record_number=self.mark.record_number,
            keys=resident.mark_keys(),
            epoch=self.mark.epoch_id,
            generator=np.random.default_rng(),
            before=PublicStream(public, rate_hz) if public is not None else None,
        )
        self._encoder = StreamEncoder(rate_hz, format=job.format)
        self._decoder = StreamDecoder(format=job.format)
        self._made_at = timezone.now()
        self._label = rendering.label_of(self.mark, self._made_at) if FORMATS[job.format].has_label else None
        notice = Notice.from_json(job.notice)
        # The beginning is listened to before it leaves, so all of its notice has to be there.
        self._opening = replace(notice, places=(BEGINNING,)) if BEGINNING in notice.places else None
        self.file = services.begin_stream(job=job)
        self._waiting: list[np.ndarray] | None = []  # until there is more than a short line
        self._pending = b""
        self._known_s = 0.0
        self._trim_to: dict[str, float] | None = None
        self._weakest: ReadBack | None = None
        self.is_complete = False

    def push(self, samples: np.ndarray) -> None:
        """Take speech (n,), release what can be."""
        if self._waiting is not None:
            self._waiting.append(samples)
            if sum(map(len, self._waiting)) < SHORTEST_FILE_S * self._rate_hz:
                return
            samples, self._waiting = np.concatenate(self._waiting), None
        step = round(STEP_S * self._rate_hz)
        for start in range(0, len(samples), step):
            marked = self._embedder.push(samples[start : start + step])
            rendering.refuse_not_finite(marked, "The watermark")
            if len(marked):
                self._take(self._encoder.push(marked))
                self._release(last=False)

    def finish(self) -> None:
        """Release the rest; a short line gets its room tone first."""
        if self._waiting is not None:
            said = np.concatenate([np.zeros(0, np.float32), *self._waiting])
            sound, self._trim_to = rendering.long_enough(said, self._rate_hz)
            self._waiting = None
            self._take(self._encoder.push(self._embedder.push(sound)))
        marked = self._embedder.finish()
        rendering.refuse_not_finite(marked, "The watermark")
        self._take(self._encoder.push(marked))
        self._take(self._encoder.finish())
        self._release(last=True)

    def _take(self, data: bytes) -> None:
        if not data:
            return
        if self.file.pieces == 0 and not self._pending and self._label is not None:
            data = aigc.write(data, self._job.format, self._label)
            if aigc.read(data) != self._label:
                raise AssentError("label_failed", "The label could not be read back.", http_status=500)
        self._pending += data

    def _release(self, *, last: bool) -> None:
        """Release what is pending if its mark is read back from its bytes; else it waits for what comes next."""
        if not self._pending:
            return
        samples, rate_hz, fresh_s = self._decoder.piece(self._pending)
        rhythm_s = rhythm.DURATION_S + 1.0 if self._opening and self._opening.kind == RHYTHM else 0.0
        if fresh_s < max(LEAST_PIECE_S, rhythm_s if not self.file.pieces else 0.0) and not last:
            return
        fresh = samples[len(samples) - round(fresh_s * rate_hz) :]
        found = rendering.read_mark(fresh, rate_hz, self.mark)
        if not found.ok and last:
            # The end of a file may be a pause: it is asked with the piece before it.
            found = rendering.read_mark(samples, rate_hz, self.mark)
        if not found.ok:
            if last or fresh_s > LONGEST_UNREAD_S:
                raise rendering.unreadable(
                    found, self._decoder.duration_s + fresh_s, "no more of it is released"
                )
            return
        if not self.file.pieces and self._opening is not None:
            refuse_unheard(self._opening, fresh, rate_hz)
        end_s = self._decoder.duration_s + fresh_s
        known = self._known(self._pending) if end_s >= KNOWN_GROWTH * self._known_s else None
        services.release_piece(
            job=self._job,
            mark=self.mark,
            file=self.file,
            data=self._pending,
            end_ms=round(1000 * end_s),
            known=known,
        )
        if known is not None:
            self._known_s = end_s
        if (
            self._weakest is None
            or found.score - found.threshold < self._weakest.score - self._weakest.threshold
        ):
            self._weakest = found
        self._decoder.keep(self._pending, fresh_s)
        self._pending = b""

    def _known(self, pending: bytes) -> Known:
        audio = decode_own(self.file.released() + pending, self._job.format)
        samples, rate_hz = audio.mono(), audio.sample_rate_hz
        return Known(fingerprints.compute(samples, rate_hz), references.make(samples, rate_hz))

    def finished(self, flow: Flow) -> Finished:
        """What the completed-entry and the whole record say: of the joined bytes, as they were released."""
        data = self.file.released()
        audio = decode_own(data, self._job.format)
        samples, rate_hz = audio.mono(), audio.sample_rate_hz
        weakest = self._weakest
        if weakest is None:
            raise RuntimeError("every released piece was read back")
        refuse_unheard(Notice.from_json(self._job.notice), samples, rate_hz)
        with Listener(self._job.language, frozenset()) as listener:
            spoken = flow.spoken(listener)
        finished = rendering.finished_of(
            self._job,
            self._engine,
            self.mark,
            spoken,
            listener,
            samples=samples,
            sample_rate_hz=rate_hz,
            found=weakest,
            data=b"",  # it stands in its file
            manifest=rendering.sidecar(data, self._job, self.mark, self._made_at),
            layers=rendering.layers_found(self.mark, samples[: round(PUBLIC_LOOKED_AT_S * rate_hz)], rate_hz),
            is_labelled=self._label is not None,
            follow_report=rendering.report_of(self._job, spoken),
            trim_to=self._trim_to,
        )
        # Of all of it, where `spoken` is the beginning of a long stream.
        return replace(
            finished,
            duration_ms=max(self.file.end_ms, finished.duration_ms),
            content_source=flow.content_source,
        )

    def close(self) -> None:
        """After an early end the record takes in all that has left; that fails no job."""
        if self.is_complete or not self.file.pieces or self._known_s * 1000 >= self.file.end_ms - 1:
            return
        try:
            services.know_stream(mark=self.mark, known=self._known(b""))
        except (DatabaseError, OSError, AssentError):
            logger.warning("the record of job %s holds the beginning of its stream only", self._job.id)
