"""What the owner of a voice permits: asked by a challenge, answered by a submission, kept as a consent; and the
weights that rest on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.consent.scope import sha256_of
from accounts.gates.challenge import ChallengeSpec
from accounts.voices.languages import LANGUAGES
from accounts.voices.models import CheckedRecording, Clip, Protection, Voice
from accounts.voices.states import CheckState
from synth.common.ids import new_id

MAX_ATTEMPTS_PER_CHALLENGE = 3


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


class DecidedIn(models.TextChoices):
    """Whose reviewers decide a doubt: those of the organisation that asks, or, where it concerns the rights of somebody
    else, those of the installation."""

    ORGANISATION = "organisation", _("the organisation's reviewers")
    INSTALLATION = "installation", _("the installation's reviewers")


class Submission(CheckedRecording):
    """One recording offered as the answer to a challenge.

    `acknowledged_scope_sha256` is the scope that the person at the microphone was shown; `attestations` is
    what they declared, in the words they read (`accounts.consent.attestations`). Neither changes afterwards.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="submissions")
    clip = models.OneToOneField(
        Clip, null=True, blank=True, on_delete=models.PROTECT, related_name="submission"
    )
    acknowledged_scope_sha256 = models.CharField(max_length=64, blank=True)
    attestations = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=16, choices=CheckState, default=CheckState.QUEUED)
    decided_in = models.CharField(max_length=12, choices=DecidedIn, default=DecidedIn.ORGANISATION)

    class Meta:
        indexes = [models.Index(fields=["state", "heartbeat"], name="submission_waiting")]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_in__in=["organisation", "installation"]),
                name="submission_decided_in_known",
            ),
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
    `closed_as`; a revocation, and a narrowing, also raise `version`: whoever remembers the old one is stale at once.
    `noticed_days` is the last notice of its end that its owner was sent, in days before it. `narrowed_scope` is what
    the owner left of the scope later, without a new statement: never more than `scope`.
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
    narrowed_scope = models.JSONField(null=True, blank=True)
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

    @property
    def scope_in_force(self) -> dict[str, Any]:
        """What is permitted now."""
        return dict(self.narrowed_scope or self.scope)

    def state_at(self, moment: datetime) -> str:
        """ "live", "revoked", "expired", "superseded" or "not_yet" at `moment`, by this row alone."""
        if self.closed_as:
            return self.closed_as
        if moment < self.valid_from:
            return "not_yet"
        return "live" if moment < self.valid_until else "expired"


class OwnerLink(models.Model):
    """A link by which the owner of a voice comes in without an account; the token itself is never stored.

    A link that asks (`ASKS`) is sent by whoever wants the consent: it lives some days, is used once, and then names the
    challenge that was drawn for it. A link to keep (`KEPT`) is the owner's own, until the voice is erased.
    """

    class Kind(models.TextChoices):
        ASKS = "asks", "asks for consent"
        KEPT = "kept", "kept by the owner"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="owner_links")
    kind = models.CharField(max_length=8, choices=Kind)
    token_hash = models.CharField(max_length=64, unique=True)
    scope = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    challenge = models.OneToOneField(
        Challenge, null=True, blank=True, on_delete=models.PROTECT, related_name="asked_by_link"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["asks", "kept"]), name="owner_link_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="kept") | Q(expires_at__isnull=False, scope__isnull=False),
                name="owner_link_asks_for_a_time",
            ),
            models.CheckConstraint(
                condition=Q(challenge__isnull=True) | Q(ended_at__isnull=False), name="owner_link_used_once"
            ),
            models.UniqueConstraint(
                fields=["voice"], condition=Q(kind="asks", ended_at__isnull=True), name="owner_link_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.id} of voice {self.voice_id}"


class VoiceWeights(models.Model):
    """A pair of checkpoints made of one voice. The files lie in the models folder; this row says whether they count.

    A row is closed once, when the pair is removed, replaced, or no longer permitted, and stays as evidence.
    """

    class Reason(models.TextChoices):
        REMOVED = "removed", "removed"
        REPLACED = "replaced", "replaced"
        REVOKED = "revoked", "revoked"
        NOT_PERMITTED = "not_permitted", "not permitted by the renewed consent"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="weights")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="+")
    consent_version = models.PositiveIntegerField()
    s1_sha256 = models.CharField(max_length=64)
    s2_sha256 = models.CharField(max_length=64)
    # Nobody, when the operator of the installation added them on the command line.
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_reason = models.CharField(max_length=16, choices=Reason, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["voice"], condition=Q(removed_at__isnull=True), name="voice_weights_one_open"
            ),
            models.CheckConstraint(
                condition=Q(s1_sha256__regex="^[0-9a-f]{64}$", s2_sha256__regex="^[0-9a-f]{64}$"),
                name="voice_weights_sha256_hex",
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True, removed_reason="")
                | (Q(removed_at__isnull=False) & ~Q(removed_reason="")),
                name="voice_weights_removed_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"weights {self.id} of voice {self.voice_id}"


class Concern(models.Model):
    """Why a recording concerns the rights of somebody else. Never shown to those who handed it in.

    `voice` is the other voice, where there is one, and `protection` the print or the list's line that it met. The other
    voice's owner is told without learning who handed it in, and may answer once: object or not.
    """

    class Kind(models.TextChoices):
        PROTECTED_VOICE = "protected_voice", _("Sounds like a voice of somebody else")
        STAY_DOWN = "stay_down", _("Sounds like a voice that was withdrawn")
        BLOCKED_VOICE = "blocked_voice", _("Sounds like a voice on the block list")
        SECOND_NAME = "second_name", _("This voice has spoken under another name")
        BLOCKED = "blocked", _("A name on the block list")
        PUBLIC_FIGURE = "public_figure", _("The name of a public figure")
        MINOR = "minor", _("The name of a minor")
        DECEASED = "deceased", _("The name of somebody who died")
        REFERRED = "referred", _("Handed over by a reviewer")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="concerns")
    kind = models.CharField(max_length=16, choices=Kind)
    voice = models.ForeignKey(
        Voice, null=True, blank=True, on_delete=models.PROTECT, related_name="likenesses"
    )
    protection = models.ForeignKey(
        Protection, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    likeness = models.FloatField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    objects_to_it = models.BooleanField(null=True, blank=True)
    objection = models.CharField(max_length=1000, blank=True)

    class Meta:
        indexes = [models.Index(fields=["voice", "created_at"], name="concern_of_voice")]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, objects_to_it__isnull=True)
                | Q(answered_at__isnull=False, objects_to_it__isnull=False),
                name="concern_answered_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of submission {self.submission_id}"


class ReviewDecision(models.Model):
    """What one reviewer of the installation decided on a recording, and why. Written once.

    The reason goes with an erased voice.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approves = models.BooleanField()
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "reviewer"], name="review_decision_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="review_decision_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{'for' if self.approves else 'against'} submission {self.submission_id}"
