"""What people asked of the operator, kept until it is answered and for as long as the rules say afterwards."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User
from synth.common.ids import new_id


class Feedback(models.Model):
    """What somebody said of a verdict. ``email`` may be empty: then nobody can be answered."""

    class Kind(models.TextChoices):
        WRONG = "wrong", _("The verdict seems wrong")
        UNCLEAR = "unclear", _("I do not understand it")
        HELPFUL = "helpful", _("It helped me")
        OTHER = "other", _("Something else")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    verification_id = models.UUIDField(null=True, blank=True)
    verdict = models.CharField(max_length=32, blank=True)
    kind = models.CharField(max_length=8, choices=Kind)
    text = models.TextField(blank=True)
    email = models.EmailField(max_length=254, blank=True)
    language = models.CharField(max_length=8, default="en")
    created_at = models.DateTimeField(auto_now_add=True)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["wrong", "unclear", "helpful", "other"]), name="rights_feedback_kind"
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer="")
                | Q(answered_at__isnull=False) & ~Q(answer=""),
                name="rights_feedback_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"feedback {self.id}"


class TakeDown(models.Model):
    """An outsider's request: this is my voice, or it harms me; take it down. ``due_at`` is by the profile's clock."""

    class Ground(models.TextChoices):
        MY_VOICE = "my_voice", _("It is my voice, and I did not permit it")
        FOR_SOMEBODY = "for_somebody", _("It is the voice of somebody whom I act for")
        ABOUT_ME = "about_me", _("It deceives about me")
        UNLAWFUL = "unlawful", _("It breaks a law in another way")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    record_id = models.UUIDField(null=True, blank=True)
    ground = models.CharField(max_length=16, choices=Ground)
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254)
    text = models.TextField()
    language = models.CharField(max_length=8, default="en")
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"], name="rights_takedown_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ground__in=["my_voice", "for_somebody", "about_me", "unlawful"]),
                name="rights_takedown_ground",
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at__isnull=True)
                | Q(state__in=["granted", "declined"], decided_at__isnull=False),
                name="rights_takedown_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"take-down {self.id} {self.state}"


class BiometricAcknowledgement(models.Model):
    """That a person read what a voiceprint is, what it is kept for and how long, before one was made of them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveSmallIntegerField()
    acknowledged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "version"], name="rights_biometrics_once")]

    def __str__(self) -> str:
        return f"version {self.version} by {self.user_id}"
