"""What is to be sent: written in the transaction of what it tells of, so that neither is there without the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.people.principals import Principal
from audit.models import Entry
from synth.common.ids import parse_id
from synth.common.queue import send, send_on_commit
from synth.errors import Conflict
from synth.webhooks import events, selectors
from synth.webhooks.models import Delivery, Endpoint
from watermark.models import Verification

TASK = "checks.webhooks"
MAX_REPLAYED = 1000


def on_entry_recorded(sender: Any, entry: Entry, data: Mapping[str, Any], **kwargs: Any) -> None:
    """Receiver of `audit.signals.entry_recorded`: a delivery for each endpoint that wants to know."""
    type = events.type_of(entry.event, data)
    if not type or entry.organisation_id is None:
        return
    wanted = Endpoint.objects.filter(
        organisation=entry.organisation_id, disabled="", events__contains=[type]
    ).values_list("pk", flat=True)
    endpoints = list(wanted)
    if not endpoints or (type == "verdict.finished" and not _was_asked_for(entry)):
        return
    payload = events.payload_of(entry, type, data)
    Delivery.objects.bulk_create(
        Delivery(endpoint_id=endpoint, type=type, payload=payload) for endpoint in endpoints
    )
    send_on_commit(TASK)


def _was_asked_for(entry: Entry) -> bool:
    pk = parse_id(str(entry.subject).partition(":")[2])
    return pk is not None and Verification.objects.filter(pk=pk, tell_webhooks=True).exists()


def send_test(*, principal: Principal, endpoint_id: UUID) -> Delivery:
    """Send a ``webhook.test``, which ends at its first attempt. Raises NotFound; Conflict ``webhook_disabled``."""
    with transaction.atomic():
        endpoint = _enabled(principal, endpoint_id)
        now = timezone.now()
        payload = events.payload(
            events.TEST, f"{now:%Y-%m-%dT%H:%M:%S.%fZ}", {"endpoint_id": str(endpoint.pk)}
        )
        made = Delivery.objects.create(endpoint=endpoint, type=events.TEST, payload=payload)
        send_on_commit(TASK)
    return made


def replay(*, principal: Principal, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Send a delivery again, with the same id and body, whatever became of it.

    Raises NotFound ``webhook_not_found``, ``delivery_not_found``; Conflict ``webhook_disabled``.
    """
    with transaction.atomic():
        endpoint = _enabled(principal, endpoint_id)
        row = selectors.delivery_for(principal, endpoint.pk, delivery_id)
        _again(Delivery.objects.filter(pk=row.pk))
        send_on_commit(TASK)
        row.refresh_from_db()
    return row


def replay_since(*, principal: Principal, endpoint_id: UUID, since: datetime) -> int:
    """Send again what was given up since a time, the oldest first, at most `MAX_REPLAYED`; returns how many."""
    with transaction.atomic():
        endpoint = _enabled(principal, endpoint_id)
        lost = endpoint.deliveries.filter(state=Delivery.State.DEAD, created_at__gte=since)
        chosen = list(lost.order_by("created_at").values_list("pk", flat=True)[:MAX_REPLAYED])
        _again(Delivery.objects.filter(pk__in=chosen))
        send_on_commit(TASK)
    return len(chosen)


def wake() -> None:
    """What the clock does: whatever is due is sent."""
    if selectors.due(timezone.now()).exists():
        send(TASK)


def sweep_deliveries(*, before: datetime) -> int:
    """Delete deliveries that are older than that; returns how many. What is replayed late begins anew."""
    old = Delivery.objects.filter(created_at__lt=before)
    return old.exclude(state=Delivery.State.PENDING, endpoint__disabled="").delete()[0]


def _again(rows: Any) -> None:
    rows.update(state=Delivery.State.PENDING, attempts=0, next_attempt_at=timezone.now(), error="")


def _enabled(principal: Principal, endpoint_id: UUID) -> Endpoint:
    endpoint = selectors.endpoint_for(principal, endpoint_id, lock=True)
    if not endpoint.is_enabled:
        raise Conflict("webhook_disabled", "This webhook is switched off; switch it on first.")
    return endpoint
