"""One job, from its row to its released file.

    clips -> speak -> report -> mark -> encode, label, sign -> read back from the final bytes -> release

Nothing leaves that was not read back: a file in which the mark cannot be found is never released.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from accounts.consent.pronounced import refuse_excluded
from accounts.gates.signal import to_mono_16k
from accounts.gates.speaker import cosine
from accounts.gates.speaker import embed as embed_speaker
from accounts.gates.speaker import find_weights as find_speaker_weights
from accounts.gates.speech import cut, speech_spans
from accounts.voices.embeddings import from_bytes
from synth import __version__
from synth.audio.encode import FORMATS, decode_own, encode
from synth.audio.follow import follow_report
from synth.audio.room_tone import with_room_tone
from synth.engines.base import PRONUNCIATIONS, Cancelled, Engine, Speech
from synth.errors import AssentError
from synth.jobs import services
from synth.jobs.models import SynthesisJob
from synth.jobs.services import Finished, JobStopped
from synth.provenance import aigc, credentials
from synth.provenance.names import EMBEDDED
from synth.speech.assembly import Listen, Passage, Spoken, speak
from synth.speech.notice import Notice, refuse_unheard
from watermark.codec import ReadBack, embed, read_back
from watermark.codec import fingerprint as fingerprints
from watermark.comparison import reference as references
from watermark.models import Mark
from watermark.services import reserve_mark
from worker import resident
from worker.carried import ingredients_of
from worker.heartbeat import Heartbeat
from worker.outage import is_outage
from worker.passages import passage_of
from worker.spoken import Listener, word_times

logger = logging.getLogger(__name__)
SHORTEST_FILE_S = 2.5
"""Shorter speech gets room tone: in this much, half a second of words was read back in every format tried."""


@dataclass
class Step:
    """Where the job stands; written by the computing thread, read by the heartbeat."""

    stage: str = "starting"
    progress: float = 0.0


#: Speaks, marks and releases a claimed job.
Make = Callable[[SynthesisJob, Step, Heartbeat], None]


def render(job: SynthesisJob, make: Make | None = None) -> None:
    """See one claimed job through, by `make_whole` or `worker.streaming.make`; every end of it is written to its row
    and the log."""
    step = Step()

    def beat() -> None:
        services.beat(job=job, stage=step.stage, progress=step.progress)

    try:
        with Heartbeat(beat, pulse=lambda: (step.stage, step.progress)) as heart:
            beat()
            (make or make_whole)(job, step, heart)
    except JobStopped as stopped:
        services.stop_job(job=job, reason=stopped.reason)
    except AssentError as error:
        services.fail_job(job=job, error=error)
    except Exception as error:
        close_old_connections()
        if is_outage(error):
            logger.warning("job %s was interrupted and will be repeated: %s", job.id, error)
            return
        # Unexpected: the row keeps a plain error, the process log the details.
        logger.exception("job %s failed", job.id)
        services.fail_job(
            job=job,
            error=AssentError("synthesis_failed", "The speech could not be made.", http_status=500),
        )


def make_whole(job: SynthesisJob, step: Step, heart: Heartbeat) -> None:
    """The whole file first, then its release. Raises `JobStopped`, and AssentError as engine and codec do."""
    finished, mark = _make(job, step, heart)
    heart.raise_if_stopped()
    services.release_job(job=job, mark=mark, finished=finished)


def _make(job: SynthesisJob, step: Step, heart: Heartbeat) -> tuple[Finished, Mark]:
    engine = resident.engine()
    step.stage = "speaking"
    with Listener(job.language, engine.supports) as listener:
        spoken = _speak(engine, job, step, heart, listener)
    speech = spoken.speech
    refuse_not_finite(speech.samples, "The engine")

    step.stage, step.progress = "measuring", 0.72
    report = report_of(job, spoken)

    step.stage, step.progress = "marking", 0.78
    mark = reserve(job, engine, speech.spoken_by or (engine.name, engine.version))
    heart.raise_if_stopped()
    sound, trim_to = long_enough(speech.samples, speech.sample_rate_hz)
    marked = apply_marks(sound, speech.sample_rate_hz, mark)
    refuse_not_finite(marked, "The watermark")

    step.stage, step.progress = "labelling", 0.9
    made_at = timezone.now()
    label = label_of(mark, made_at)
    data = encode(marked, speech.sample_rate_hz, format=job.format)
    is_labelled = FORMATS[job.format].has_label
    if is_labelled:
        data = aigc.write(data, job.format, label)
    data, manifest = sign(data, job, mark, made_at)  # last: whatever is written after it breaks the signature

    step.stage, step.progress = "reading back", 0.94
    samples, rate_hz, found = _checked(job, spoken, mark, data, label if is_labelled else None)
    finished = finished_of(
        job,
        engine,
        mark,
        spoken,
        listener,
        samples=samples,
        sample_rate_hz=rate_hz,
        found=found,
        data=data,
        manifest=manifest,
        layers=layers_found(mark, samples, rate_hz),
        is_labelled=is_labelled,
        follow_report=report,
        trim_to=trim_to,
    )
    return finished, mark


def long_enough(samples: np.ndarray, sample_rate_hz: int) -> tuple[np.ndarray, dict[str, float] | None]:
    """The speech (n,), in room tone where it is too short for a mark, and where its words are then, in seconds.

    What an engine left empty or silent stays so: nothing was said that could be released.
    """
    if len(samples) >= SHORTEST_FILE_S * sample_rate_hz or not samples.any():
        return samples, None
    sound, start_s, end_s = with_room_tone(
        samples, sample_rate_hz, at_least_s=SHORTEST_FILE_S, generator=np.random.default_rng()
    )
    return sound, {"start_s": round(start_s, 3), "end_s": round(end_s, 3)}


def sign(data: bytes, job: SynthesisJob, mark: Mark, made_at: datetime) -> tuple[bytes, bytes]:
    """The file with its Content Credentials, where its format carries them, and the manifest.

    Raises AssentError ``credentials_failed`` when they do not validate afterwards.
    """
    if job.format in EMBEDDED:
        return credentials.sign(data, job.format, _claim(job, mark, made_at), resident.authority())
    return data, sidecar(data, job, mark, made_at)


def sidecar(data: bytes, job: SynthesisJob, mark: Mark, made_at: datetime) -> bytes:
    """The manifest beside a file that carries none: also of a stream, whose head had left before its end was known."""
    return credentials.sidecar(data, _claim(job, mark, made_at), resident.authority())


def _claim(job: SynthesisJob, mark: Mark, made_at: datetime) -> credentials.Claim:
    return credentials.Claim(
        record_id=str(mark.public_id),
        producer=f"Assent ({settings.ASSENT_OPERATOR})",
        version=__version__,
        engine=mark.engine_name,
        engine_version=mark.engine_version,
        created_at=made_at,
        log_origin=settings.ASSENT_ORIGIN,
        consent_sha256=job.consent.receipt_sha256,
        source_type=credentials.ALGORITHMIC if mark.engine_name == "preview" else credentials.TRAINED,
        ingredients=ingredients_of(job),
    )


def label_of(mark: Mark, made_at: datetime) -> aigc.AigcLabel:
    """What a file of this record says of itself."""
    return aigc.AigcLabel(
        label="1",
        content_producer=settings.ASSENT_CONTENT_PRODUCER,
        produce_id=str(mark.public_id),
        system=f"Assent {__version__}, {mark.engine_name} {mark.engine_version}",
        made_at=made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _speak(engine: Engine, job: SynthesisJob, step: Step, heart: Heartbeat, listen: Listen) -> Spoken:
    def on_progress(share: float) -> None:
        step.progress = 0.05 + 0.65 * share

    try:
        return speak_job(
            engine,
            job,
            on_progress=on_progress,
            should_stop=lambda: heart.stop_reason is not None,
            listen=listen,
        )
    except Cancelled:
        heart.raise_if_stopped()
        raise JobStopped("cancelled") from None


def speak_job(
    engine: Engine,
    job: SynthesisJob,
    *,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
    listen: Listen | None = None,
) -> Spoken:
    """The speech of a job, unmarked. Raises Forbidden ``scope_violation`` and ``clip_erased``, Cancelled, and what the
    engine refuses."""
    passage = checked_passage(engine, job)
    return speak(engine, passage, on_progress=on_progress, should_stop=should_stop, listen=listen)


def checked_passage(engine: Engine, job: SynthesisJob) -> Passage:
    """What the job is to speak. Raises Forbidden ``scope_violation`` and ``clip_erased``."""
    passage = passage_of(job)
    if PRONUNCIATIONS in engine.supports:
        refuse_excluded(
            job.consent.scope_in_force, job.language, [(part.text, part.dictionary) for part in passage.parts]
        )
    return passage


def refuse_not_finite(samples: np.ndarray, made_by: str) -> None:
    """AssentError ``samples_not_finite``, before anything more is computed on samples (n,)."""
    if samples.ndim != 1:
        raise ValueError(f"{made_by} made an array of shape {samples.shape}, not one channel")
    if not np.isfinite(samples).all():
        raise AssentError(
            "samples_not_finite", f"{made_by} made samples that are not numbers.", http_status=500
        )


def report_of(job: SynthesisJob, spoken: Spoken) -> dict[str, Any]:
    """How the speech follows its clip; where several styles were spoken, the one that was spoken most."""
    report = follow_report(
        spoken.clip.samples,
        spoken.clip.sample_rate_hz,
        spoken.judged.samples,
        spoken.judged.sample_rate_hz,
        reference_text=spoken.clip.transcript,
        output_text=spoken.judged_text,
        reference_units=spoken.judged.details.get("reference_phones"),
        output_units=spoken.judged.details.get("phones"),
        speed=spoken.speed,
        similarity=similarity_to_voice(job, spoken.speech),
    )
    return report | {"style": spoken.style_name, "of_whole": spoken.judged is spoken.speech}


def similarity_to_voice(job: SynthesisJob, speech: Speech) -> float | None:
    """Cosine of the speech's speaker embedding with the voice's own, from its consent recording; None where
    either is not to be had (no speaker weights, no voiceprint, hardly any speech)."""
    voiceprint = from_bytes(job.voice.speaker_embedding)
    weights_path = find_speaker_weights(settings.ASSENT_MODELS_DIR)
    if voiceprint is None or weights_path is None:
        return None
    mono = to_mono_16k(speech.samples, speech.sample_rate_hz)
    spoken = cut(mono, speech_spans(mono))
    if len(spoken) < 1.6 * 16_000:
        return None
    return round(float(cosine(embed_speaker(spoken, weights_path).whole, voiceprint)), 3)


def apply_marks(samples: np.ndarray, sample_rate_hz: int, mark: Mark) -> np.ndarray:
    """Both layers: AudioSeal's public mark first, ours on top, so that ours is the one read back."""
    public = resident.public_mark()
    unmarked = samples
    if public is not None:
        samples = public.embed(samples, sample_rate_hz)
    return embed(
        samples,
        sample_rate_hz,
        record_number=mark.record_number,
        keys=resident.mark_keys(),
        epoch=mark.epoch_id,
        generator=np.random.default_rng(),
        # The quality asked for is that of both marks together, against the speech as it was spoken.
        quality_reference=unmarked,
    )


