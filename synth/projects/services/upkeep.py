"""What goes with a voice: texts that it was to speak, and tracks in which it is heard."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.voices.models import Voice
from accounts.voices.states import VoiceStatus
from audit.actors import Actor
from synth.common import uploads
from synth.jobs.models import FINAL_STATES
from synth.projects.models import Line, LineState, Track, TrackState
from synth.projects.services.tracks import FOLDER, remove_file
from watermark.models import Mark


def on_voice_erased(sender: Any, voice: Voice, actor: Actor, **kwargs: Any) -> int:
    """Receiver of `accounts.voices.signals.voice_erased`: the texts of its lines go, and tracks that it is in.

    Returns how many files that were.
    """
    spoken = Line.objects.filter(Q(voice=voice) | Q(voice=None, project__voice=voice))
    spoken.filter(state=LineState.WAITING).update(state=LineState.CANCELLED)
    spoken.update(text="")
    tracks = Track.objects.filter(state=TrackState.READY, parts__output__job__voice=voice).distinct()
    for track in tracks:
        remove_file(track)
    return len(tracks)


def forget_texts(before: datetime) -> int:
    """Empty the texts of lines whose job ended before that, and of those that came to none; how many."""
    ended = Q(job__state__in=FINAL_STATES, job__finished_at__lt=before) | Q(
        job=None, state__in=[LineState.FAILED, LineState.CANCELLED], project__created_at__lt=before
    )
    return Line.objects.filter(ended).exclude(text="").update(text="")


def sweep_tracks() -> int:
    """Remove tracks with a line that may no longer be served, and files that no row names."""
    unserved = Track.objects.filter(
        Q(parts__output__deleted_at__isnull=False)
        | Q(parts__output__mark__state=Mark.State.TAKEN_DOWN)
        | Q(parts__output__job__voice__status=VoiceStatus.REVOKED),
        state=TrackState.READY,
    ).distinct()
    for track in unserved:
        remove_file(track)
    return len(unserved) + uploads.sweep_folder(
        FOLDER,
        older_than=timedelta(hours=1),
        named=lambda: list(Track.objects.exclude(file="").values_list("file", flat=True)),
    )
