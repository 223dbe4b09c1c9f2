"""The answer to a query, as the doors give it: built from what was examined.

Whoever could watch an exact score move could climb it, edit by edit, until a mark is gone or forged. So scores are
given only to callers who are known, and only in steps too wide for one edit to show: whole numbers, nothing below the
threshold, a ceiling above.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from synth.audio.decoded import DecodedFile
from watermark import selectors
from watermark.codec import DETECTOR_VERSION, PRESENCE_FALSE_RATE
from watermark.models import Mark, Verification
from watermark.provenance import Claims, contradictions
from watermark.reading.examination import Examined
from watermark.reading.findings import EDITS, Findings, Interval, RecordFinding
from watermark.reading.verdict import Decision, decide
from watermark.sentences import sentence_of

SCORE_STEP = 4
SCORE_CEILING = 20
PERCENT_STEP = 10


def answer_of(query: Verification, decoded: DecodedFile, found: Examined, claims: Claims) -> dict[str, Any]:
    """The answer as the doors give it. Scores are in it only for callers who are known, and only in steps."""
    findings = found.findings
    decision = decide(findings)
    marks = selectors.issued_marks(list(found.records))
    named = {number: mark for number, mark in marks.items() if number in decision.records}
    known = query.actor_kind != "anonymous"
    best = found.best
    return {
        "verdict": decision.verdict.value,
        "sentence": sentence_of(decision.verdict, _one_record(findings, decision)),
        "reasons": [
            *decision.reasons,
            *contradictions(claims, list(named.values())),
            *dict.fromkeys(reason for mark in named.values() for reason in stream_reasons(mark)),
        ],
        "file": {
            "sha256": query.file_sha256,
            "size_bytes": query.size_bytes,
            "duration_s": round(findings.duration_s, 2),
            "active_s": round(findings.active_s, 2 if known else 1),
            "sample_rate_hz": decoded.source_rate_hz,
            "channels": decoded.channels,
            "container": decoded.container,
            "tracks": _tracks(decoded),
        },
        "records": [_record(named[n], query) for n in decision.records if n in named],
        "intervals": [_interval(i, marks, known) for i in decision.intervals],
        "lanes": [
            {"channel": channel, "intervals": [_interval(i, marks, known) for i in intervals]}
            for channel, intervals in sorted(found.by_channel.items())
        ],
        "comparison": _comparison(_one_record(findings, decision)),
        "layers": {"keyed": _keyed_word(found), "public": _public_word(found)},
        "label": claims.label_facts(),
        "manifest": claims.manifest_facts(),
        "waveform": found.survey.peaks,
        "evidence": _evidence(found, named) if known else None,
        "detector": {
            "version": DETECTOR_VERSION,
            "presence_false_alarm_rate": PRESENCE_FALSE_RATE,
            "deep": query.deep,
            # To the per cent: a finer answer would tell a stranger how far an edit moved the search.
            "time_scale": round(best.detection.time_scale, 2) if best else 1.0,
            "frequency_scale": round(best.detection.frequency_scale, 2) if best else 1.0,
        },
    }


def stream_reasons(mark: Mark) -> list[str]:
    """Why a record is of a beginning only: its stream was ended, or goes on."""
    if mark.state == Mark.State.STREAMING:
        return ["stream_running"]
    return [f"stream_ended_by_{mark.ended_by}"] if mark.ended_by else []


def _tracks(decoded: DecodedFile) -> list[dict[str, Any]]:
    """Whose channels a file holds, from 0; empty where it plays one track, the same in every decoder."""
    if len(decoded.played) < 2:
        return []
    return [
        {
            "track": played.track,
            "decoder": played.decoder,
            "channels": list(played.channels),
            "duration_s": round(played.duration_s, 2),
        }
        for played in decoded.played
    ]


def _one_record(findings: Findings, decision: Decision) -> RecordFinding | None:
    """The finding of the record that a verdict names; None where it names none or several."""
    named = [r for r in findings.records if r.record_number in decision.records]
    return named[0] if len(named) == 1 else None


def _comparison(named: RecordFinding | None) -> dict[str, Any] | None:
    """How the one record was compared, and what of it could not be."""
    if named is None:
        return None
    return {
        "how": named.compared.value,
        "heard_to_hz": None if named.heard_to_hz is None else round(named.heard_to_hz, -2),
        "under_noise_percent": percent_step(named.under_noise),
    }


def _evidence(found: Examined, named: Mapping[int, Mark]) -> dict[str, Any]:
    """Scores in wide steps, whole numbers; 0 for whatever did not pass its threshold."""
    records = []
    for record in found.findings.records:
        mark = named.get(record.record_number)
        if mark is None:
            continue
        read = [
            detected
            for one in found.detections
            for detected in one.detection.records
            if detected.record_number == record.record_number
        ]
        whole_s = max(record.marked_s, record.word_s)
        records.append(
            {
                "record_id": str(mark.public_id),
                "mark_score": max((score_step(w.score, 0.0) for w in read), default=0),
                "read_by_code": any(w.decoded for w in read),
                "confirmed": any(w.confirmed for w in read),
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
    if found.public_score is None:
        return "not searched"
    return "found" if found.findings.public_present else "not found"


def _record(mark: Mark, query: Verification) -> dict[str, Any]:
    return {
        **selectors.public_facts(mark),
        # The one claim about every sample: these are the very bytes that were released.
        "same_bytes": query.file_sha256 == mark.file_sha256,
        "log_proof": f"{settings.URL_PREFIX}/api/v1/records/{mark.public_id}/proof",
    }


def _interval(interval: Interval, marks: Mapping[int, Mark], known: bool) -> dict[str, Any]:
    mark = marks.get(interval.record) if interval.record is not None else None
    source = marks.get(interval.source) if interval.source is not None else None
    # Where words are not as released is told everybody alike: a tenth of a second is half a word.
    digits = 2 if known or interval.kind in EDITS or interval.kind == "ours" else 1
    return {
        "start_s": round(interval.start_s, digits),
        "end_s": round(interval.end_s, digits),
        "kind": interval.kind,
        "record_id": str(mark.public_id) if mark else None,
        "channel": interval.channel,
        "record_start_s": None if interval.record_s is None else round(interval.record_s[0], digits),
        "record_end_s": None if interval.record_s is None else round(interval.record_s[1], digits),
        "source_record_id": str(source.public_id) if source else None,
    }


def score_step(score: float, threshold: float) -> int:
    """Standard deviations in steps of 4, at most 20; 0 for anything that did not pass ``threshold``."""
    if not math.isfinite(score) or score <= threshold:
        return 0
    return min(SCORE_CEILING, SCORE_STEP * max(1, math.floor(score / SCORE_STEP)))


def percent_step(share: float) -> int:
    """A share in steps of ten per cent, downwards."""
    return PERCENT_STEP * math.floor(min(1.0, max(0.0, share)) * 100 / PERCENT_STEP + 1e-9)
