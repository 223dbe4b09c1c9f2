"""Answering what a file is: decode, search both marks, compare with the record, read what it says of itself, decide."""

from __future__ import annotations

import logging
import mmap
from pathlib import Path
from typing import Any

from django.db import close_old_connections

from synth.audio.decode import DecodeLimits, decode_to_file
from synth.audio.decoded import DecodedFile
from synth.errors import AssentError
from synth.provenance import aigc, c2pa
from watermark import selectors, services
from watermark.codec import DETECTOR_VERSION, PRESENCE_FALSE_RATE
from watermark.evidence import percent_step, score_step
from watermark.limits import Limits, limits_of
from watermark.models import Mark, Verification
from watermark.provenance import Claims, contradictions
from watermark.reading.examination import Examined, Progress, examine
from watermark.reading.verdict import SENTENCES, Decision, Interval, decide
from worker import resident
from worker.decoding import local_copy
from worker.heartbeat import Heartbeat
from worker.outage import is_outage

logger = logging.getLogger(__name__)
WORKING_RATE_HZ = 16_000
"""Both marks and the fingerprint live below 8 kHz."""
DECODED_BYTES = 480 * 1024 * 1024
"""Of the temporary file: an hour in two channels."""
KNOWN_FILE_FROM_S = 60.0
"""A released file of this length or more is known by its bytes alone; in a shorter one the mark is read all the same,
for the fuller evidence."""
_HALF_DECODED_BYTES = 20_000_000
"""Nobody knows beforehand how much a file unpacks to: at this much, half of the stage is said to be done."""


def answer(query: Verification) -> None:
    """Answer a claimed query; every end of it is written to its row and the log."""
    progress = Progress()

    def beat() -> None:
        if not services.beat(verification_id=query.id, progress=progress.share, stage=progress.stage):
            raise InterruptedError

    try:
        with Heartbeat(beat, pulse=lambda: (progress.share, progress.stage)) as heart:
            progress.check = heart.raise_if_stopped
            report = _report(query, progress)
        services.complete_verification(verification_id=query.id, report=report)
    except InterruptedError:
        logger.info("verification %s is no longer wanted", query.id)
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


def _report(query: Verification, progress: Progress) -> dict[str, Any]:
    with local_copy(query.upload_name) as path:
        claims = _claims(path)
        progress.enter("decoding", 0.0, 0.25)
        limits = limits_of(query.actor_kind)

        def tick(decoded_bytes: int) -> None:
            progress.at(decoded_bytes / (decoded_bytes + _HALF_DECODED_BYTES))

        with decode_to_file(
            path, limits=decode_limits(limits, deep=query.deep), rate_hz=WORKING_RATE_HZ, tick=tick
        ) as decoded:
            released = None
            if decoded.duration_s >= KNOWN_FILE_FROM_S and not query.deep:
                released = selectors.released_as(query.file_sha256)
            found = examine(decoded, deep=query.deep, quick=query.quick, released=released, progress=progress)
            progress.enter("deciding", 0.95, 1.0)
            return report_of(query, decoded, found, claims)


def decode_limits(limits: Limits, *, deep: bool) -> DecodeLimits:
    """What the decoding child may use for one caller's file."""
    return DecodeLimits(
        max_bytes=limits.upload_bytes,
        max_duration_s=limits.deep_duration_s if deep else limits.duration_s,
        max_channels=limits.channels,
        max_values=DECODED_BYTES // 4,
        cpu_s=limits.decode_cpu_s,
        wall_s=limits.decode_wall_s,
    )


def _claims(path: Path) -> Claims:
    """What the file says of itself. Mapped, not loaded: the readers look at little of it."""
    with path.open("rb") as file:
        try:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file
            return Claims(None, None)
        with mapped:
            data: Any = mapped
            return Claims(aigc.read(data), c2pa.read(data))


