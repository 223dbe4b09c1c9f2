"""The log: whether it goes on, whether it is whole, whether the database still guards it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from audit import continuity, guards, watch
from audit import keys as log_keys
from audit.merkle import compact_range
from audit.models import Checkpoint, Entry
from audit.note import Checkpoint as SignedCheckpoint
from audit.tree import StoredTree
from worker.doctor.finding import Finding

LATE_ENTRIES_S = 60
CHECK_AGE = timedelta(hours=36)
MEND = "find out who did it; manage.py audit mend puts back all but constraints"


def log() -> Iterator[Finding]:
    verifier = log_keys.verifier()
    held = log_keys.checkpoint_file().read()
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None and held is None:
        yield Finding("note", "log", f"no checkpoint yet; key {verifier.vkey}")
    elif held is None:
        text = "the copy of the last checkpoint outside the database is missing"
        yield Finding(
            "problem", "log", text, "restore it, or manage.py audit_sequencer --adopt after checking the log"
        )
    else:
        outside = SignedCheckpoint.open(held, verifier)
        interruption = continuity.interruption()
        if interruption:
            yield Finding("problem", "log", interruption, "manage.py audit recover tells the ways on")
        elif compact_range(outside.size, StoredTree().node).root() != outside.root:
            text = f"the stored tree does not give the root of the copy of {outside.size} entries"
            yield Finding("problem", "log", text, "manage.py audit check")
        else:
            yield Finding("ok", "log", f"checkpoint of {outside.size} entries, signed; key {verifier.vkey}")
    late = Entry.objects.filter(leaf=None, created_at__lt=timezone.now() - timedelta(seconds=LATE_ENTRIES_S))
    if late.exists():
        text = f"{late.count()} entries have waited more than {LATE_ENTRIES_S} s for the sequencer"
        yield Finding("problem", "log", text, "start it (make up, or manage.py sequencer) and read its log")
    yield from _guarded()


def _guarded() -> Iterator[Finding]:
    """What protects the log, and what the last complete look at it found."""
    for sentence in (*guards.missing(), *guards.left_behind()):
        yield Finding("problem", "log guards", sentence, MEND)
    result = watch.last()
    if result is None:
        yield Finding(
            "note", "log check", "never checked whole", "manage.py audit check, or wait for the night"
        )
    elif not result.is_clean:
        yield Finding(
            "problem", "log check", "; ".join(result.sentences), "manage.py audit check looks again"
        )
    elif timezone.now() - result.at > CHECK_AGE:
        yield Finding("warning", "log check", f"not checked since {result.at:%Y-%m-%d}", "is beat running?")
    else:
        yield Finding("ok", "log check", f"{result.size} entries whole, {result.at:%Y-%m-%d %H:%M} UTC")
