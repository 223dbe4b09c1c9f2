"""Which entries of the log are told, under which type, and what of them: ids and states, nothing about people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from audit.models import Entry

TEST = "webhook.test"
TYPES = (
    "job.released",
    "job.failed",
    "job.cancelled",
    "consent.approved",
    "consent.refused",
    "consent.revoked",
    "consent.expired",
    "consent.expiring",
    "verdict.finished",
)
_OF_ENTRIES = {
    "synthesis.completed": "job.released",
    "synthesis.failed": "job.failed",
    "synthesis.cancelled": "job.cancelled",
    "consent.approved": "consent.approved",
    "consent.rejected": "consent.refused",
    "consent.revoked": "consent.revoked",
    "consent.expired": "consent.expired",
    "consent.expiry_noticed": "consent.expiring",
    "verification.queried": "verdict.finished",
}
_FACTS = (
    "job_id", "output_id", "format", "duration_ms", "code", "voice_id", "submission_id", "consent_id",
    "consent_version", "valid_until", "days_left", "verdict", "matched",
)  # fmt: skip
"""What of an entry's data is told; all of it is in the log's vocabulary, which has no place for names or texts."""


def type_of(event: str, data: Mapping[str, Any]) -> str:
    """The type under which an entry is told; "" for one that is not."""
    if event == "consent.reviewed":  # an approval names the consent that it made
        return "consent.approved" if data.get("consent_id") else "consent.refused"
    return _OF_ENTRIES.get(event, "")


def payload_of(entry: Entry, type: str, data: Mapping[str, Any]) -> str:
    """The JSON of an entry: type, time of the event, and ``data`` with the number of its entry in the log."""
    told = {name: data[name] for name in _FACTS if data.get(name) is not None}
    kind, _, state = type.partition(".")
    if kind == "verdict":
        told["verification_id"] = str(entry.subject).partition(":")[2]
        state = "failed" if data.get("code") else "done"
    return payload(
        type, f"{entry.created_at:%Y-%m-%dT%H:%M:%S.%fZ}", {**told, "state": state, "log_entry": entry.pk}
    )


def payload(type: str, timestamp: str, data: Mapping[str, Any]) -> str:
    """The body of a message, minified, as the scheme recommends it."""
    return json.dumps({"type": type, "timestamp": timestamp, "data": data}, separators=(",", ":"))
