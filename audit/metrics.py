"""What a monitoring system is told of the log."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from audit import continuity, selectors, watch
from audit.models import Entry
from synth.common.metrics import Sample
from synth.errors import Unavailable


def figures() -> Iterator[Sample]:
    """Size, delay, whether it goes on, and the last complete check."""
    status = selectors.log_status()
    yield Sample("assent_log_entries", "Entries under the newest signed checkpoint.", status.size)
    yield Sample("assent_log_waiting_entries", "Entries that wait for the sequencer.", status.waiting)
    yield Sample("assent_log_delay_seconds", "Age of the oldest entry that waits.", status.waiting_s)
    try:
        goes_on = continuity.interruption() is None
    except Unavailable:  # this process has no key of the log
        goes_on = True
    yield Sample("assent_log_goes_on", "1 while the log can be signed on, else 0.", goes_on)
    result = watch.last()
    if result is not None:
        age_s = (timezone.now() - result.at).total_seconds()
        yield Sample(
            "assent_log_check_clean",
            "1 where the last complete check found nothing.",
            result.is_clean,
        )
        yield Sample("assent_log_check_age_seconds", "Time since the last complete check.", age_s)
    newest = Entry.objects.filter(event="backup.completed").order_by("-id").first()
    if newest is not None:
        age_s = (timezone.now() - newest.created_at).total_seconds()
        yield Sample("assent_backup_age_seconds", "Time since the last verified backup.", age_s)
