"""Reading the log. Who may see an entry is decided here, once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.utils import timezone

from audit.models import Checkpoint, Entry, Leaf
from synth.errors import NotFound


def entries_for(
    *,
    organisation_id: UUID | None = None,
    organisation_ids: Collection[UUID] | None = None,
    subject: str | None = None,
    event: str | None = None,
    events: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Entry]:
    """Entries, newest first, narrowed by whatever is given (``until`` is exclusive)."""
    rows = Entry.objects.select_related("leaf").order_by("-id")
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    if organisation_ids is not None:
        rows = rows.filter(organisation_id__in=list(organisation_ids))
    if subject is not None:
        rows = rows.filter(subject=subject)
    if event is not None:
        rows = rows.filter(event=event)
    if events is not None:
        rows = rows.filter(event__in=list(events))
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    return rows


def readable_entry(entry_id: int, *, organisation_ids: Collection[UUID]) -> Entry:
    """One entry that these organisations may read; `NotFound` otherwise, with no difference between an entry that does
    not exist and one that is somebody else's.
    """
    found = Entry.objects.select_related("leaf").filter(pk=entry_id)
    entry = found.first() if 0 < entry_id < 1 << 63 else None
    if entry is None or entry.organisation_id is None or entry.organisation_id not in organisation_ids:
        raise NotFound("entry_not_found", "There is no such entry, or it is not yours to read.")
    return entry


def published_checkpoint(using: str = DEFAULT_DB_ALIAS) -> Checkpoint | None:
    """The newest checkpoint that may be shown; None while the log is empty."""
    return Checkpoint.objects.using(using).filter(publication__isnull=False).order_by("-size").first()


def leaf_of(entry: Entry, using: str = DEFAULT_DB_ALIAS) -> Leaf | None:
    """The entry's place in the tree; None until it is sequenced."""
    return Leaf.objects.using(using).filter(entry_id=entry.pk).first()


@dataclass(frozen=True)
class LogStatus:
    """Whether the log keeps up. ``waiting_s``: age of the oldest recent entry that is not in the tree."""

    size: int
    checkpoint_at: datetime | None
    waiting: int
    waiting_s: float

    @property
    def keeps_up(self) -> bool:
        return self.waiting_s < MAX_WAITING.total_seconds()


MAX_WAITING = timedelta(seconds=5)
_STATUS_WINDOW = 1000


def log_status() -> LogStatus:
    """Look at the newest thousand entries (the queue itself is closed to the application's role)."""
    checkpoint = published_checkpoint()
    recent = Entry.objects.order_by("-id").values_list("id", "created_at", "leaf__index")[:_STATUS_WINDOW]
    waiting = [created_at for _, created_at, index in recent if index is None]
    oldest_s = (timezone.now() - min(waiting)).total_seconds() if waiting else 0.0
    return LogStatus(
        size=checkpoint.size if checkpoint else 0,
        checkpoint_at=checkpoint.created_at if checkpoint else None,
        waiting=len(waiting),
        waiting_s=max(0.0, oldest_s),
    )
