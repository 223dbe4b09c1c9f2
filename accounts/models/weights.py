"""Fine-tuned weights of a voice: which files, under which consent, until when."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.voices import Consent, Voice
from synth.common.ids import new_id


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
