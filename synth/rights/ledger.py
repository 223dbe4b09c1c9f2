"""The ledger of a voice as its owner reads it: one line for each speech, with what became of it.

What the log says of a voice, entry by entry, is `accounts.voices.selectors.ledger`; here the entries of one speech are
one line. Whoever belongs to the organisation that asked and may read its jobs reads the words and hears the file; an
owner from outside learns that there was a speech, when, for what and what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.consent.scope import PURPOSES
from accounts.people.models import User
from accounts.people.permissions import AUDIT_READ, SPEECH_READ
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from synth.errors import AssentError
from synth.jobs.models import Output, SynthesisJob
from synth.jobs.services import refusal_to_serve, shown_state
from watermark.selectors import times_named

EXPORT_LIMIT = 20_000
COLUMNS = (
    "job_id", "asked_at", "organisation", "asked_by", "key", "voice", "style", "purpose", "project", "language",
    "text", "state", "duration_s", "record_id", "log_entry", "times_verified",
)  # fmt: skip

#: Columns that grow with the length of the speech, and that no line shows.
_NOT_SHOWN = (
    "segments", "source_text", "follow_report", "spoken_check", "output__word_times", "output__mark__fingerprint",
    "output__mark__reference", "output__mark__manifest",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a reader narrows the ledger to; days are whole days in UTC, the last one included."""

    voice: UUID | None = None
    person: UUID | None = None
    purpose: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Speech:
    """One line. ``is_read``: the reader may read the words and open the job; ``is_heard``: and hear the file."""

    job: SynthesisJob
    state: str
    is_read: bool
    is_heard: bool
    times_verified: int

    @property
    def output(self) -> Output | None:
        return getattr(self.job, "output", None)

    @property
    def asked_by(self) -> str:
        """A person by name for their own organisation; for others the organisation alone."""
        asker = self.job.requested_by
        return (asker.name or asker.email) if self.is_read else self.job.organisation.name

    @property
    def purpose(self) -> str:
        """In the reader's words."""
        return str(PURPOSES.get(self.job.purpose, self.job.purpose))

    @property
    def key(self) -> str:
        return self.job.api_key.prefix if self.is_read and self.job.api_key else ""


def wanted(query: dict[str, str]) -> Wanted:
    """The filters of an address. Raises AssentError ``period_invalid`` and ``invalid_request``."""
    purpose = query.get("purpose", "")
    if purpose and purpose not in PURPOSES:
        raise AssentError("invalid_request", "There is no such purpose.", extra={"param": "purpose"})
    return Wanted(
        voice=_id(query, "voice"),
        person=_id(query, "person"),
        purpose=purpose,
        since=_day(query, "since"),
        until=_day(query, "until"),
    )


def speeches(
    principal: Principal, voices: Iterable[Voice], narrowed: Wanted | None = None
) -> QuerySet[SynthesisJob]:
    """Jobs in these voices, newest first. The voices are those whose ledger the caller may read (`own_voices`,
    `readable_voices`, `accounts.voices.selectors.voice_with_ledger`)."""
    asked = narrowed or Wanted()
    rows = SynthesisJob.objects.filter(voice__in=[voice.pk for voice in voices])
    if asked.voice:
        rows = rows.filter(voice=asked.voice)
    if asked.person and not principal.can(SPEECH_READ):  # whom an outsider is not told, they cannot search by
        rows = rows.none()
    elif asked.person:
        rows = rows.filter(requested_by=asked.person, organisation=principal.organisation)
    if asked.purpose:
        rows = rows.filter(purpose=asked.purpose)
    if asked.since:
        rows = rows.filter(created_at__gte=_midnight(asked.since))
    if asked.until:
        rows = rows.filter(created_at__lt=_midnight(asked.until + timedelta(days=1)))
    joined = rows.select_related("voice", "style", "organisation", "requested_by", "api_key", "output__mark")
    return joined.defer(*_NOT_SHOWN).order_by("-created_at", "-id")


def own_voices(principal: Principal) -> list[Voice]:
    """The caller's own voices, in whichever organisation."""
    return list(voice_selectors.voices(principal).filter(owner=principal.user))


def readable_voices(principal: Principal) -> list[Voice]:
    """Every voice of the organisation, for its auditors. Forbidden ``scope_missing``."""
    principal.require(AUDIT_READ)
    return list(voice_selectors.voices(principal).filter(organisation=principal.organisation))


def people_who_asked(principal: Principal, voices: Iterable[Voice]) -> QuerySet[User]:
    """Who asked for speech in these voices, of the caller's own organisation; nobody for an outsider."""
    if not principal.can(SPEECH_READ):
        return User.objects.none()
    asked = SynthesisJob.objects.filter(
        voice__in=[voice.pk for voice in voices], organisation=principal.organisation
    )
    return User.objects.filter(pk__in=asked.values("requested_by")).order_by("name", "email")


def lines(principal: Principal, jobs: Iterable[SynthesisJob]) -> list[Speech]:
    """Jobs as lines of the ledger. One query, however many there are."""
    rows = list(jobs)
    outputs = {job.pk: output for job in rows if (output := getattr(job, "output", None)) is not None}
    counts = times_named([output.mark_id for output in outputs.values()])
    reads = principal.can(SPEECH_READ)
    made = []
    for job in rows:
        output = outputs.get(job.pk)
        is_read = reads and job.organisation_id == principal.organisation.pk
        made.append(
            Speech(
                job,
                shown_state(job),
                is_read,
                is_read and output is not None and refusal_to_serve(output) is None and job.format != "pcm",
                counts.get(output.mark_id, 0) if output else 0,
            )
        )
    return made


def as_row(line: Speech) -> dict[str, Any]:
    """One line as the exports give it, in the order of ``COLUMNS``; the text is null where it may not be read."""
    job, output = line.job, line.output
    return {
        "job_id": str(job.pk),
        "asked_at": job.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        "organisation": job.organisation.name,
        "asked_by": line.asked_by,
        "key": line.key,
        "voice": job.voice.name,
        "style": job.style.name if job.style else "",
        "purpose": job.purpose,
        "project": job.project,
        "language": job.language,
        "text": job.text if line.is_read else None,
        "state": line.state,
        "duration_s": output.duration_ms / 1000 if output else None,
        "record_id": str(output.pk) if output else None,
        "log_entry": output.entry_id if output else job.authorised_entry_id,
        "times_verified": line.times_verified,
    }


def _id(query: dict[str, str], name: str) -> UUID | None:
    text = query.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise AssentError(
            "invalid_request", f"{name} is not an identifier.", extra={"param": name}
        ) from error


def _day(query: dict[str, str], name: str) -> date | None:
    text = query.get(name, "")
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise AssentError(
            "period_invalid", "This is not a day.", measured=text[:40], extra={"param": name}
        ) from error
    if day is not None and not date.min < day < date.max:
        raise AssentError("period_invalid", "This is not a day.", measured=text[:40], extra={"param": name})
    return day


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
