"""The check of a recording, whoever measures it: claimed, kept alive, given up, written down.

A worker claims by conditional UPDATE, beats while it measures, and hands the gates' report in. Nothing here
trusts the report's own word for the decision: it is derived again from the outcomes of the gates.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.consent.models import Submission
from accounts.people import permissions, texts
from accounts.people.principals import Principal
from accounts.voices import embeddings, recordings
from accounts.voices.models import CheckedRecording, Clip, Style, Voice
from accounts.voices.states import UNDECIDED, CheckState, move
from synth.common.queue import send_on_commit
from synth.common.wakeup import notify, wait_until
from synth.errors import AssentError, Conflict, Forbidden, Unavailable

MAX_CLAIMS = 3
LOST_AFTER = timedelta(seconds=60)
RESEND_AFTER = timedelta(seconds=30)
TASKS: dict[type[Submission] | type[Style], str] = {Submission: "checks.consent", Style: "checks.style"}
CHANNELS: dict[type[Submission] | type[Style], str] = {Submission: "submission", Style: "style"}

Checked = TypeVar("Checked", Submission, Style)

_OUTCOMES = ("pass", "review", "fail", "skipped")
_NOT_TOKEN = re.compile(r"[^A-Za-z0-9._:/+=,;#()\[\]~-]")


@dataclass(frozen=True)
class Report:
    """A gates' report, checked: the decision is this module's, from the outcomes alone."""

    decision: str
    gates: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    speaker_embedding: bytes | None
    fingerprint: bytes | None
    duration_ms: int
    sample_rate_hz: int
    model_versions: dict[str, str]

    def facts(self) -> dict[str, Any]:
        """What the log may say of a check: outcomes and codes, never recordings or voiceprints."""
        return {
            "gates": {_token(gate["name"]): gate["outcome"] for gate in self.gates},
            "reasons": [_token(reason["code"]) for reason in self.reasons],
            "model_versions": {
                _token(name): _token(version) for name, version in self.model_versions.items()
            },
        }


def read_report(result: dict[str, Any], *, must_pass: frozenset[str]) -> Report:
    """Read a worker's report. Approved only if no gate objects and every gate in `must_pass` passed.

    Any failure rejects, and nothing else does. A gate that asks for a reviewer, or one of `must_pass` that was
    skipped or is not there at all, leads to a reviewer. Raises ValueError for what is no report, a worker's mistake.
    """
    gates = [_gate(row) for row in result["gates"]]
    passed = {gate["name"] for gate in gates if gate["outcome"] == "pass"}
    outcomes = {gate["outcome"] for gate in gates}
    if "fail" in outcomes:
        decision = CheckState.REJECTED
    elif "review" not in outcomes and must_pass <= passed and result.get("decision") == "approved":
        decision = CheckState.APPROVED
    else:
        decision = CheckState.NEEDS_REVIEW
    against = ("fail",) if decision == CheckState.REJECTED else ("review", "skipped")
    reasons = [] if decision == CheckState.APPROVED else [g for g in gates if g["outcome"] in against]
    try:
        fingerprint = base64.b64decode(result.get("fingerprint") or "", validate=True) or None
    except binascii.Error:
        raise ValueError("the fingerprint is not base64") from None
    return Report(
        decision=decision,
        gates=gates,
        reasons=reasons,
        speaker_embedding=embeddings.to_bytes(result.get("speaker_embedding")),
        fingerprint=fingerprint,
        duration_ms=int(result.get("duration_ms") or 0),
        sample_rate_hz=int(result.get("sample_rate_hz") or 0),
        model_versions={str(k): str(v)[:120] for k, v in (result.get("model_versions") or {}).items()},
    )


def reported(row: Submission | Style, result: dict[str, Any], *, must_pass: frozenset[str]) -> Report:
    """`read_report` of a locked recording, kept with it."""
    report = read_report(result, must_pass=must_pass)
    row.gates = report.gates
    row.reasons = report.reasons
    row.model_versions = report.model_versions
    return report


def result_of_refusal(error: AssentError, *, gate: str = "decode") -> dict[str, Any]:
    """The report of a recording that could not even be measured (it did not decode, say)."""
    row = {"name": gate, "outcome": "fail", "code": error.code, "message": error.message}
    row |= {"measured": error.measured, "limit": error.limit, "unit": ""}
    return {"decision": "rejected", "gates": [row]}


def claim(kind: type[Checked], pk: UUID) -> Checked | None:
    """Claim a waiting recording for this worker; None when somebody else has it or it is decided."""
    now = timezone.now()
    claimed = kind.objects.filter(pk=pk, state=CheckState.QUEUED, claims__lt=MAX_CLAIMS).update(
        state=CheckState.CHECKING, heartbeat=now, claims=F("claims") + 1
    )
    if not claimed:
        return None
    related = ("challenge__voice__organisation",) if kind is Submission else ("voice__organisation",)
    return kind.objects.select_related(*related).get(pk=pk)


def beat(kind: type[Checked], pk: UUID) -> bool:
    """Say that the check is alive; False when it was decided or taken away, and the worker should stop."""
    return kind.objects.filter(pk=pk, state=CheckState.CHECKING).update(heartbeat=timezone.now()) == 1


def sweep_recordings() -> int:
    """Delete files of recordings that no row names, an hour after a crash left them; returns how many."""
    return recordings.sweep_orphans(_named_files)


def _named_files() -> set[str]:
    named: set[str] = set()
    for kind, column in ((Clip, "file"), (Submission, "upload"), (Style, "upload")):
        named.update(kind._default_manager.exclude(**{column: ""}).values_list(column, flat=True))
    return named


def refuse_unknown_source(source: str) -> None:
    """AssentError ``source_unknown`` unless a recording can come from there."""
    offered = CheckedRecording.Source.values
    if source not in offered:
        raise AssentError("source_unknown", "This is not a source.", limit=offered, extra={"param": "source"})


def refuse_when_full() -> None:
    """Raise Unavailable ``queue_full`` while as many checks wait as this service takes on."""
    count = sum(kind.objects.filter(state__in=UNDECIDED).count() for kind in TASKS)
    if count >= settings.ASSENT_CHECKS_QUEUE_LIMIT:
        raise Unavailable(
            "queue_full",
            "Too many recordings wait for their check. Try again in a moment.",
            measured=count,
            limit=settings.ASSENT_CHECKS_QUEUE_LIMIT,
            retry_after_s=10,
        )


def queue_check(row: Submission | Style) -> None:
    send_on_commit(TASKS[type(row)], row.pk)


def announce(row: Submission | Style) -> None:
    """Wake whoever waits for the decision on `row`, once it is committed."""
    channel, pk = CHANNELS[type(row)], str(row.pk)
    transaction.on_commit(lambda: notify(channel, pk))


def wait_for_decision(
    kind: type[Checked], pk: UUID, *, read: Callable[[], Checked], timeout_s: float
) -> Checked:
    """What `read` gives of a recording once a machine has judged it, or as it stands after `timeout_s`.

    `read` holds the caller's right to see it. No database connection is held meanwhile.
    """
    return wait_until(
        CHANNELS[kind],
        str(pk),
        read=read,
        done=lambda row: row.state not in UNDECIDED,
        timeout_s=timeout_s,
    )


def reviewers_note(principal: Principal, note: str) -> str:
    """The note of somebody who may review, made clean. `Forbidden` for anybody else, and for keys."""
    principal.require_person()
    principal.require(permissions.REVIEW_DECIDE)
    return clean_note(note)


def clean_note(note: str) -> str:
    return texts.clean_line(note, field="note", limit=500, required=False)


def take_review(
    row: Submission | Style, principal: Principal, note: str, *, approve: bool, involved: Collection[UUID]
) -> dict[str, Any]:
    """Put the reviewer's name on a locked recording that waits for one; returns what the log says of it.

    Two-person rule: nobody decides who is `involved` with the recording. Raises Conflict
    ``not_waiting_for_review``, Forbidden ``two_person_rule``.
    """
    if row.state != CheckState.NEEDS_REVIEW:
        what = row._meta.verbose_name
        raise Conflict("not_waiting_for_review", f"This {what} is {row.get_state_display()}.")
    if principal.user.pk in involved:
        raise Forbidden("two_person_rule", "Somebody else has to decide on a recording that you handed in.")
    row.decided_by = principal.user
    row.decision_note = note
    return {"decision": "approved" if approve else "rejected", "reviewer_id": str(principal.user.pk)}


def make_clip(
    *, row: Submission | Style, report: Report, voice: Voice, transcript: str, language: str
) -> Clip:
    """Keep the checked recording of `row` as a clip; the upload's file becomes the clip's."""
    return Clip.objects.create(
        voice=voice,
        kind=Clip.Kind.CONSENT if isinstance(row, Submission) else Clip.Kind.STYLE,
        file=row.upload.name,
        sha256=row.upload_sha256,
        transcript=transcript,
        language=language,
        duration_ms=report.duration_ms,
        sample_rate_hz=report.sample_rate_hz,
        fingerprint=report.fingerprint,
        speaker_embedding=report.speaker_embedding,
        measurements={gate["name"]: gate["measured"] for gate in report.gates},
    )


def settle(row: Submission | Style, state: CheckState) -> None:
    """Move a locked recording, with what was found; a move that the table forbids is a programming error."""
    row.decided_at = None if state == CheckState.NEEDS_REVIEW else timezone.now()
    moved = move(
        type(row),
        row.pk,
        state,
        clip=row.clip,
        gates=row.gates,
        reasons=row.reasons,
        model_versions=row.model_versions,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_note=row.decision_note,
    )
    if not moved:
        raise RuntimeError(f"{row} may not become {state}")
    row.state = state


def drop_recording(row: Submission | Style) -> None:
    """Let go of a refused recording: file, fingerprint and voiceprint; its hash and the report stay."""
    recordings.delete_on_commit(row.upload.name)
    type(row)._default_manager.filter(pk=row.pk).update(upload="")
    row.upload = ""
    if row.clip_id:
        Clip.objects.filter(pk=row.clip_id).update(
            file="", fingerprint=None, speaker_embedding=None, measurements={}
        )


def _gate(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("outcome") not in _OUTCOMES:
        raise ValueError(f"unknown outcome {row.get('outcome')!r} of gate {row.get('name')!r}")
    return {
        "name": str(row["name"])[:40],
        "outcome": row["outcome"],
        "measured": _finite(row.get("measured")),
        "limit": _finite(row.get("limit")),
        "unit": str(row.get("unit") or "")[:20],
        "code": str(row.get("code") or "")[:60],
        "message": str(row.get("message") or "")[:500],
    }


def _finite(value: Any) -> Any:
    """`value` as JSON can hold it: what is not a number (silence has no finite level) becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _token(text: str) -> str:
    return _NOT_TOKEN.sub("_", text)[:120]
