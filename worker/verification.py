"""Answering what a file is: decode, search both marks, compare with the record, read the label, decide."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from django.db import close_old_connections

from synth.audio.decode import Audio, DecodeLimits
from synth.errors import AssentError
from synth.provenance import aigc
from watermark import selectors, services
from watermark.codec import DETECTOR_VERSION, PRESENCE_FALSE_RATE, Detection, detect
from watermark.codec import fingerprint as fingerprints
from watermark.models import Mark, Verification
from watermark.verdict import SENTENCES, Decision, Findings, Interval, RecordFinding, decide, subtract
from worker import resident
from worker.decoding import decode_stored
from worker.heartbeat import Heartbeat
from worker.outage import is_outage

logger = logging.getLogger(__name__)
LIMITS = DecodeLimits(max_bytes=services.UPLOAD_LIMIT_BYTES, max_duration_s=3600.0, max_channels=8)
_WAVEFORM_POINTS = 400
_FRAME_S = 0.02
_WORD_EDGE_S = 1.0
_SHORTEST_ALTERED_S = 0.15
_SHORTEST_FOREIGN_S = 0.25


def answer(query: Verification) -> None:
    """Answer a claimed query; every end of it is written to its row and the log."""
    progress = [0.05]

    def beat() -> None:
        services.beat(verification_id=query.id, progress=progress[0])

    try:
        with Heartbeat(beat, pulse=lambda: progress[0]):
            report = _report(query, progress)
        services.complete_verification(verification_id=query.id, report=report)
    except AssentError as error:
        services.fail_verification(verification_id=query.id, error=error)
    except Exception as error:
        close_old_connections()
        if is_outage(error):
            logger.warning("verification %s was interrupted and will be repeated: %s", query.id, error)
            return
        logger.exception("verification %s failed", query.id)
        services.fail_verification(
            verification_id=query.id,
            error=AssentError("verification_failed", "The file could not be checked.", http_status=500),
        )


def _report(query: Verification, progress: list[float]) -> dict[str, Any]:
    audio = decode_stored(query.upload_name, limits=LIMITS)
    progress[0] = 0.3
    findings, marks, detection = examine(audio, deep=query.deep)
    progress[0] = 0.9
    decision = decide(findings)
    label = _label(query.upload_name)
    named = {number: mark for number, mark in marks.items() if number in decision.records}
    return {
        "verdict": decision.verdict.value,
        "sentence": SENTENCES[decision.verdict],
        "reasons": [*decision.reasons, *_contradictions(label, named, decision)],
        "file": {
            "sha256": query.file_sha256,
            "size_bytes": query.size_bytes,
            "duration_s": round(findings.duration_s, 2),
            "active_s": round(findings.active_s, 2),
            "sample_rate_hz": audio.sample_rate_hz,
            "channels": int(audio.samples.shape[0]),
            "container": audio.container,
        },
        "records": [_record(named[n], query) for n in decision.records if n in named],
        "intervals": [_interval(i, marks) for i in decision.intervals],
        "layers": {
            "keyed": "read" if findings.records else "traces" if findings.mark_present else "not found",
            "public": _public_word(findings),
        },
        "label": label,
        "waveform": waveform(audio.mono()),
        "detector": {
            "version": DETECTOR_VERSION,
            "presence_false_alarm_rate": PRESENCE_FALSE_RATE,
            "deep": query.deep,
            "time_scale": round(detection.time_scale, 3),
            "frequency_scale": round(detection.frequency_scale, 3),
        },
    }


def examine(audio: Audio, *, deep: bool) -> tuple[Findings, dict[int, Mark], Detection]:
    """Search every channel for our mark; the channel with the strongest finding speaks for the file."""
    epochs = selectors.readable_epochs()
    channels = list(audio.samples) if audio.samples.shape[0] > 1 else [audio.samples[0]]
    if len(channels) > 1:
        channels.append(audio.mono())
    best: Detection | None = None
    heard = channels[0]
    for channel in channels:
        found = _detect(channel, audio.sample_rate_hz, epochs, deep=deep)
        if best is None or (len(found.words), found.presence_z) > (len(best.words), best.presence_z):
            best, heard = found, channel
    assert best is not None  # noqa: S101 - every file has a channel
    numbers = list(dict.fromkeys(word.record_number for word in best.words))
    marks = selectors.issued_marks(numbers)
    records = tuple(
        _compare(number, marks.get(number), best, heard, audio.sample_rate_hz) for number in numbers
    )
    others = [channel for channel in audio.samples if not np.array_equal(channel, heard)]
    public_present, public_intervals = _public(audio)
    findings = Findings(
        duration_s=audio.samples.shape[1] / audio.sample_rate_hz,
        active=tuple(active_spans(audio.mono(), audio.sample_rate_hz)),
        records=records,
        mark_present=best.present,
        public_present=public_present,
        public_intervals=public_intervals,
        foreign=_foreign(others, heard, list(marks.values()), best, audio.sample_rate_hz),
    )
    return findings, marks, best


def _foreign(
    channels: list[np.ndarray], heard: np.ndarray, marks: list[Mark], found: Detection, sample_rate_hz: int
) -> tuple[tuple[float, float], ...]:
    """Sound of further channels that is no record's: our file in one channel speaks for no other channel."""
    spans: list[tuple[float, float]] = []
    if marks:
        beside = 1e-2 * _loud(heard, sample_rate_hz)  # 40 dB below what was read, nobody hears it
        for channel in channels:
            ours = [span for mark in marks for span in _agreeing(mark, channel, found, sample_rate_hz)]
            rest = subtract(active_spans(channel, sample_rate_hz, at_least=beside), ours)
            spans += [(a, b) for a, b in rest if b - a >= _SHORTEST_FOREIGN_S]
    return tuple(spans)


