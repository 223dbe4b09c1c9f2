"""Shapes of the job API and of the OpenAI-compatible speech route."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from synth.jobs.formats import FORMATS
from synth.jobs.models import JobState, Output, SynthesisJob
from synth.jobs.services import SPEED_RANGE, TAKE_DOWN_REASONS, TEXT_LIMIT
from watermark.models import Mark


class JobRequest(serializers.Serializer):
    voice = serializers.CharField(
        max_length=100, help_text="Id or short name of a voice of your organisation."
    )
    text = serializers.CharField(max_length=TEXT_LIMIT * 4, help_text=f"At most {TEXT_LIMIT} characters.")
    style = serializers.CharField(  # type: ignore[assignment]
        max_length=40, required=False, default="", allow_blank=True, help_text='A style, such as "sad".'
    )
    language = serializers.CharField(max_length=8, required=False, default="", allow_blank=True)
    purpose = serializers.CharField(max_length=40, required=False, default="general")
    format = serializers.CharField(max_length=8, required=False, default="mp3", help_text=", ".join(FORMATS))
    speed = serializers.FloatField(
        required=False, default=1.0, help_text=f"{SPEED_RANGE[0]} to {SPEED_RANGE[1]}."
    )
    seed = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=2**31 - 1
    )


class TakeDownRequest(serializers.Serializer):
    reason = serializers.ChoiceField(choices=TAKE_DOWN_REASONS)


class OutputShape(serializers.Serializer):
    id = serializers.UUIDField(help_text="The record id that the mark carries.")
    format = serializers.CharField()
    media_type = serializers.CharField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    duration_s = serializers.FloatField()
    sample_rate_hz = serializers.IntegerField()
    is_labelled = serializers.BooleanField()
    mark_layers = serializers.ListField(child=serializers.CharField())
    log_entry = serializers.IntegerField()
    taken_down = serializers.BooleanField()
    audio = serializers.CharField()
    log_proof = serializers.CharField()


class JobShape(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=JobState.choices)
    stage = serializers.CharField()
    progress = serializers.FloatField()
    voice = serializers.UUIDField()
    voice_name = serializers.CharField()
    style = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField()
    language = serializers.CharField()
    purpose = serializers.CharField()
    format = serializers.CharField()
    speed = serializers.FloatField()
    seed = serializers.IntegerField()
    engine = serializers.CharField()
    engine_version = serializers.CharField()
    is_preview = serializers.BooleanField(allow_null=True)
    content_source = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())
    follow_report = serializers.DictField(allow_null=True)
    error = serializers.DictField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    output = OutputShape(allow_null=True)


class JobPageShape(serializers.Serializer):
    data = JobShape(many=True)  # type: ignore[assignment]
    next_before = serializers.UUIDField(allow_null=True)


def output_answer(output: Output) -> dict[str, Any]:
    return {
        "id": str(output.id),
        "format": output.format,
        "media_type": output.media_type,
        "sha256": output.sha256,
        "size_bytes": output.size_bytes,
        "duration_s": output.duration_ms / 1000,
        "sample_rate_hz": output.sample_rate_hz,
        "is_labelled": output.is_labelled,
        "mark_layers": output.mark.layers,
        "log_entry": output.entry_id,
        "taken_down": output.mark.state == Mark.State.TAKEN_DOWN,
        "audio": reverse("job-audio", args=[output.job_id]),
        "log_proof": reverse("record-proof", args=[output.id]),
    }


def job_answer(job: SynthesisJob) -> dict[str, Any]:
    """The JSON of one job; ``output`` is null until it is released."""
    output: Output | None = getattr(job, "output", None)
    error = {k: v for k, v in (job.error or {}).items() if k != "http_status"} or None
    return {
        "id": str(job.id),
        "state": job.state,
        "stage": job.stage,
        "progress": job.progress,
        "voice": str(job.voice_id),
        "voice_name": job.voice.name,
        "style": job.style.name if job.style else "",
        "text": job.text,
        "language": job.language,
        "purpose": job.purpose,
        "format": job.format,
        "speed": job.speed,
        "seed": job.seed,
        "engine": job.engine_name,
        "engine_version": job.engine_version,
        "is_preview": job.is_preview,
        "content_source": job.content_source,
        "warnings": job.warnings,
        "follow_report": job.follow_report,
        "error": error,
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "output": output_answer(output) if output else None,
    }


class SpeechRequest(serializers.Serializer):
    """OpenAI's speech request, with our optional extras at the top level."""

    model = serializers.CharField(required=False, default="assent", max_length=64)
    input = serializers.CharField(max_length=TEXT_LIMIT * 4, trim_whitespace=True)
    voice = serializers.JSONField(help_text='A voice\'s id or short name, or {"id": ...}.')
    instructions = serializers.CharField(required=False, default="", allow_blank=True, max_length=4096)
    response_format = serializers.CharField(required=False, default="mp3", max_length=16)
    speed = serializers.FloatField(required=False, default=1.0)
    stream_format = serializers.ChoiceField(required=False, default="audio", choices=["audio", "sse"])
    style = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)  # type: ignore[assignment]
    language = serializers.CharField(required=False, default="", allow_blank=True, max_length=8)
    purpose = serializers.CharField(required=False, default="general", max_length=40)
    seed = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=2**31 - 1
    )

    def validate_voice(self, value: Any) -> str:
        named = value.get("id") if isinstance(value, dict) else value
        if not isinstance(named, str) or not 0 < len(named) <= 100:
            raise serializers.ValidationError('Name a voice by its id or short name, or {"id": ...}.')
        return named
