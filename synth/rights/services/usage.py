"""Signed papers for rights holders: how a voice was used in a period, and that a voice was erased."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.consent import receipts
from accounts.consent.receipts import SignedReceipt
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from audit.models import Entry
from audit.services import record
from audit.subjects import about
from synth.errors import AssentError, NotFound
from synth.jobs.models import Output
from synth.projects import selectors as project_selectors

USAGE = "assent-usage-report-1"
PROJECT_USAGE = "assent-project-usage-report-1"
ERASURE = "assent-erasure-receipt-1"
MAX_DAYS = 366


def report_use(
    *, principal: Principal, voice: str, since: date, until: date, project: str = ""
) -> SignedReceipt:
    """What was spoken in a voice from ``since`` up to and with ``until`` (UTC), signed; its making is logged.

    ``project``: only what was made under this name of a work.

    For whoever decides over the voice, and for auditors of its organisation. Raises AssentError ``period_invalid``;
    Forbidden ``scope_missing``; NotFound ``voice_not_found``.
    """
    if not timedelta(0) <= until - since < timedelta(days=MAX_DAYS):
        raise AssentError(
            "period_invalid",
            f"A report covers 1 to {MAX_DAYS} days, the first before the last.",
            measured=(until - since).days + 1,
            limit=MAX_DAYS,
            extra={"param": "until"},
        )
    found = voice_selectors.voice_with_ledger(principal, voice)
    begins = datetime(since.year, since.month, since.day, tzinfo=UTC)
    ends = datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
    of_project = {"job__project": project} if project else {}
    used = list(
        Output.objects.filter(job__voice=found, released_at__gte=begins, released_at__lt=ends, **of_project)
        .select_related("job", "job__api_key", "mark")
        .order_by("id")
    )
    paper = _signed(
        USAGE,
        {
            "voice": {"id": str(found.pk), "name": found.name},
            "organisation": {"id": str(found.organisation_id), "name": found.organisation.name},
            "period": {"from": since.isoformat(), "to": until.isoformat(), "zone": "UTC"},
            **({"project": project} if project else {}),
            "total": _sums(used),
            "by_project": _by(used, lambda output: output.job.project),
            "by_purpose": _by(used, lambda output: output.job.purpose),
            "by_client": _by(used, _client),
            "by_month": _by(used, lambda output: f"{output.released_at.astimezone(UTC):%Y-%m}"),
            "records": [str(output.pk) for output in used],
        },
    )
    with transaction.atomic():
        record(
            event="usage.reported",
            actor=principal.actor,
            organisation_id=found.organisation_id,
            subject=about("voice", found.pk),
            data={
                "voice_id": str(found.pk),
                "from_date": since.isoformat(),
                "to_date": until.isoformat(),
                "count": len(used),
                "report_sha256": paper.sha256,
            },
        )
    return paper


def report_project(*, principal: Principal, project_id: UUID) -> SignedReceipt:
    """What was spoken for a project, signed: in all, by voice and purpose; earlier takes of its lines with it.

    For whoever may read the project. Its making stands in the ledger of every voice in it. Raises NotFound
    ``project_not_found``.
    """
    project = project_selectors.project_for(principal, project_id)
    used = list(
        Output.objects.filter(job__organisation=project.organisation_id, job__project=project.slug)
        .select_related("job__voice", "job__api_key", "mark")
        .order_by("id")
    )
    by_voice: dict[Voice, list[Output]] = defaultdict(list)
    for output in used:
        by_voice[output.job.voice].append(output)
    paper = _signed(
        PROJECT_USAGE,
        {
            "project": {"id": str(project.pk), "name": project.name, "slug": project.slug},
            "organisation": {"id": str(principal.organisation.pk), "name": principal.organisation.name},
            "total": _sums(used),
            "by_voice": [
                {
                    "voice": {"id": str(voice.pk), "name": voice.name},
                    **_sums(group),
                    "by_purpose": _by(group, lambda output: output.job.purpose),
                }
                for voice, group in by_voice.items()
            ],
            "by_purpose": _by(used, lambda output: output.job.purpose),
            "by_month": _by(used, lambda output: f"{output.released_at.astimezone(UTC):%Y-%m}"),
            "records": [str(output.pk) for output in used],
        },
    )
    with transaction.atomic():
        for voice, group in by_voice.items():
            record(
                event="usage.reported",
                actor=principal.actor,
                organisation_id=project.organisation_id,
                subject=about("voice", voice.pk),
                data={
                    "voice_id": str(voice.pk),
                    "project_id": str(project.pk),
                    "count": len(group),
                    "report_sha256": paper.sha256,
                },
            )
    return paper


def _sums(used: list[Output]) -> dict[str, Any]:
    """Files, seconds and lines. A line is a line of the text as it was sent; an erased text counts as one."""
    return {
        "files": len(used),
        "seconds": round(sum(output.duration_ms for output in used) / 1000),
        "minutes": f"{sum(output.duration_ms for output in used) / 60_000:.2f}",
        "lines": sum(
            max(1, sum(bool(line.strip()) for line in output.job.text.splitlines())) for output in used
        ),
        "characters": sum(len(output.job.text) for output in used),
        "taken_down": sum(output.mark.state == "taken_down" for output in used),
    }


def _by(used: list[Output], key: Any) -> list[dict[str, Any]]:
    groups: dict[str, list[Output]] = defaultdict(list)
    for output in used:
        groups[key(output)].append(output)
    return [{"name": name, **_sums(groups[name])} for name in sorted(groups)]


def _client(output: Output) -> str:
    """The program's key by its prefix, or that people used the portal: no names of people."""
    return f"key {output.job.api_key.prefix}" if output.job.api_key else "portal"


def erasure_receipt(*, principal: Principal, voice: str) -> SignedReceipt:
    """The signed receipt that a voice was erased: when, what went, what stays, and the log's entry that says so.

    For whoever decided over the voice. Raises NotFound ``voice_not_erased``, ``voice_not_found``; Forbidden.
    """
    found = voice_selectors.get_controlled_voice(principal, voice)
    entry = Entry.objects.filter(event="voice.deleted", subject=about("voice", found.pk)).first()
    if found.erased_at is None or entry is None:
        raise NotFound("voice_not_erased", "This voice was not erased.")
    said = entry.content["data"]
    return _signed(
        ERASURE,
        {
            "voice": {"id": str(found.pk)},
            "erased_at": _time(found.erased_at),
            "recordings_erased": said.get("count"),
            "files_erased": said.get("outputs_affected"),
            "remains": [
                "signed consent receipts",
                "log entries",
                "hashes",
                "marks and fingerprints of released files",
            ],
            "log_entry": entry.pk,
            "log_leaf_sha256": bytes(entry.leaf_hash).hex(),
        },
    )


def _signed(version: str, said: dict[str, Any]) -> SignedReceipt:
    """A paper of this service: what it says, by whom, when, and under which key."""
    return receipts.sign(
        {
            "version": version,
            "issued_at": _time(timezone.now()),
            "issuer": {"name": settings.ASSENT_OPERATOR, "url": settings.ASSENT_BASE_URL},
            "signing_key_id": receipts.receipt_keys.current().key_id,
            **said,
        }
    )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
