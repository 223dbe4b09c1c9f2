"""Shapes of the project API."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from accounts.consent.scope import DEFAULT_PURPOSE
from synth.errors import shown
from synth.jobs.services import SPEED_RANGE, TEXT_LIMIT
from synth.projects import selectors
from synth.projects.models import TRACK_FORMATS, Line, LineState, Project, Track, TrackState
from synth.projects.script import FORMATS, MAX_LINES, MAX_SCRIPT_BYTES, MAX_SLOT_MS
from synth.projects.services.making import LINE_FORMATS

SUBTITLES = ("srt", "vtt")
STATES = ("speaking", "done", "incomplete", "cancelled")


class LineFields(serializers.Serializer[Any]):
    """A line of a script; what is absent is as the project says. Its limits are judged by the script's own rules."""

    text = serializers.CharField(help_text=f"At most {TEXT_LIMIT} characters.")
    voice = serializers.CharField(required=False, help_text="Id or short name.")
    # DRF's serializers have an attribute `style` of their own.
    style = serializers.CharField(required=False)  # type: ignore[assignment]
    speed = serializers.FloatField(
        required=False, allow_null=True, help_text=f"{SPEED_RANGE[0]} to {SPEED_RANGE[1]}."
    )
    begin_ms = serializers.IntegerField(required=False, allow_null=True, help_text=f"0 to {MAX_SLOT_MS}.")
    end_ms = serializers.IntegerField(required=False, allow_null=True)


class LineChange(LineFields):
    text = serializers.CharField(required=False, max_length=TEXT_LIMIT * 4)
    voice = serializers.CharField(required=False, allow_blank=True, max_length=100)
    # As in `LineFields`.
    style = serializers.CharField(required=False, allow_blank=True, max_length=40)
    speed = serializers.FloatField(required=False, allow_null=True)
    begin_ms = serializers.IntegerField(required=False, allow_null=True)
    end_ms = serializers.IntegerField(required=False, allow_null=True)


class ProjectRequest(serializers.Serializer[Any]):
    """A script in one of three places: ``file`` (multipart), ``script`` (a text), ``lines`` (JSON)."""

    name = serializers.CharField(max_length=400)
    slug = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=64,
        help_text="Short name, by which jobs and reports of use call it.",
    )
    file = serializers.FileField(
        required=False, allow_empty_file=True, help_text=f"At most {MAX_SCRIPT_BYTES} bytes."
    )
    script = serializers.CharField(required=False, trim_whitespace=False, help_text="The same as a text.")
    lines = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text=f"At most {MAX_LINES}, each as in the answer.",
    )
    script_format = serializers.ChoiceField(
        choices=["", *FORMATS],
        required=False,
        default="",
        help_text="By the file's name or its beginning unless given.",
    )
    voice = serializers.CharField(required=False, default="", allow_blank=True, max_length=100)
    # As in `LineFields`.
    style = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)  # type: ignore[assignment]
    language = serializers.CharField(required=False, default="", allow_blank=True, max_length=8)
    purpose = serializers.CharField(required=False, default=DEFAULT_PURPOSE, max_length=40)
    speed = serializers.FloatField(required=False, default=1.0)
    format = serializers.CharField(
        required=False, default="wav", max_length=8, help_text=", ".join(LINE_FORMATS)
    )


class LinesQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)
    after = serializers.IntegerField(
        min_value=0, default=0, help_text="Number of the last line of the page before."
    )
    state = serializers.ChoiceField(choices=LineState.choices, required=False)


class SubtitlesQuery(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=SUBTITLES, required=False, default="srt")


class TrackQuery(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=TRACK_FORMATS, required=False, default="wav")


class TrackRequest(serializers.Serializer[Any]):
    format = serializers.CharField(
        required=False, default="wav", max_length=8, help_text=", ".join(TRACK_FORMATS)
    )


class CountsShape(serializers.Serializer[Any]):
    lines = serializers.IntegerField()
    waiting = serializers.IntegerField()
    speaking = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    too_long = serializers.IntegerField(help_text="Done, and too long for their slot all the same.")
    overlapping = serializers.IntegerField(help_text="Begin before the slot of another line has ended.")


class ProjectShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    progress = serializers.FloatField(help_text="Share of the lines that are done or will not be.")
    counts = CountsShape()
    voice = serializers.UUIDField(allow_null=True)
    # As in `LineFields`.
    style = serializers.CharField()  # type: ignore[assignment]
    language = serializers.CharField()
    purpose = serializers.CharField()
    speed = serializers.FloatField()
    format = serializers.CharField()
    warnings = serializers.ListField(
        child=serializers.DictField(), help_text="What of the script was left out."
    )
    created_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)


class ProjectPage(serializers.Serializer[Any]):
    data = ProjectShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class LineOutputShape(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The record id that the mark carries.")
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    duration_s = serializers.FloatField()
    audio = serializers.CharField()


class LineShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=LineState.choices)
    progress = serializers.FloatField(help_text="Of the job, while it is spoken.")
    text = serializers.CharField()
    voice = serializers.UUIDField(allow_null=True)
    voice_name = serializers.CharField()
    # As in `LineFields`.
    style = serializers.CharField()  # type: ignore[assignment]
    speed = serializers.FloatField(allow_null=True)
    begin_ms = serializers.IntegerField(allow_null=True)
    end_ms = serializers.IntegerField(allow_null=True)
    overlaps = serializers.BooleanField()
    take = serializers.IntegerField()
    fit_speed = serializers.FloatField(
        allow_null=True, help_text="Speed of a second take that is to fit the slot."
    )
    spoken_ms = serializers.IntegerField(allow_null=True, help_text="How long its words are heard.")
    too_long_by_ms = serializers.IntegerField(allow_null=True)
    error = serializers.DictField(allow_null=True)
    job = serializers.UUIDField(allow_null=True)
    output = LineOutputShape(allow_null=True)


class LinesPage(serializers.Serializer[Any]):
    data = LineShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class TrackShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    format = serializers.CharField()
    state = serializers.ChoiceField(choices=TrackState.choices)
    is_current = serializers.BooleanField(help_text="Made of the latest take of every line that is done.")
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    duration_s = serializers.FloatField()
    sample_rate_hz = serializers.IntegerField()
    log_entry = serializers.IntegerField(allow_null=True)
    error = serializers.DictField(allow_null=True)
    audio = serializers.CharField()
    created_at = serializers.DateTimeField()


def project_answer(project: Project) -> dict[str, Any]:
    """The JSON of a project that came with its counts."""
    counts = selectors.counts_of(project)
    ended = counts["done"] + counts["failed"] + counts["cancelled"]
    return {
        "id": str(project.pk),
        **{
            name: getattr(project, name)
            for name in ("name", "slug", "style", "language", "purpose", "speed", "format", "warnings")
        },
        "state": selectors.state_of(project),
        "progress": round(ended / max(1, counts["lines"]), 4),
        "counts": counts,
        "voice": str(project.voice_id) if project.voice_id else None,
        "created_at": project.created_at.isoformat(),
        "cancelled_at": project.cancelled_at.isoformat() if project.cancelled_at else None,
    }


_AS_KEPT = (
    "number", "state", "text", "style", "speed", "begin_ms", "end_ms", "overlaps", "take", "fit_speed", "spoken_ms",
    "too_long_by_ms",
)  # fmt: skip


def line_answer(line: Line) -> dict[str, Any]:
    """The JSON of a line as `selectors.lines_of` gives it."""
    voice = line.voice or line.project.voice
    output = selectors.output_of(line)
    return {
        **{name: getattr(line, name) for name in _AS_KEPT},
        "progress": line.job.progress if line.job else 0.0,
        "voice": str(voice.pk) if voice else None,
        "voice_name": voice.name if voice else "",
        "error": shown(line.error),
        "job": str(line.job_id) if line.job_id else None,
        "output": {
            "id": str(output.pk),
            "sha256": output.sha256,
            "size_bytes": output.size_bytes,
            "duration_s": output.duration_ms / 1000,
            "audio": reverse("job-audio", args=[output.job_id]),
        }
        if output
        else None,
    }


def track_answer(track: Track) -> dict[str, Any]:
    return {
        "id": str(track.pk),
        **{
            name: getattr(track, name)
            for name in ("format", "state", "sha256", "size_bytes", "sample_rate_hz")
        },
        "is_current": selectors.is_current(track),
        "duration_s": track.duration_ms / 1000,
        "log_entry": track.entry_id,
        "error": shown(track.error),
        "audio": f"{reverse('project-track-audio', args=[track.project_id])}?format={track.format}",
        "created_at": track.created_at.isoformat(),
    }
