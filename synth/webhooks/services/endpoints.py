"""Endpoints: made, changed, deleted, their secrets replaced; by whoever makes the organisation's keys, in person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.people.models import Organisation
from accounts.people.permissions import KEYS_MANAGE
from accounts.people.principals import Principal
from audit.services import record
from audit.subjects import about
from synth.errors import AssentError
from synth.webhooks import addresses, selectors, signing
from synth.webhooks.events import TYPES
from synth.webhooks.models import Delivery, Endpoint
from synth.webhooks.sealing import is_readable, seal

MAX_ENDPOINTS = 5
OVERLAP = timedelta(hours=24)
"""So long the secret before also signs."""


def create_endpoint(*, principal: Principal, url: str, events: Sequence[str]) -> tuple[Endpoint, str]:
    """Add an address; returns its row and the secret, which is not shown again.

    Raises AssentError ``webhook_url_invalid``, ``webhook_address_forbidden``, ``webhook_events_unknown``,
    ``too_many_webhooks``; Forbidden ``scope_missing``, ``person_required``.
    """
    _require(principal)
    url, wanted, secret = _checked_url(url), _checked_events(events), signing.new_secret()
    with transaction.atomic():
        # Of rows that are not there yet there is nothing to lock.
        Organisation.objects.select_for_update(no_key=True).get(pk=principal.organisation.pk)
        count = Endpoint.objects.filter(organisation=principal.organisation).count()
        if count >= MAX_ENDPOINTS:
            raise AssentError(
                "too_many_webhooks",
                "Delete a webhook that is no longer used.",
                measured=count,
                limit=MAX_ENDPOINTS,
            )
        row = Endpoint.objects.create(
            organisation=principal.organisation, url=url, events=wanted, secret=seal(secret)
        )
        _log(principal, row, "webhook.created", events=wanted)
    return row, secret


def update_endpoint(
    *,
    principal: Principal,
    endpoint_id: UUID,
    url: str | None = None,
    events: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> Endpoint:
    """Change what is named. Switched off, it is told nothing and what waits is given up; it can be replayed.

    Raises NotFound ``webhook_not_found`` and what `create_endpoint` raises.
    """
    _require(principal)
    with transaction.atomic():
        row = selectors.endpoint_for(principal, endpoint_id, lock=True)
        if url is not None:
            row.url, row.failing_since = _checked_url(url), None
        if events is not None:
            row.events = _checked_events(events)
        if enabled is not None and enabled != row.is_enabled:
            row.disabled = "" if enabled else Endpoint.Disabled.BY_OWNER
            row.failing_since = None
            if not enabled:
                give_up_waiting(row)
        row.save(update_fields=["url", "events", "disabled", "failing_since"])
        _log(principal, row, "webhook.changed", events=row.events, state="on" if row.is_enabled else "off")
    return row


def rotate_secret(*, principal: Principal, endpoint_id: UUID) -> tuple[Endpoint, str]:
    """Give an endpoint a new secret, shown once; for `OVERLAP` the one before signs as well."""
    _require(principal)
    secret = signing.new_secret()
    with transaction.atomic():
        row = selectors.endpoint_for(principal, endpoint_id, lock=True)
        # One that was lost signs nothing; to keep it would stop what the new one signs.
        row.previous_secret, row.previous_until = (
            (row.secret, timezone.now() + OVERLAP) if is_readable(row.secret) else ("", None)
        )
        row.secret = seal(secret)
        row.save(update_fields=["secret", "previous_secret", "previous_until"])
        _log(principal, row, "webhook.changed", setting="secret")
    return row, secret


def delete_endpoint(*, principal: Principal, endpoint_id: UUID) -> None:
    """Delete an endpoint with its deliveries. Raises NotFound ``webhook_not_found``."""
    _require(principal)
    with transaction.atomic():
        row = selectors.endpoint_for(principal, endpoint_id, lock=True)
        _log(principal, row, "webhook.deleted")
        row.delete()


def give_up_waiting(row: Endpoint) -> None:
    """What waits for an endpoint that is switched off is not sent; it can be replayed."""
    row.deliveries.filter(state=Delivery.State.PENDING).update(state=Delivery.State.DEAD, error="disabled")


def _require(principal: Principal) -> None:
    principal.require_person()
    principal.require(KEYS_MANAGE)


def _checked_url(url: str) -> str:
    return addresses.checked_url(url.strip(), anywhere=settings.ASSENT_WEBHOOKS_ANYWHERE)


def _checked_events(events: Sequence[str]) -> list[str]:
    wanted = [type for type in TYPES if type in events]
    if not wanted or len(wanted) != len(set(events)):
        raise AssentError(
            "webhook_events_unknown",
            "Choose at least one of the offered events.",
            limit=list(TYPES),
            extra={"param": "events"},
        )
    return wanted


def _log(principal: Principal, row: Endpoint, event: str, **data: Any) -> None:
    record(
        event=event,
        actor=principal.actor,
        organisation_id=row.organisation_id,
        subject=about("webhook", row.pk),
        data={"endpoint_id": str(row.pk), **data},
    )