# ------------------------------------------------------------------ the report
def report_of(query: Verification, decoded: DecodedFile, found: Examined, claims: Claims) -> dict[str, Any]:
    """The answer as the doors give it. Scores are in it only for callers who are known, and only in steps."""
    findings = found.findings
    decision = decide(findings)
    named = {number: mark for number, mark in found.marks.items() if number in decision.records}
    known = query.actor_kind != "anonymous"
    best = found.best
    return {
        "verdict": decision.verdict.value,
        "sentence": SENTENCES[decision.verdict],
        "reasons": [*decision.reasons, *contradictions(claims, list(named.values()))],
        "file": {
            "sha256": query.file_sha256,
            "size_bytes": query.size_bytes,
            "duration_s": round(findings.duration_s, 2),
            "active_s": round(findings.active_s, 2 if known else 1),
            "sample_rate_hz": decoded.source_rate_hz,
            "channels": decoded.channels,
            "container": decoded.container,
        },
        "records": [_record(named[n], query) for n in decision.records if n in named],
        "intervals": [_interval(i, found.marks, known) for i in decision.intervals],
        "lanes": [
            {"channel": channel, "intervals": [_interval(i, found.marks, known) for i in intervals]}
            for channel, intervals in sorted(found.lanes.items())
        ],
        "layers": {"keyed": _keyed_word(found), "public": _public_word(found)},
        "label": claims.label_facts(),
        "manifest": claims.manifest_facts(),
        "waveform": found.survey.peaks,
        "evidence": _evidence(found, decision) if known else None,
        "detector": {
            "version": DETECTOR_VERSION,
            "presence_false_alarm_rate": PRESENCE_FALSE_RATE,
            "deep": query.deep,
            # To the per cent: a finer answer would tell a stranger how far an edit moved the search.
            "time_scale": round(best.detection.time_scale, 2) if best else 1.0,
            "frequency_scale": round(best.detection.frequency_scale, 2) if best else 1.0,
        },
    }


def _evidence(found: Examined, decision: Decision) -> dict[str, Any]:
    """Scores in wide steps, whole numbers; 0 for whatever did not pass its threshold."""
    records = []
    for record in found.findings.records:
        words = [w for h in found.heard for w in h.detection.words if w.record_number == record.record_number]
        mark = found.marks.get(record.record_number)
        if mark is None or record.record_number not in decision.records:
            continue
        whole_s = max(record.marked_s, record.word_s)
        records.append(
            {
                "record_id": str(mark.public_id),
                "mark_score": max((score_step(w.score, 0.0) for w in words), default=0),
                "read_by_code": any(w.decoded for w in words),
                "confirmed": any(w.confirmed for w in words),
                "content_percent": percent_step(record.ours_s / whole_s if whole_s else 0.0),
            }
        )
    best = found.best
    return {
        "presence_score": score_step(best.detection.presence_z, best.detection.presence_threshold_z)
        if best
        else 0,
        "public_score": score_step(found.public_score or 0.0, 0.0) if found.findings.public_present else 0,
        "records": records,
    }


def _keyed_word(found: Examined) -> str:
    if found.findings.same_bytes:
        return "not searched"
    return "read" if found.findings.records else "traces" if found.findings.mark_present else "not found"


def _public_word(found: Examined) -> str:
    if resident.public_mark() is None or found.public_score is None:
        return "not searched"
    return "found" if found.findings.public_present else "not found"


def _record(mark: Mark, query: Verification) -> dict[str, Any]:
    return {
        **selectors.public_facts(mark),
        # The one claim about every sample: these are the very bytes that were released.
        "same_bytes": query.file_sha256 == mark.file_sha256,
        "log_proof": f"/api/v1/records/{mark.public_id}/proof",
    }


def _interval(interval: Interval, marks: dict[int, Mark], known: bool) -> dict[str, Any]:
    mark = marks.get(interval.record) if interval.record is not None else None
    digits = 2 if known else 1
    return {
        "start_s": round(interval.start_s, digits),
        "end_s": round(interval.end_s, digits),
        "kind": interval.kind,
        "record_id": str(mark.public_id) if mark else None,
        "channel": interval.channel,
    }
