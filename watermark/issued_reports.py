"""Reports as they are handed out: built from an answer, signed, with the log's proof; and judged when presented.

The key is the one of the consent receipts. A receipt's signature is over JSON, a report's over a note with a name of
its own: neither can be taken for the other.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from audit import keys as log_keys
from audit import selectors as log
from audit import services as audit
from audit.note import NoteError, Signer, Verifier
from audit.subjects import about
from synth.common import ratelimit
from synth.errors import AssentError, PayloadTooLarge, Unavailable
from watermark import error_rates, reports, selectors
from watermark.models import Verification
from watermark.sentences import CONSENT_SENTENCES

KEY_FILE = "receipt-signing.key"
CHECKS_RATE = "60/minute"
MAX_FILE_BYTES = 2 * reports.MAX_REPORT_BYTES
"""Of a report file: the report, laid out for people, with its proof."""
sha256_of = reports.sha256_of


def document(row: Verification, report: dict[str, Any]) -> dict[str, Any]:
    """The report as it is signed: whole numbers and text only, so that every JSON library reads it alike."""
    file = report.get("file", {})
    assert row.finished_at is not None  # noqa: S101 - the caller has just set it
    return {
        "format": reports.FORMAT,
        "id": str(row.pk),
        "answered_at": row.finished_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "service": {"operator": settings.ASSENT_OPERATOR, "url": settings.ASSENT_BASE_URL},
        "verdict": report["verdict"],
        "sentence": dict(report.get("sentence", {})),
        "reasons": list(report.get("reasons", [])),
        "file": {
            "sha256": row.file_sha256,
            "size_bytes": row.size_bytes,
            "duration_ms": _ms(file.get("duration_s")),
            "sound_ms": _ms(file.get("active_s")),
            "sample_rate_hz": file.get("sample_rate_hz"),
            "channels": file.get("channels"),
            "container": file.get("container"),
            "tracks": [
                {
                    "track": one["track"],
                    "decoder": one["decoder"],
                    "channels": one["channels"],
                    "duration_ms": _ms(one["duration_s"]),
                }
                for one in file.get("tracks", [])
            ],
        },
        "map": [
            {
                "start_ms": _ms(interval["start_s"]),
                "end_ms": _ms(interval["end_s"]),
                "kind": interval["kind"],
                "record_id": interval.get("record_id"),
                "channel": interval.get("channel"),
                "record_start_ms": _ms(interval.get("record_start_s")),
                "record_end_ms": _ms(interval.get("record_end_s")),
                "source_record_id": interval.get("source_record_id"),
            }
            for interval in report.get("intervals", [])
        ],
        "records": [_record(record) for record in report.get("records", [])],
        "comparison": _comparison(report.get("comparison")),
        "layers": dict(report.get("layers", {})),
        "label": report.get("label"),
        "manifest": report.get("manifest"),
        "evidence": report.get("evidence"),
        "detector": {
            "version": report.get("detector", {}).get("version"),
            "deep": row.deep,
            "figures": error_rates.as_rows(),
            "figures_measured_on": error_rates.MEASURED_ON,
        },
    }


def _record(record: dict[str, Any]) -> dict[str, Any]:
    facts = {key: value for key, value in record.items() if key not in ("duration_s", "log_proof")}
    state = "taken_down" if record.get("taken_down") else record["consent"]
    return {
        **facts,
        "duration_ms": _ms(record.get("duration_s")),
        "consent_sentence": CONSENT_SENTENCES[record["consent"]],
        **({"taken_down_sentence": CONSENT_SENTENCES["taken_down"]} if state == "taken_down" else {}),
    }


def _comparison(said: dict[str, Any] | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {**said, "heard_to_hz": None if said["heard_to_hz"] is None else round(said["heard_to_hz"])}


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(1000 * seconds)


def signed(row: Verification) -> dict[str, Any]:
    """The report file of an answered query: report, signature, and the log's proof once it is placed.

    Raises AssentError ``report_not_ready`` (409 with advice to retry) while there is no answer, ``report_not_kept``
    for answers from before reports were signed.
    """
    if row.state != Verification.State.DONE:
        raise AssentError(
            "report_not_ready", "There is no answer to report yet.", http_status=409, retry_after_s=2
        )
    if row.document is None:
        raise AssentError(
            "report_not_kept", "This answer was given before reports were signed.", http_status=404
        )
    proof = audit.proof_for(row.entry) if row.entry is not None else None
    return {
        "report": row.document,
        "signature": reports.sign(row.document, signer()),
        "log_proof": proof.as_text() if proof is not None else None,
    }


def count_check(subject: str) -> None:
    """Count one report presented by ``subject``. Raises `TooMany` ``rate_limited``."""
    ratelimit.check(action="verify-report", subject=subject, rate=CHECKS_RATE)


def refuse_too_long(length_bytes: int) -> None:
    """Raises PayloadTooLarge ``report_too_long``, before anything is parsed."""
    if length_bytes > MAX_FILE_BYTES:
        raise PayloadTooLarge(
            "report_too_long", "This is too long for a report.", measured=length_bytes, limit=MAX_FILE_BYTES
        )


def judged(envelope: Any) -> dict[str, Any]:
    """What can be said of a report that somebody presents: is it ours and unaltered, does the log hold it, and how
    do the records that it names stand today?

    Raises AssentError ``report_malformed`` for what is no report.
    """
    try:
        found = reports.check(envelope, verifier=verifier(), log_verifier=log_keys.verifiers())
    except reports.ReportError as error:
        raise AssentError("report_malformed", f"This is not a report of this service: {error}.") from error
    report = found.report
    logged = found.logged or (found.valid and _in_our_log(report))
    named: list[dict[str, Any]] = []
    if found.valid:
        marks = selectors.marks_named(str(record.get("record_id")) for record in report.get("records", []))
        named = [selectors.public_facts(mark) for mark in marks.values()]
    return {
        "valid": found.valid,
        "faults": list(found.faults),
        "logged": bool(logged),
        "report": report if found.valid else None,
        "records_today": named,
        "key": verifier().vkey,
    }


def _in_our_log(report: dict[str, Any]) -> bool:
    """A report fetched before its entry was placed carries no proof; our own log knows all the same."""
    entry = log.entries_for(subject=about("verification", report["id"]), event=reports.EVENT).first()
    return entry is not None and reports.commits_to(entry.content, report)


def signer() -> Signer:
    """Who signs reports; raises `Unavailable` where the key file is missing or unreadable."""
    path = Path(settings.ASSENT_KEYS_DIR) / KEY_FILE
    try:
        return Signer.from_hex(
            f"{urlsplit(settings.ASSENT_BASE_URL).hostname}/reports", path.read_text(encoding="ascii")
        )
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise Unavailable("report_key_missing", f"The key file {path.name} cannot be read.") from error


def verifier() -> Verifier:
    """The public key of reports."""
    return signer().verifier
