"""A project's lines as one file on the timeline: asked for here, laid out by a worker, logged before it can be served.

It is made of released files and silence. Each line carries its own mark into it, and is asked for at its place in the
final bytes; so the track needs no mark of its own, and verification names the records of its lines.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import IO
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.people.permissions import SPEECH_READ
from accounts.people.principals import Principal
from audit.actors import SYSTEM
from audit.services import record
from audit.subjects import about
from synth.common.queue import send_on_commit
from synth.errors import AssentError, Conflict, Forbidden, NotFound, Unavailable
from synth.jobs.services import refusal_to_serve, refuse_unserved
from synth.projects import selectors
from synth.projects.models import TRACK_FORMATS, Line, Track, TrackLine, TrackState
from synth.projects.selectors import Placed
from synth.projects.services.exporting import record_export

FOLDER = "tracks"
MAX_TRACK_MS = 2 * 3600 * 1000
"""A track is laid out in memory: two hours at 24 kHz are 660 MiB, and half as much again encoded."""
MAX_ATTEMPTS = 3
LOST_AFTER = timedelta(seconds=90)
TASK = "checks.track"
_ONE_TRACK = 0x61_73_74_72  # advisory lock under which a track is claimed
_OPEN = (TrackState.QUEUED, TrackState.RUNNING)


class TrackLost(Exception):
    """Another worker has taken over the track meanwhile."""


@dataclass(frozen=True)
class Laid:
    """A finished track: its file, and what stands on record of it."""

    data: bytes
    duration_ms: int
    sample_rate_hz: int


def ask_track(*, principal: Principal, project_id: UUID, format: str) -> Track:
    """Have a track made of the lines that are done, by a worker; one that is being made already is returned.

    Raises AssentError ``format_not_offered``, ``track_too_long``; Conflict ``nothing_to_export``, and
    ``project_unfinished`` while lines are spoken.
    """
    principal.require(SPEECH_READ)
    project = selectors.project_for(principal, project_id)
    if format not in TRACK_FORMATS:
        raise AssentError(
            "format_not_offered", f"Tracks are made as {', '.join(TRACK_FORMATS)}.", measured=format[:16],
            limit=list(TRACK_FORMATS), extra={"param": "format"},
        )  # fmt: skip
    counts = selectors.counts_of(project)
    if left := counts["waiting"] + counts["speaking"]:
        raise Conflict("project_unfinished", "Some lines are still to be spoken.", measured=left)
    places = served_places(list(selectors.lines_of(project)))
    if not places:
        raise Conflict(
            "nothing_to_export", "No line of this project has a file that may be served.", measured=0
        )
    length_ms = max(place.start_ms + place.output.duration_ms for place in places)
    if length_ms > MAX_TRACK_MS:
        raise AssentError(
            "track_too_long", "A track is two hours long at most.", measured=length_ms, limit=MAX_TRACK_MS,
            http_status=422,
        )  # fmt: skip
    with transaction.atomic():
        type(project).objects.select_for_update().get(pk=project.pk)
        open_ = Track.objects.filter(project=project, format=format, state__in=_OPEN).first()
        if open_ is not None:
            return open_
        track = Track.objects.create(project=project, format=format, asked_by=principal.user)
        TrackLine.objects.bulk_create(
            TrackLine(track=track, number=place.line.number, output=place.output, start_ms=place.start_ms)
            for place in places
        )
        send_on_commit(TASK, track.pk)
    return track


def served_places(lines: list[Line]) -> list[Placed]:
    """The places of the lines whose file may still be served."""
    return [place for place in selectors.placed(lines) if refusal_to_serve(place.output) is None]


def begin_track(*, track_id: UUID) -> Track | None:
    """Claim a track that waits; None when it is not there to be taken, or another is being made.

    One at a time: each takes a thread of its worker and the memory of hours of sound. Whoever ends one wakes the next.
    """
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_TRACK])
        if Track.objects.filter(state=TrackState.RUNNING, heartbeat_at__gt=now - LOST_AFTER).exists():
            return None
        claimed = Track.objects.filter(pk=track_id, state=TrackState.QUEUED).update(
            state=TrackState.RUNNING, attempts=F("attempts") + 1, heartbeat_at=now
        )
    return Track.objects.select_related("project").get(pk=track_id) if claimed else None


def wake_next_track() -> None:
    """Call a worker for the track that has waited longest."""
    waiting = Track.objects.filter(state=TrackState.QUEUED).order_by("created_at").first()
    if waiting is not None:
        with transaction.atomic():
            send_on_commit(TASK, waiting.pk)


def track_beats(track: Track) -> bool:
    """Say that a worker is at it; False when this claim of it is lost."""
    return bool(held(track).update(heartbeat_at=timezone.now()))


def held(track: Track) -> QuerySet[Track]:
    """The row of a track while this claim of it holds."""
    return Track.objects.filter(pk=track.pk, state=TrackState.RUNNING, attempts=track.attempts)


def parts_of(track: Track) -> list[TrackLine]:
    """What a track is made of, in order, with all that its serving depends on."""
    rows = track.parts.select_related("output__job__voice", "output__mark").order_by("start_ms", "number")
    return list(rows)


def complete_track(*, track: Track, laid: Laid) -> Track:
    """Release a track: file, entry and row together, if every line in it may still be served.

    Raises what forbids a line of it, and `TrackLost`.
    """
    digest = hashlib.sha256(laid.data).hexdigest()
    name = default_storage.save(f"{FOLDER}/{secrets.token_urlsafe(24)}", ContentFile(laid.data))
    try:
        with transaction.atomic():
            parts = parts_of(track)
            refuse_unserved([part.output for part in parts])
            entry = record(
                event="project.track_made",
                actor=SYSTEM,
                organisation_id=track.project.organisation_id,
                subject=about("project", track.project_id),
                data={
                    "project_id": str(track.project_id),
                    "format": track.format,
                    "count": len(parts),
                    "duration_ms": laid.duration_ms,
                    "bytes": len(laid.data),
                    "export_sha256": digest,
                },
                idempotency_key=f"project.track_made:{track.pk}",
            )
            done = held(track).update(
                state=TrackState.READY, entry=entry, file=name, sha256=digest, size_bytes=len(laid.data),
                duration_ms=laid.duration_ms, sample_rate_hz=laid.sample_rate_hz,
            )  # fmt: skip
            if not done:
                raise TrackLost
            for older in Track.objects.filter(
                project=track.project_id, format=track.format, state=TrackState.READY
            ).exclude(pk=track.pk):
                remove_file(older)
    except BaseException:
        default_storage.delete(name)
        raise
    track.refresh_from_db()
    return track


def fail_track(*, track: Track, error: AssentError) -> None:
    """End a claimed track with the reason that its caller reads."""
    held(track).update(state=TrackState.FAILED, error=error.as_row())


def open_track(*, principal: Principal, project_id: UUID, format: str) -> tuple[Track, IO[bytes]]:
    """A track's file, opened for reading; each line in it is a download in the log.

    Raises NotFound ``track_not_found``; Conflict ``track_not_ready``; what forbids a line of it, whose file goes then.
    """
    principal.require(SPEECH_READ)
    track = selectors.track_for(principal, project_id, format)
    if track.state == TrackState.FAILED and track.error:
        raise AssentError.from_dict(track.error, http_status=422)
    if track.state == TrackState.REMOVED:
        raise Forbidden("track_removed", "A line of this track may no longer be served. Ask for a new one.")
    if track.state != TrackState.READY:
        raise Conflict("track_not_ready", "The track is being made.", measured=track.state)
    outputs = [part.output for part in parts_of(track)]
    try:
        refuse_unserved(outputs)
    except (Forbidden, NotFound):
        remove_file(track)
        raise
    record_export(
        principal, track.project, outputs, kind=f"track-{track.format}", sha256=track.sha256,
        size_bytes=track.size_bytes,
    )  # fmt: skip
    return track, default_storage.open(track.file, "rb")


def remove_file(track: Track) -> None:
    """The file of a track goes, once that has committed; its entry and hash stay."""
    name = track.file
    with transaction.atomic():
        Track.objects.filter(pk=track.pk).update(state=TrackState.REMOVED, file="")
        transaction.on_commit(lambda: default_storage.delete(name) if name else None, robust=True)


def reap_tracks() -> int:
    """Send again what waits or what a lost worker held; fail what was lost too often."""
    long_ago = timezone.now() - LOST_AFTER
    lost = Track.objects.filter(state=TrackState.RUNNING, heartbeat_at__lt=long_ago)
    for track in lost.filter(attempts__gte=MAX_ATTEMPTS):
        fail_track(
            track=track,
            error=Unavailable("worker_lost", "The worker stopped on this track.", http_status=500),
        )
    again = list(
        Track.objects.filter(
            Q(state=TrackState.RUNNING, heartbeat_at__lt=long_ago)
            | Q(state=TrackState.QUEUED, created_at__lt=long_ago)
        ).values_list("pk", flat=True)
    )
    for track_id in again:
        with transaction.atomic():
            lost.filter(pk=track_id).update(state=TrackState.QUEUED)
            send_on_commit(TASK, track_id)
    return len(again)
