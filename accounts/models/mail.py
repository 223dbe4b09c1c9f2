"""Mail that had no server to go through."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from synth.common.ids import new_id


class OutboundMail(models.Model):
    """One message kept for the administrators' page, because no mail server is configured."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recipients = ArrayField(models.EmailField(max_length=254))
    from_email = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=400, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.subject} to {', '.join(self.recipients)}"