def reserve(job: SynthesisJob, engine: Engine, speaker: tuple[str, str]) -> Mark:
    """The record of what ``speaker`` (name and version) said, with the layers that its mark is written in."""
    layers = ["keyed", *(["audioseal"] if resident.public_mark() is not None else [])]
    return reserve_mark(
        organisation=job.organisation,
        consent=job.consent,
        engine_name=speaker[0],
        engine_version=speaker[1],
        is_preview=engine.is_preview,
        layers=layers,
    )


def read_mark(samples: np.ndarray, sample_rate_hz: int, mark: Mark) -> ReadBack:
    """The keyed mark of this record, read from final samples (n,)."""
    return read_back(
        samples,
        sample_rate_hz,
        record_number=mark.record_number,
        keys=resident.mark_keys(),
        epoch=mark.epoch_id,
    )


def unreadable(found: ReadBack, duration_s: float, outcome: str) -> AssentError:
    """What is said where the mark is not ``found``; ``outcome``: what becomes of the speech of this length."""
    return AssentError(
        "too_short_to_mark" if duration_s < 3.0 else "watermark_failed",
        f"The mark could not be read back from this speech, so {outcome}. A longer text helps.",
        measured=round(found.score, 2),
        limit=round(found.threshold, 2),
        http_status=422,
    )


