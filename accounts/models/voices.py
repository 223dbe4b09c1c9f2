"""Voices and everything by which their owners permit, or stop, their use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.gates.challenge import ChallengeSpec
from accounts.languages import LANGUAGES
from accounts.models.people import Organisation
from accounts.recordings import new_name
from accounts.scope import sha256_of
from accounts.states import CheckState, VoiceStatus
from synth.common.ids import new_id

MAX_ATTEMPTS_PER_CHALLENGE = 3


def recording_name(instance: models.Model, filename: str) -> str:
    """Storage name when Django saves a file itself: as unguessable as those of `accounts.recordings`."""
    return new_name()


class Voice(models.Model):
    """A registered voice of one real person, used by one organisation.

    `speaker_embedding` is the voiceprint measured on the consent recording (float32, little-endian bytes).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="voices")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="voices")
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=64)
    language = models.CharField(max_length=8, choices=list(LANGUAGES.items()))
    person_name = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=16, choices=VoiceStatus, default=VoiceStatus.REGISTERED)
    speaker_embedding = models.BinaryField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="voice_slug_unique"),
            models.CheckConstraint(condition=Q(status__in=VoiceStatus.values), name="voice_status_known"),
            models.CheckConstraint(condition=Q(language__in=list(LANGUAGES)), name="voice_language_known"),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=False) | ~Q(person_name=""), name="voice_names_its_person"
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True)
                | Q(status=VoiceStatus.REVOKED, speaker_embedding__isnull=True),
                name="voice_erased_is_revoked",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Clip(models.Model):
    """A kept recording with its transcript.

    When the voice is erased the file, the fingerprint and the embedding go; the row stays as evidence.
    """

    class Kind(models.TextChoices):
        CONSENT = "consent", "consent"
        STYLE = "style", "style"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="clips")
    kind = models.CharField(max_length=8, choices=Kind)
    file = models.FileField(upload_to=recording_name, max_length=200, blank=True)
    sha256 = models.CharField(max_length=64)
    transcript = models.TextField(blank=True)
    language = models.CharField(max_length=8, choices=list(LANGUAGES.items()))
    duration_ms = models.PositiveIntegerField()
    sample_rate_hz = models.PositiveIntegerField()
    fingerprint = models.BinaryField(null=True, blank=True)
    speaker_embedding = models.BinaryField(null=True, blank=True)
    measurements = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["consent", "style"]), name="clip_kind_known"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="clip_sha256_hex"),
            models.CheckConstraint(
                condition=Q(duration_ms__gt=0, sample_rate_hz__gt=0), name="clip_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} clip {self.id}"


class Challenge(models.Model):
    """A random statement to be spoken within ten minutes, and the scope that speaking it permits.

    `spec` is the gates' own description (slots, decoys, words); `scope_sha256` is what whoever answers has to
    acknowledge. `used_at` is set once a recording of it was accepted or the attempts ran out, and then it is
    spent. When the voice is erased, statement and spec are emptied.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="challenges")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=8, choices=list(LANGUAGES.items()))
    statement = models.TextField()
    spec = models.JSONField()
    scope = models.JSONField()
    scope_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["voice", "created_at"], name="challenge_recent")]
        constraints = [
            models.CheckConstraint(
                condition=Q(attempts__gte=0, attempts__lte=MAX_ATTEMPTS_PER_CHALLENGE),
                name="challenge_attempts_bounded",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="challenge_expires_later"
            ),
        ]

    def __str__(self) -> str:
        return f"challenge {self.id}"

    @property
    def needs_reviewer(self) -> tuple[str, ...]:
        """Codes of why a reviewer will listen whatever the recording is like; known before it is spoken."""
        return ChallengeSpec.from_json(self.spec).needs_reviewer if self.spec else ()

    @property
    def scope_is_intact(self) -> bool:
        """Whether the scope is still the one that the statement was issued for."""
        return self.scope_sha256 == sha256_of(self.scope)


class CheckedRecording(models.Model):
    """What a consent submission and a style have in common: an upload that gates measure and someone decides.

    The queue only wakes a worker; `state`, `heartbeat` and `claims` are the truth about the check.
    `gates` is the report as measured, `reasons` the part that speaks against approval, for people.
    """

    class Source(models.TextChoices):
        MICROPHONE = "microphone", "microphone"
        UPLOAD = "upload", "upload"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    upload = models.FileField(upload_to=recording_name, max_length=200, blank=True)
    upload_sha256 = models.CharField(max_length=64)
    upload_bytes = models.PositiveIntegerField()
    source = models.CharField(max_length=12, choices=Source, default=Source.UPLOAD)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    heartbeat = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveSmallIntegerField(default=0)
    gates = models.JSONField(default=list, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    model_versions = models.JSONField(default=dict, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True


class Submission(CheckedRecording):
    """One recording offered as the answer to a challenge.

    `acknowledged_scope_sha256` is the scope that the person at the microphone was shown; `attestations` is
    what they declared, in the words they read (`accounts.attestations`). Neither changes afterwards.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="submissions")
    clip = models.OneToOneField(
        Clip, null=True, blank=True, on_delete=models.PROTECT, related_name="submission"
    )
    acknowledged_scope_sha256 = models.CharField(max_length=64, blank=True)
    attestations = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=16, choices=CheckState, default=CheckState.QUEUED)

    class Meta:
        indexes = [models.Index(fields=["state", "heartbeat"], name="submission_waiting")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "checking", "needs_review", "approved", "rejected"]),
                name="submission_state_known",
            ),
            models.UniqueConstraint(
                fields=["challenge"],
                condition=~Q(state="rejected"),
                name="submission_one_open_per_challenge",
            ),
            models.CheckConstraint(
                condition=Q(clip__isnull=False) | ~Q(state__in=["approved", "needs_review"]),
                name="submission_accepted_has_clip",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=False) | ~Q(state__in=["approved", "rejected"]),
                name="submission_decided_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"submission {self.id} ({self.state})"


