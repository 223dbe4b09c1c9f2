"""Shapes of the accounts API. They bound and name; every rule is the services'."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import attestations, scope, terms
from accounts.languages import LANGUAGES
from accounts.models import ApiKey, Challenge, Consent, Invitation, Membership, Style, Submission, Voice
from accounts.permissions import SCOPES, Role
from accounts.services.keys import DEFAULT_KEY_DAYS, MAX_KEY_DAYS


class Problem(serializers.Serializer[Any]):
    """Problem details (RFC 9457); `code` is stable, `detail` is for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)
    after = serializers.UUIDField(required=False, help_text="Id of the last item of the page before.")


class LedgerQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    before = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


class WaitQuery(serializers.Serializer[Any]):
    wait_s = serializers.FloatField(
        min_value=0, max_value=30, default=0, help_text="Answer once decided, or after this many seconds."
    )


class VoiceRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, help_text="How the voice is called here.")
    person_name = serializers.CharField(max_length=80, help_text="Whose voice it is; the statement names it.")
    language = serializers.ChoiceField(choices=list(LANGUAGES), help_text="Mother tongue of the voice.")


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
    data = VoiceShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class ChallengeRequest(serializers.Serializer[Any]):
    """What speaking the statement will permit."""

    purposes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(scope.PURPOSES)), required=False, max_length=20
    )
    languages = serializers.ListField(
        child=serializers.ChoiceField(choices=list(LANGUAGES)),
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
    statement_language = serializers.ChoiceField(
        choices=list(LANGUAGES), required=False, help_text="Default: the voice's own."
    )


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


class GateShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["pass", "review", "fail", "skipped"])
    measured = serializers.JSONField(allow_null=True)
    limit = serializers.JSONField(allow_null=True)
    unit = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


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
            "source",
            "sha256",
            "gates",
            "reasons",
            "decision_note",
            "created_at",
            "decided_at",
        )


class StyleRequest(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, help_text="3 to 10 seconds, at most 20 MiB.")
    name = serializers.CharField(max_length=40, help_text='A lower-case word, such as "sad".')
    emotion = serializers.CharField(max_length=40)
    language = serializers.ChoiceField(choices=list(LANGUAGES))
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
    data = StyleShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class ConsentShape(serializers.ModelSerializer[Consent]):
    """A consent with its signed receipt."""

    voice = serializers.UUIDField(source="voice_id")
    state = serializers.SerializerMethodField()
    scope = serializers.DictField()
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


class ReviewRequest(serializers.Serializer[Any]):
    approve = serializers.BooleanField()
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ReviewQueueShape(serializers.Serializer[Any]):
    submissions = SubmissionShape(many=True)
    styles = StyleShape(many=True)


class KeyRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES)), max_length=len(SCOPES) * 2
    )
    days = serializers.IntegerField(min_value=1, max_value=MAX_KEY_DAYS, default=DEFAULT_KEY_DAYS)


class KeyShape(serializers.ModelSerializer[ApiKey]):
    created_by = serializers.UUIDField(source="created_by_id")
    scopes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "prefix",
            "scopes",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class NewKeyShape(KeyShape):
    key = serializers.CharField(help_text="The key itself. It is shown this once.")

    class Meta(KeyShape.Meta):
        fields = (*KeyShape.Meta.fields, "key")  # type: ignore[assignment]


class KeyPage(serializers.Serializer[Any]):
    data = KeyShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class OrganisationShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    role = serializers.CharField(help_text="The caller's role in it.")


class OrganisationRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)


class MemberShape(serializers.ModelSerializer[Membership]):
    user = serializers.UUIDField(source="user_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")

    class Meta:
        model = Membership
        fields = ("id", "user", "email", "name", "role", "created_at")


class MemberPage(serializers.Serializer[Any]):
    data = MemberShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class RoleRequest(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.values)


class InvitationRequest(RoleRequest):
    email = serializers.EmailField(max_length=254)


class InvitationShape(serializers.ModelSerializer[Invitation]):
    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "created_at", "expires_at")


class InvitationPage(serializers.Serializer[Any]):
    data = InvitationShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


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
