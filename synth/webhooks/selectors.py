"""Reads of webhooks. The access rule is here, once: whoever makes keys or reads the log of one's own organisation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.people.permissions import AUDIT_READ, KEYS_MANAGE
from accounts.people.principals import Principal
from synth.errors import NotFound
from synth.webhooks.models import Delivery, Endpoint


def endpoints_for(principal: Principal) -> QuerySet[Endpoint]:
    """The organisation's endpoints, the oldest first."""
    if not principal.can(KEYS_MANAGE):
        principal.require(AUDIT_READ)
    return Endpoint.objects.filter(organisation=principal.organisation).order_by("created_at", "id")


def endpoint_for(principal: Principal, endpoint_id: UUID, *, lock: bool = False) -> Endpoint:
    rows = endpoints_for(principal)
    row = (rows.select_for_update(no_key=True) if lock else rows).filter(pk=endpoint_id).first()
    if row is None:
        raise NotFound("webhook_not_found", "There is no such webhook.")
    return row


def deliveries_for(principal: Principal, endpoint_id: UUID) -> QuerySet[Delivery]:
    """What was told to one endpoint, the newest first."""
    return endpoint_for(principal, endpoint_id).deliveries.order_by("-id")


def delivery_for(principal: Principal, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    row = deliveries_for(principal, endpoint_id).filter(pk=delivery_id).first()
    if row is None:
        raise NotFound("delivery_not_found", "There is no such delivery.")
    return row


def due(now: datetime) -> QuerySet[Delivery]:
    """What is to be sent now, the longest due first; without an access check."""
    return Delivery.objects.filter(
        state=Delivery.State.PENDING, next_attempt_at__lte=now, endpoint__disabled=""
    ).order_by("next_attempt_at", "id")