def layers_found(mark: Mark, samples: np.ndarray, sample_rate_hz: int) -> list[str]:
    """The layers that the record names: only what can be found again; the keyed mark is the one that release depends
    on."""
    public = resident.public_mark()
    if public is not None and not public.detect(samples, sample_rate_hz).presence:
        return [layer for layer in mark.layers if layer != "audioseal"]
    return list(mark.layers)


def _checked(
    job: SynthesisJob, spoken: Spoken, mark: Mark, data: bytes, label: aigc.AigcLabel | None
) -> tuple[np.ndarray, int, ReadBack]:
    """Read mark and label back from the final bytes: samples (n,), their rate, and the mark as it was found. Raises
    AssentError when either cannot be found."""
    final = decode_own(data, job.format)
    samples = final.mono()
    found = read_mark(samples, final.sample_rate_hz, mark)
    if not found.ok:
        raise unreadable(found, spoken.speech.duration_s, "it is not released")
    refuse_unheard(Notice.from_json(job.notice), samples, final.sample_rate_hz)
    if label is not None and aigc.read(data) != label:
        raise AssentError("label_failed", "The label could not be read back.", http_status=500)
    return samples, final.sample_rate_hz, found


def finished_of(
    job: SynthesisJob,
    engine: Engine,
    mark: Mark,
    spoken: Spoken,
    listener: Listener,
    *,
    samples: np.ndarray,
    sample_rate_hz: int,
    found: ReadBack,
    data: bytes,
    manifest: bytes,
    layers: list[str],
    is_labelled: bool,
    follow_report: dict[str, Any],
    trim_to: dict[str, float] | None,
) -> Finished:
    """What the completed-entry and the record say of a file, by its final ``samples`` (n,)."""
    start_s = trim_to["start_s"] if trim_to else 0.0
    return Finished(
        data=data,
        format=job.format,
        media_type=FORMATS[job.format].media_type,
        duration_ms=round(1000 * len(samples) / sample_rate_hz),
        sample_rate_hz=sample_rate_hz,
        fingerprint=fingerprints.compute(samples, sample_rate_hz),
        reference=references.make(samples, sample_rate_hz),
        layers=layers,
        is_labelled=is_labelled,
        manifest=manifest,
        mark_score=found.score,
        mark_threshold=found.threshold,
        engine_name=mark.engine_name,
        engine_version=mark.engine_version,
        is_preview=engine.is_preview,
        content_source=spoken.speech.content_source,
        warnings=list(spoken.speech.warnings),
        follow_report=follow_report,
        own_weights=spoken.own_weights,
        spoken_check=listener.report(spoken.speech),
        word_times=word_times(job.text, [segment.moved(start_s) for segment in spoken.speech.segments]),
        trim_to=trim_to,
    )