class Consent(models.Model):
    """The scoped, expiring, revocable permission of a voice's owner, with its signed receipt.

    Scope, dates and receipt never change after the insert (a trigger holds that). Closing a consent sets
    `closed_as`; a revocation also raises `version`, so whoever remembers the old version is stale at once.
    `noticed_days` is the last notice of its end that its owner was sent, in days before it.
    """

    class ClosedAs(models.TextChoices):
        OPEN = "", "open"
        REVOKED = "revoked", "revoked"
        EXPIRED = "expired", "expired"
        SUPERSEDED = "superseded", "superseded"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="consents")
    submission = models.OneToOneField(Submission, on_delete=models.PROTECT, related_name="consent")
    version = models.PositiveIntegerField()
    scope = models.JSONField()
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    closed_as = models.CharField(max_length=12, choices=ClosedAs, default=ClosedAs.OPEN, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=500, blank=True)
    receipt: Any = models.JSONField()
    receipt_sha256 = models.CharField(max_length=64, unique=True)
    receipt_signature = models.CharField(max_length=128)
    noticed_days = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["voice"], condition=Q(closed_as=""), name="consent_one_live"),
            models.UniqueConstraint(fields=["voice", "version"], name="consent_version_unique"),
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="consent_ends_later"),
            models.CheckConstraint(
                condition=Q(closed_as__in=["", "revoked", "expired", "superseded"]),
                name="consent_close_known",
            ),
            models.CheckConstraint(
                condition=Q(closed_as="revoked", revoked_at__isnull=False)
                | (~Q(closed_as="revoked") & Q(revoked_at__isnull=True)),
                name="consent_revoked_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"consent {self.id} v{self.version}"

    def state_at(self, moment: datetime) -> str:
        """ "live", "revoked", "expired", "superseded" or "not_yet" at `moment`, by this row alone."""
        if self.closed_as:
            return self.closed_as
        if moment < self.valid_from:
            return "not_yet"
        return "live" if moment < self.valid_until else "expired"


class Style(CheckedRecording):
    """A named way of speaking of one voice ("neutral", "sad"): clip, transcript, language, emotion."""

    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="styles")
    name = models.SlugField(max_length=40)
    emotion = models.CharField(max_length=40)
    language = models.CharField(max_length=8, choices=list(LANGUAGES.items()))
    transcript = models.TextField(max_length=1000)
    clip = models.OneToOneField(Clip, null=True, blank=True, on_delete=models.PROTECT, related_name="style")
    state = models.CharField(max_length=16, choices=CheckState, default=CheckState.QUEUED)

    class Meta:
        indexes = [models.Index(fields=["state", "heartbeat"], name="style_waiting")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CheckState.values), name="style_state_known"),
            models.UniqueConstraint(
                fields=["voice", "name"],
                condition=~Q(state__in=["rejected", "removed"]),
                name="style_name_unique",
            ),
            models.CheckConstraint(
                condition=Q(clip__isnull=False) | ~Q(state__in=["approved", "needs_review"]),
                name="style_accepted_has_clip",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=False) | ~Q(state__in=["approved", "rejected", "removed"]),
                name="style_decided_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
