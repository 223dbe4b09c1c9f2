"""Voices, the recordings that are kept of them, and their styles."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import Organisation
from accounts.voices.languages import LANGUAGES
from accounts.voices.recordings import new_name
from accounts.voices.states import CheckState, VoiceStatus
from synth.common.ids import new_id


def recording_name(instance: models.Model, filename: str) -> str:
    """Storage name when Django saves a file itself: as unguessable as those of `accounts.voices.recordings`."""
    return new_name()


class Voice(models.Model):
    """A registered voice of one real person, used by one organisation.

    `speaker_embedding` is the voiceprint measured on the consent recording (float32, little-endian bytes).
    `print_declined`: the person wants no print of it to keep others from registering the voice again.
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
    print_declined = models.BooleanField(default=False)
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


class Protection(models.Model):
    """A voice or a person that nobody registers without somebody outside the organisation looking at it.

    What is left of a withdrawn voice, or a line of the block list. `print` is one-way (`accounts.voices.prints`);
    `name_key` a keyed hash of the person's name; `name` itself stands on the block list alone.
    """

    class Kind(models.TextChoices):
        WITHDRAWN = "withdrawn", _("withdrawn by its owner")
        TAKEN_DOWN = "taken_down", _("taken down")
        BLOCKED = "blocked", _("blocked")
        PUBLIC_FIGURE = "public_figure", _("public figure")
        MINOR = "minor", _("minor")
        DECEASED = "deceased", _("deceased")

    LISTED = (Kind.BLOCKED, Kind.PUBLIC_FIGURE, Kind.MINOR, Kind.DECEASED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    voice = models.OneToOneField(
        Voice, null=True, blank=True, on_delete=models.PROTECT, related_name="protection"
    )
    name = models.CharField(max_length=80, blank=True)
    name_key = models.CharField(max_length=64, blank=True, db_index=True)
    print = models.BinaryField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(print__isnull=False) | ~Q(name_key=""), name="protection_of_something"
            ),
        ]

    def __str__(self) -> str:
        return f"protection {self.id} ({self.kind})"


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
