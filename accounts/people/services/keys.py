"""API keys: made by people, shown once, found by prefix."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.people import permissions, texts
from accounts.people.models import ApiKey, Membership
from accounts.people.principals import Principal
from accounts.people.tokens import new_api_key, prefix_of, token_hash
from audit import services as audit
from audit.subjects import about
from synth.errors import AssentError, NotFound

DEFAULT_KEY_DAYS = 90
MAX_KEY_DAYS = 365
MAX_LIVE_KEYS = 50
LAST_USE_RESOLUTION = timedelta(minutes=1)


def create_key(
    *, principal: Principal, name: str, scopes: Sequence[str], days: int = DEFAULT_KEY_DAYS
) -> tuple[ApiKey, str]:
    """Make a key with `scopes` for `days` (1 to 365); returns the row and the key, which is never seen again.

    Nobody can give a key more than their own role allows, and no key can make keys.
    Raises AssentError ``scope_unknown``, ``days_out_of_range``, ``too_many_keys``; `Forbidden`.
    """
    principal.require_person()
    principal.require(permissions.KEYS_MANAGE)
    name = texts.clean_line(name, field="name", limit=80)
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in permissions.SCOPES]
    if unknown or not wanted:
        raise AssentError(
            "scope_unknown", "Choose at least one of the offered scopes.", limit=list(permissions.SCOPES)
        )
    for scope in wanted:
        principal.require(scope)
    if not 1 <= days <= MAX_KEY_DAYS:
        raise AssentError(
            "days_out_of_range", f"A key lives 1 to {MAX_KEY_DAYS} days.", measured=days, limit=MAX_KEY_DAYS
        )
    now = timezone.now()
    key, prefix = new_api_key()
    with transaction.atomic():
        # The membership row serialises key making, so that the count below holds.
        Membership.objects.select_for_update().get(user=principal.user, organisation=principal.organisation)
        live = ApiKey.objects.filter(
            created_by=principal.user,
            organisation=principal.organisation,
            revoked_at__isnull=True,
            expires_at__gt=now,
        ).count()
        if live >= MAX_LIVE_KEYS:
            raise AssentError(
                "too_many_keys", "Revoke keys that you no longer use.", measured=live, limit=MAX_LIVE_KEYS
            )
        row = ApiKey.objects.create(
            organisation=principal.organisation,
            created_by=principal.user,
            name=name,
            prefix=prefix,
            hash=token_hash(key),
            scopes=wanted,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        audit.record(
            event="api_key.created",
            actor=principal.actor,
            organisation_id=principal.organisation.pk,
            subject=about("api_key", row.pk),
            data={"api_key_id": str(row.pk), "scopes": wanted, "expires_at": row.expires_at.isoformat()},
        )
    return row, key


def revoke_key(*, principal: Principal, key_id: UUID) -> ApiKey:
    """Revoke a key at once. Your own, or with `members:manage` any of the organisation. Again is no error."""
    principal.require_person()
    principal.require(permissions.KEYS_MANAGE)
    mine = Q(organisation=principal.organisation)
    if not principal.can(permissions.MEMBERS_MANAGE):
        mine &= Q(created_by=principal.user)
    with transaction.atomic():
        row = ApiKey.objects.select_for_update().filter(mine, pk=key_id).first()
        if row is None:
            raise NotFound("api_key_not_found", "There is no such key.")
        if row.revoked_at is None:
            end_keys(principal=principal, keys=[row])
    return row


def end_keys(*, principal: Principal, keys: Sequence[ApiKey]) -> None:
    """Mark locked `keys` as revoked and log each; inside the caller's transaction."""
    for row in keys:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        audit.record(
            event="api_key.revoked",
            actor=principal.actor,
            organisation_id=row.organisation_id,
            subject=about("api_key", row.pk),
            data={"api_key_id": str(row.pk)},
        )


def find_key(presented: str) -> ApiKey | None:
    """The live key that `presented` is, or None. Its maker must still be an active member.

    The time of last use is kept to the minute, so that a busy key does not write on every request.
    """
    prefix = prefix_of(presented)
    if prefix is None:
        return None
    now = timezone.now()
    row = (
        ApiKey.objects.select_related("created_by", "organisation")
        .filter(prefix=prefix, revoked_at__isnull=True, expires_at__gt=now, created_by__is_active=True)
        .first()
    )
    if row is None or not hmac.compare_digest(row.hash, token_hash(presented)):
        return None
    if not Membership.objects.filter(user=row.created_by, organisation=row.organisation_id).exists():
        return None
    if row.last_used_at is None or row.last_used_at < now - LAST_USE_RESOLUTION:
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return row
