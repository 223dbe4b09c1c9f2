"""Shapes of the verification endpoint."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from watermark.models import Verification
from watermark.verdict import Verdict


class VerifyRequest(serializers.Serializer):
    file = serializers.FileField(help_text="Any audio file, at most 64 MiB. It is deleted after the answer.")
    deep = serializers.BooleanField(
        default=False, help_text="Also search for changed tempo, pitch and speed. Slower."
    )


class IntervalShape(serializers.Serializer):
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    kind = serializers.ChoiceField(choices=["ours", "altered", "unmarked", "public"])
    record_id = serializers.UUIDField(allow_null=True)


class RecordShape(serializers.Serializer):
    record_id = serializers.UUIDField()
    issued_at = serializers.DateTimeField(allow_null=True)
    organisation = serializers.CharField()
    engine = serializers.CharField()
    engine_version = serializers.CharField()
    is_preview = serializers.BooleanField()
    duration_s = serializers.FloatField()
    consent = serializers.ChoiceField(choices=["live", "revoked", "expired", "superseded"])
    taken_down = serializers.BooleanField()
    log_entry = serializers.IntegerField(allow_null=True)
    same_bytes = serializers.BooleanField(help_text="The file is the released one, bit for bit.")
    log_proof = serializers.CharField(allow_null=True)


class ReportShape(serializers.Serializer):
    verdict = serializers.ChoiceField(choices=[v.value for v in Verdict])
    sentence = serializers.DictField(
        child=serializers.CharField(), help_text="One plain sentence a language."
    )
    reasons = serializers.ListField(child=serializers.CharField())
    file = serializers.DictField()
    records = RecordShape(many=True)
    intervals = IntervalShape(many=True)
    layers = serializers.DictField()
    label = serializers.DictField(allow_null=True)  # type: ignore[assignment]
    waveform = serializers.ListField(child=serializers.FloatField())
    detector = serializers.DictField()
    log_entry = serializers.IntegerField()


class VerificationShape(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Verification.State.choices)
    progress = serializers.FloatField()
    url = serializers.CharField()
    report = ReportShape(allow_null=True)


def verification_answer(row: Verification) -> dict[str, Any]:
    """The JSON of one query."""
    return {
        "id": str(row.id),
        "state": row.state,
        "progress": row.progress,
        "url": reverse("verification", args=[row.id]),
        "report": row.report,
    }
