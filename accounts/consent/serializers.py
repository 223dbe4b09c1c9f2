"""Shapes of challenges, submissions, consents and receipts in the API. Every rule is the services'."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.consent import attestations, scope, terms
from accounts.consent.models import Challenge, Concern, Consent, Submission
from accounts.voices.languages import CHOICES
from accounts.voices.serializers import GateShape, StyleShape


class ScopeRequest(serializers.Serializer[Any]):
    """What is to be permitted."""

    purposes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(scope.PURPOSES)), required=False, max_length=20
    )
    languages = serializers.ListField(
        child=serializers.ChoiceField(choices=CHOICES),
        required=False,
        max_length=10,
        help_text="Languages the voice may speak. Default: its own.",
    )
    emotions = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        max_length=scope.MAX_EMOTIONS,
        help_text='Emotions it may be given; ["*"], the default, is any.',
    )
    excluded_terms = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=scope.MAX_EXCLUDED_TERMS,
        help_text="Words never to be said in this voice.",
    )
    valid_days = serializers.IntegerField(min_value=1, max_value=scope.MAX_VALID_DAYS, required=False)
    custom_weights = serializers.BooleanField(
        required=False, help_text="Whether weights of a speech model may be made of this voice. Default: no."
    )


class ChallengeRequest(ScopeRequest):
    """What speaking the statement will permit."""

    statement_language = serializers.ChoiceField(
        choices=CHOICES, required=False, help_text="Default: the voice's own."
    )


class OwnerLinkShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField(
        help_text="Send it to the voice's owner. It is shown here once, and works once."
    )
    expires_at = serializers.DateTimeField()


class NarrowRequest(serializers.Serializer[Any]):
    """What is still permitted; only less than before."""

    purposes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(scope.PURPOSES)), min_length=1, max_length=20
    )
    languages = serializers.ListField(
        child=serializers.ChoiceField(choices=CHOICES), min_length=1, max_length=10
    )
    excluded_terms = serializers.ListField(
        child=serializers.CharField(max_length=60),
        default=list,
        max_length=scope.MAX_EXCLUDED_TERMS,
        help_text="Words never to be said, beside those there are.",
    )
    custom_weights = serializers.BooleanField(default=False)


class TermShape(serializers.Serializer[terms.Term]):
    part = serializers.CharField()
    title = serializers.CharField()
    items = serializers.ListField(child=serializers.CharField())


class AttestationShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    wording = serializers.CharField()


class ChallengeShape(serializers.ModelSerializer[Challenge]):
    voice = serializers.UUIDField(source="voice_id")
    scope = serializers.DictField()
    scope_sha256 = serializers.CharField(
        help_text="Send it back with the recording: it says that the person was shown `terms`."
    )
    terms = serializers.SerializerMethodField(
        help_text="What the statement permits, in plain words. Show it to the person before they speak."
    )
    attestations = serializers.SerializerMethodField(
        help_text="What the person has to declare; send the codes with the recording."
    )
    needs_reviewer = serializers.ListField(
        child=serializers.CharField(),
        help_text="Why a reviewer will listen whatever the recording is like; empty when none need.",
    )

    class Meta:
        model = Challenge
        fields = (
            "id",
            "voice",
            "language",
            "statement",
            "scope",
            "scope_sha256",
            "terms",
            "attestations",
            "needs_reviewer",
            "expires_at",
            "attempts",
            "used_at",
        )

    @extend_schema_field(TermShape(many=True))
    def get_terms(self, challenge: Challenge) -> Any:
        granted = terms.terms_of(
            scope.Scope.from_json(challenge.scope), organisation=challenge.voice.organisation.name
        )
        # The stubs know one instance, not the sequence of `many=True`.
        return TermShape(granted, many=True).data  # type: ignore[arg-type]

    @extend_schema_field(AttestationShape(many=True))
    def get_attestations(self, challenge: Challenge) -> list[dict[str, str]]:
        texts = attestations.wordings(get_language() or "en")
        return [{"code": code, "wording": wording} for code, wording in texts.items()]


class AttestationField(serializers.ListField):
    """Codes of what was declared: repeated in a form, or in one value with commas between them."""

    child = serializers.ChoiceField(choices=list(attestations.WORDING))

    def to_internal_value(self, data: Any) -> Any:
        items = [data] if isinstance(data, str) else data
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            items = [code.strip() for item in items for code in item.split(",") if code.strip()]
        return super().to_internal_value(items)


class AcknowledgedRequest(serializers.Serializer[Any]):
    """What every recording that answers a challenge travels with (from OpenAI's SDKs, in `extra_body`)."""

    scope_sha256 = serializers.CharField(
        max_length=64,
        default="",
        allow_blank=True,
        help_text="The challenge's: it says that the person was shown what they permit. Needed.",
    )
    attestations = AttestationField(
        max_length=10, default=list, help_text="What the person declared. All of them are needed."
    )


class RecordingRequest(AcknowledgedRequest):
    file = serializers.FileField(allow_empty_file=True, help_text="At most 20 MiB.")
    # DRF's serializers have an attribute `source` of their own.
    source = serializers.ChoiceField(choices=["microphone", "upload"], default="upload")  # type: ignore[assignment]


class SubmissionShape(serializers.ModelSerializer[Submission]):
    challenge = serializers.UUIDField(source="challenge_id")
    voice = serializers.UUIDField(source="challenge.voice_id")
    clip = serializers.UUIDField(source="clip_id", allow_null=True)
    gates = GateShape(many=True)
    reasons = GateShape(many=True, help_text="What speaks against approval.")
    sha256 = serializers.CharField(source="upload_sha256")

    class Meta:
        model = Submission
        fields = (
            "id",
            "challenge",
            "voice",
            "clip",
            "state",
            "decided_in",
            "source",
            "sha256",
            "gates",
            "reasons",
            "decision_note",
            "created_at",
            "decided_at",
        )


class ConsentShape(serializers.ModelSerializer[Consent]):
    """A consent with its signed receipt."""

    voice = serializers.UUIDField(source="voice_id")
    state = serializers.SerializerMethodField()
    scope = serializers.DictField(source="scope_in_force", help_text="What is permitted now.")
    receipt = serializers.DictField()

    class Meta:
        model = Consent
        fields = (
            "id",
            "voice",
            "version",
            "state",
            "scope",
            "valid_from",
            "valid_until",
            "revoked_at",
            "receipt",
            "receipt_sha256",
            "receipt_signature",
        )

    def get_state(self, consent: Consent) -> str:
        return consent.state_at(self.context["now"])


class RevokeRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    keep_print = serializers.BooleanField(
        default=True, help_text="Keep a one-way print, so that nobody registers this voice again unseen."
    )


class ReviewRequest(serializers.Serializer[Any]):
    approve = serializers.BooleanField()
    note = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="The reason. Needed to reject, and for every decision of the installation's reviewers.",
    )