def _agreeing(
    mark: Mark, samples: np.ndarray, found: Detection, sample_rate_hz: int
) -> list[tuple[float, float]]:
    match = fingerprints.compare(
        bytes(mark.fingerprint or b""),
        samples,
        sample_rate_hz,
        time_scale=found.time_scale,
        frequency_scale=found.frequency_scale,
    )
    return [(i.start_s, i.end_s) for i in match.intervals if i.ok]


def _detect(samples: np.ndarray, sample_rate_hz: int, epochs: list[str], *, deep: bool) -> Detection:
    if not epochs:
        return Detection(False, 0.0, [], len(samples) / sample_rate_hz, 0.0)
    return detect(samples, sample_rate_hz, keys=resident.mark_keys(), epochs=epochs, deep=deep)


def _compare(
    number: int, mark: Mark | None, found: Detection, samples: np.ndarray, sample_rate_hz: int
) -> RecordFinding:
    """Does the audio that carries this record's word hold this record's content?"""
    spans = [(w.start_s, w.end_s) for w in found.words if w.record_number == number]
    if mark is None or mark.fingerprint is None:
        return RecordFinding(
            number, known=False, intervals=tuple(Interval(a, b, "altered", number) for a, b in spans)
        )
    match = fingerprints.compare(
        bytes(mark.fingerprint),
        samples,
        sample_rate_hz,
        time_scale=found.time_scale,
        frequency_scale=found.frequency_scale,
    )
    ours = [(i.start_s, i.end_s) for i in match.intervals if i.ok]
    # Matching content counts wherever it is; a mismatch only where the word was read. The word's own ends are
    # known to about a second: between a fingerprint that has ended and a word that has not, nothing is claimed.
    inner = [(a + _WORD_EDGE_S, b - _WORD_EDGE_S) if ours else (a, b) for a, b in spans]
    altered = [(a, b) for a, b in subtract(inner, ours) if b - a >= _SHORTEST_ALTERED_S]
    intervals = sorted(
        [Interval(a, b, "ours", number) for a, b in ours]
        + [Interval(a, b, "altered", number) for a, b in altered],
        key=lambda i: i.start_s,
    )
    return RecordFinding(
        number,
        known=True,
        record_duration_s=(mark.duration_ms or 0) / 1000,
        in_order=match.in_order,
        intervals=tuple(intervals),
        covered=match.covered,
        word_s=sum(b - a for a, b in spans),
    )


