"""Shapes of voices and styles in the API. They bound and name; every rule is the services'."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.voices.languages import CHOICES
from accounts.voices.models import Style, Voice


class LedgerQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    before = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


class VoiceRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, help_text="How the voice is called here.")
    person_name = serializers.CharField(max_length=80, help_text="Whose voice it is; the statement names it.")
    language = serializers.ChoiceField(choices=CHOICES, help_text="Mother tongue of the voice.")
    owner_by_link = serializers.BooleanField(
        default=False, help_text="The person has no account here and consents by a link (owner-links)."
    )


class VoiceShape(serializers.ModelSerializer[Voice]):
    styles = serializers.SerializerMethodField(help_text="Approved styles.")
    consent_valid_until = serializers.SerializerMethodField(help_text="Null while there is no live consent.")

    class Meta:
        model = Voice
        fields = (
            "id",
            "slug",
            "name",
            "language",
            "person_name",
            "status",
            "created_at",
            "erased_at",
            "styles",
            "consent_valid_until",
        )

    def get_styles(self, voice: Voice) -> list[dict[str, str]]:
        found = self.context.get("styles", {}).get(voice.pk, [])
        return [{"name": s.name, "emotion": s.emotion, "language": s.language} for s in found]

    def get_consent_valid_until(self, voice: Voice) -> str | None:
        until = self.context.get("valid_until", {}).get(voice.pk)
        return until.isoformat() if until else None


class VoicePage(serializers.Serializer[Any]):
    # DRF's serializers have a property `data` of their own.
    data = VoiceShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class GateShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["pass", "review", "fail", "skipped"])
    measured = serializers.JSONField(allow_null=True)
    limit = serializers.JSONField(allow_null=True)
    unit = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class StyleRequest(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, help_text="3 to 10 seconds, at most 20 MiB.")
    name = serializers.CharField(max_length=40, help_text='A lower-case word, such as "sad".')
    emotion = serializers.CharField(max_length=40)
    language = serializers.ChoiceField(choices=CHOICES)
    transcript = serializers.CharField(max_length=1000, help_text="Exactly what is said in the clip.")
    # DRF's serializers have an attribute `source` of their own.
    source = serializers.ChoiceField(choices=["microphone", "upload"], default="upload")  # type: ignore[assignment]


class StyleShape(serializers.ModelSerializer[Style]):
    voice = serializers.UUIDField(source="voice_id")
    clip = serializers.UUIDField(source="clip_id", allow_null=True)
    gates = GateShape(many=True)
    reasons = GateShape(many=True)

    class Meta:
        model = Style
        fields = (
            "id",
            "voice",
            "name",
            "emotion",
            "language",
            "transcript",
            "clip",
            "state",
            "gates",
            "reasons",
            "decision_note",
            "created_at",
            "decided_at",
        )


class StylePage(serializers.Serializer[Any]):
    # DRF's serializers have a property `data` of their own.
    data = StyleShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