class ReferRequest(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=500, help_text="Whose rights it may concern, and why.")


class LikenessShape(serializers.ModelSerializer[Concern]):
    """A recording of somebody else that sounds like one of your voices. Whose it is is not told."""

    voice = serializers.UUIDField(source="voice_id")
    state = serializers.CharField(source="submission.state", help_text="Of the recording that was handed in.")

    class Meta:
        model = Concern
        fields = ("id", "voice", "state", "told_at", "answered_at", "objects_to_it", "objection")


class LikenessAnswer(serializers.Serializer[Any]):
    objects = serializers.BooleanField(help_text="Whether you object.")
    text = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ReviewQueueShape(serializers.Serializer[Any]):
    submissions = SubmissionShape(many=True)
    styles = StyleShape(many=True)


class ReceiptRequest(serializers.Serializer[Any]):
    receipt = serializers.DictField()
    signature = serializers.CharField(max_length=200, help_text="Base64, as it came with the receipt.")


class ReceiptVerdict(serializers.Serializer[Any]):
    """Three questions kept apart: is it ours, is it unaltered, is the consent live now?"""

    valid = serializers.BooleanField(help_text="The signature fits this receipt and this service's key.")
    state = serializers.ChoiceField(
        choices=["live", "not_yet", "suspended", "revoked", "expired", "superseded", "unknown"],
        help_text="State of the consent now; unknown unless the receipt is valid.",
    )
    revoked_at = serializers.DateTimeField(allow_null=True)
    sha256 = serializers.CharField()
    key_id = serializers.CharField()
    checked_at = serializers.DateTimeField()


class ReceiptKeyShape(serializers.Serializer[Any]):
    key_id = serializers.CharField(help_text="As receipts name it: signing_key_id.")
    algorithm = serializers.CharField()
    public_key = serializers.CharField(help_text="32 bytes, base64.")
    retired_at = serializers.CharField(help_text="Empty for the key that signs now.")


class ReceiptKeysShape(ReceiptKeyShape):
    earlier = ReceiptKeyShape(many=True, help_text="Keys of earlier receipts, the latest first.")
