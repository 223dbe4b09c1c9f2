"""Shapes of the verification endpoint."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from accounts.people.principals import Principal
from synth.errors import shown
from watermark.models import Verification, VerificationBatch
from watermark.passages import passages
from watermark.reading.findings import EDITS, Compared
from watermark.reading.verdict import Verdict
from watermark.wording import INTERVALS


class _Options(serializers.Serializer):
    deep = serializers.BooleanField(
        default=False,
        help_text="Also search for changed tempo, pitch and speed. Slower; without an account at most 60 s of sound.",
    )
    quick = serializers.BooleanField(
        default=False,
        help_text="In a file of more than five minutes, stop at the first passage that is certainly ours.",
    )
    tell_webhooks = serializers.BooleanField(
        default=False,
        help_text="Tell the organisation's webhooks when it is answered (verdict.finished). With an account.",
    )


class VerifyRequest(_Options):
    file = serializers.FileField(
        help_text="Any audio file, deleted after the answer. Without an account at most 24 MiB, 5 minutes and two "
        "channels; with one 64 MiB, one hour and eight channels."
    )


class BatchRequest(_Options):
    files = serializers.ListField(
        child=serializers.FileField(),
        min_length=1,
        help_text="Up to twenty audio files, 64 MiB together. Each becomes a query of its own.",
    )


class IntervalShape(serializers.Serializer):
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    kind = serializers.ChoiceField(choices=list(INTERVALS))
    record_id = serializers.UUIDField(allow_null=True)
    channel = serializers.IntegerField(
        allow_null=True, help_text="From 0; null where all channels are alike."
    )
    record_start_s = serializers.FloatField(
        allow_null=True,
        help_text="Where words are not as released: the same place in the record's own seconds.",
    )
    record_end_s = serializers.FloatField(allow_null=True)
    source_record_id = serializers.UUIDField(
        allow_null=True, help_text="The record of ours that a passage put in comes from, where it is known."
    )


class ComparisonShape(serializers.Serializer):
    """How the one record named was compared, and what of it this file does not let compare."""

    how = serializers.ChoiceField(choices=[one.value for one in Compared])
    heard_to_hz = serializers.FloatField(allow_null=True)
    under_noise_percent = serializers.IntegerField()


class LaneShape(serializers.Serializer):
    channel = serializers.IntegerField()
    intervals = IntervalShape(many=True)


class RecordEvidenceShape(serializers.Serializer):
    record_id = serializers.UUIDField()
    mark_score = serializers.IntegerField()
    read_by_code = serializers.BooleanField()
    confirmed = serializers.BooleanField()
    content_percent = serializers.IntegerField()


class EvidenceShape(serializers.Serializer):
    """Scores in wide steps; zero below the threshold. Only for callers with an account."""

    presence_score = serializers.IntegerField()
    public_score = serializers.IntegerField()
    records = RecordEvidenceShape(many=True)


class ManifestShape(serializers.Serializer):
    """What a C2PA manifest in the file claims, and what its signature is worth."""

    readable = serializers.BooleanField()
    generator = serializers.CharField()
    source_types = serializers.ListField(child=serializers.CharField())
    names = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(
        choices=["trusted", "valid", "altered", "invalid", "unchecked"],
        help_text="trusted: unaltered, by a signer known here; valid: unaltered, signer unknown; altered: does not fit"
        " this sound; invalid: the signature does not hold.",
    )
    signer = serializers.CharField(help_text="As the certificate says; true only where trusted.")
    failures = serializers.ListField(child=serializers.CharField())
    verified = serializers.BooleanField(help_text="state is trusted")


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
    stream = serializers.ChoiceField(
        choices=["", "running", "owner", "caller", "failure"],
        help_text="Empty for whole files; running: it is still being made; else who ended the stream.",
    )
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
    lanes = LaneShape(many=True, help_text="The map of each channel, where they differ.")
    comparison = ComparisonShape(allow_null=True)
    layers = serializers.DictField()
    label = serializers.DictField(allow_null=True)  # type: ignore[assignment]
    manifest = ManifestShape(allow_null=True)
    evidence = EvidenceShape(allow_null=True)
    waveform = serializers.ListField(child=serializers.FloatField())
    detector = serializers.DictField()
    log_entry = serializers.IntegerField()


class PassageShape(serializers.Serializer):
    """A passage that is not as released; not part of the signed report."""

    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    kind = serializers.ChoiceField(choices=[*EDITS, "unmarked"])
    record_id = serializers.UUIDField()
    released = serializers.CharField(
        help_text="The words that the record has there; empty where it has none."
    )
    heard = serializers.CharField(
        allow_null=True,
        help_text="What the recogniser hears there, of a single word a guess; null where it did not listen.",
    )


class VerificationShape(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Verification.State.choices)
    stage = serializers.CharField(help_text="What is being done, while it runs.")
    progress = serializers.FloatField()
    url = serializers.CharField()
    report_url = serializers.CharField(allow_null=True, help_text="The signed report, once there is one.")
    report = ReportShape(allow_null=True)
    passages = PassageShape(
        many=True,
        help_text="In words, what is not as released: for callers who may read the speech of the record.",
    )


class BatchItemShape(serializers.Serializer):
    id = serializers.UUIDField()
    file_name = serializers.CharField()
    file_sha256 = serializers.CharField()
    state = serializers.ChoiceField(choices=Verification.State.choices)
    stage = serializers.CharField()
    progress = serializers.FloatField()
    url = serializers.CharField()
    report_url = serializers.CharField(allow_null=True)
    verdict = serializers.CharField(allow_null=True)
    error = serializers.DictField(allow_null=True)


class BatchShape(serializers.Serializer):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    url = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Files by state.")
    finished = serializers.BooleanField()
    files = BatchItemShape(many=True, required=False)


class BatchListShape(serializers.Serializer):
    data = BatchShape(many=True)  # type: ignore[assignment]


class SignedReport(serializers.Serializer):
    """A report file; see docs/verification.md."""

    report = serializers.DictField()
    signature = serializers.CharField(
        help_text="Signed note over the SHA-256 of the report's canonical form."
    )
    log_proof = serializers.CharField(allow_null=True, help_text="The log's proof of the query's entry.")


class ReportCheckShape(serializers.Serializer):
    valid = serializers.BooleanField()
    faults = serializers.ListField(
        child=serializers.ChoiceField(
            choices=["signature_invalid", "report_altered", "proof_invalid", "proof_of_another"]
        )
    )
    logged = serializers.BooleanField(help_text="The log holds an entry that commits to this report.")
    report = serializers.DictField(allow_null=True)
    records_today = serializers.ListField(child=serializers.DictField())
    key = serializers.CharField()


def verification_answer(row: Verification, principal: Principal | None = None) -> dict[str, Any]:
    """The JSON of one query, with the words that ``principal`` may read."""
    return {
        "id": str(row.id),
        "state": row.state,
        "stage": row.stage,
        "progress": row.progress,
        "url": reverse("verification", args=[row.id]),
        "report_url": _report_url(row),
        "report": row.report,
        "passages": passages(row, principal),
    }


def batch_answer(batch: VerificationBatch, *, with_reports: bool = True) -> dict[str, Any]:
    """The JSON of one batch; its queries have been fetched with it."""
    rows = list(batch.queries.all())
    shape = {
        "id": str(batch.pk),
        "created_at": batch.created_at.isoformat(),
        "url": reverse("verify-batch", args=[batch.pk]),
        "counts": dict(Counter(row.state for row in rows)),
        "finished": all(row.has_ended for row in rows),
    }
    return {**shape, "files": [_batch_item(row) for row in rows]} if with_reports else shape


def _batch_item(row: Verification) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "file_name": row.file_name,
        "file_sha256": row.file_sha256,
        "state": row.state,
        "stage": row.stage,
        "progress": row.progress,
        "url": reverse("verification", args=[row.id]),
        "report_url": _report_url(row),
        "verdict": row.report["verdict"] if row.report else None,
        "error": shown(row.error),
    }


def _report_url(row: Verification) -> str | None:
    return None if row.document is None else reverse("verification-report", args=[row.id])