def _public(audio: Audio) -> tuple[bool, tuple[tuple[float, float], ...]]:
    layer = resident.public_mark()
    if layer is None:
        return False, ()
    found = layer.detect(audio.mono(), audio.sample_rate_hz)
    return found.presence, tuple((a, b) for a, b in found.intervals)


def _public_word(findings: Findings) -> str:
    if resident.public_mark() is None:
        return "not searched"
    return "found" if findings.public_present else "not found"


def active_spans(
    samples: np.ndarray, sample_rate_hz: int, *, at_least: float = 1e-3
) -> list[tuple[float, float]]:
    """Stretches of sound, in seconds: within 40 dB of the loud parts, above ``at_least`` (amplitude) and
    -60 dBFS, short gaps closed."""
    level = _levels(samples, sample_rate_hz)
    if not len(level):
        return []
    loud = float(np.quantile(level, 0.95))
    active = level > max(loud * 1e-2, at_least, 1e-3)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.view(np.int8), [0]])))
    spans: list[tuple[float, float]] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        a, b = start * _FRAME_S, end * _FRAME_S
        if spans and a - spans[-1][1] < 0.4:
            spans[-1] = (spans[-1][0], b)
        else:
            spans.append((a, b))
    return spans


def _levels(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Root mean square of each 20 ms."""
    frame = max(1, round(_FRAME_S * sample_rate_hz))
    count = len(samples) // frame
    square = np.mean(np.square(samples[: count * frame].reshape(count, frame)), axis=1)
    return np.asarray(np.sqrt(square + 1e-20))


def _loud(samples: np.ndarray, sample_rate_hz: int) -> float:
    level = _levels(samples, sample_rate_hz)
    return float(np.quantile(level, 0.95)) if len(level) else 0.0


def waveform(samples: np.ndarray) -> list[float]:
    """Peaks for drawing: at most 400 values in 0..1, rounded to two places."""
    if len(samples) == 0:
        return []
    step = max(1, -(-len(samples) // _WAVEFORM_POINTS))
    padded = np.pad(np.abs(samples), (0, -len(samples) % step))
    return [round(float(v), 2) for v in np.minimum(padded.reshape(-1, step).max(axis=1), 1.0)]


def _label(name: str) -> dict[str, Any] | None:
    """The AIGC label of the file, where it carries one."""
    from django.core.files.storage import default_storage

    with default_storage.open(name, "rb") as file:
        label = aigc.read(file.read())
    if label is None:
        return None
    return {
        "label": label.label,
        "content_producer": label.content_producer[:200],
        "produce_id": label.produce_id[:200],
    }


def _contradictions(label: dict[str, Any] | None, named: dict[int, Mark], decision: Decision) -> list[str]:
    """What the label says against what was heard."""
    ids = {str(mark.public_id) for mark in named.values()}
    if label is None:
        return ["label_missing"] if ids else []
    if not ids:
        return ["label_without_mark"]
    return [] if label["produce_id"] in ids else ["label_names_another_record"]


def _record(mark: Mark, query: Verification) -> dict[str, Any]:
    return {
        **selectors.public_facts(mark),
        # The one claim about every sample: these are the very bytes that were released.
        "same_bytes": query.file_sha256 == mark.file_sha256,
        "log_proof": f"/api/v1/records/{mark.public_id}/proof",
    }


def _interval(interval: Interval, marks: dict[int, Mark]) -> dict[str, Any]:
    mark = marks.get(interval.record) if interval.record is not None else None
    return {
        "start_s": round(interval.start_s, 2),
        "end_s": round(interval.end_s, 2),
        "kind": interval.kind,
        "record_id": str(mark.public_id) if mark else None,
    }
