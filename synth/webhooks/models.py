"""Endpoints that an organisation wants told, and deliveries: the outbox and its history."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import Organisation
from synth.common.ids import new_id


class Endpoint(models.Model):
    """An address that is told of events. Secrets are sealed (`synth.webhooks.sealing`) and shown once.

    ``failing_since`` is the first failure after the last success.
    """

    class Disabled(models.TextChoices):
        BY_OWNER = "by_owner", _("switched off")
        FAILING = "failing", _("switched off: it did not answer for days")
        GONE = "gone", _("switched off: it answered that it is gone (410)")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=32))
    secret = models.TextField()
    previous_secret = models.TextField(blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    disabled = models.CharField(max_length=8, choices=Disabled, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(disabled__in=["", "by_owner", "failing", "gone"]),
                name="webhooks_endpoint_disabled",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_until__isnull=True)
                | ~Q(previous_secret="") & Q(previous_until__isnull=False),
                name="webhooks_endpoint_overlap",
            ),
        ]

    def __str__(self) -> str:
        return f"webhook {self.id}"

    @property
    def is_enabled(self) -> bool:
        return not self.disabled


class Delivery(models.Model):
    """One event for one endpoint. ``payload`` are the very bytes that are signed and sent, at every attempt.

    While it is pending, ``next_attempt_at`` is when it is due; whoever takes it pushes that on before sending, so one
    that was lost with its worker comes due again by itself.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        DELIVERED = "delivered", _("delivered")
        DEAD = "dead", _("given up")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Not for the database to check: who deletes an endpoint must not make fail what is told to it at the same moment.
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False
    )
    type = models.CharField(max_length=32)
    payload = models.TextField()
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    # Why the last attempt failed, one of `synth.webhooks.wording.FAILURES`.
    error = models.CharField(max_length=24, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="pending"), name="webhooks_delivery_due"
            ),
            models.Index(fields=["endpoint", "-created_at"], name="webhooks_delivery_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "delivered", "dead"]), name="webhooks_delivery_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id} {self.state}"

    @property
    def message_id(self) -> str:
        """``webhook-id``: the same for every attempt and replay, so that a receiver knows what it had."""
        return f"msg_{self.id.hex}"
