"""Reads of people, keys and mail, and the access rule. What a caller may not see looks as if it did not exist."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from accounts.people import permissions
from accounts.people.models import ApiKey, Invitation, Membership, OutboundMail
from accounts.people.principals import Principal
from synth.errors import NotFound


def keys(principal: Principal) -> QuerySet[ApiKey]:
    """API keys: one's own, or with `members:manage` all of the organisation."""
    principal.require_person()
    principal.require(permissions.KEYS_MANAGE)
    found = ApiKey.objects.select_related("created_by").filter(organisation=principal.organisation)
    if not principal.can(permissions.MEMBERS_MANAGE):
        found = found.filter(created_by=principal.user)
    return found.order_by("-created_at", "-id")


def members(principal: Principal) -> QuerySet[Membership]:
    """Members of the caller's organisation."""
    principal.require_person()
    return (
        Membership.objects.select_related("user")
        .filter(organisation=principal.organisation)
        .order_by("created_at", "id")
    )


def invitations(principal: Principal) -> QuerySet[Invitation]:
    """Open invitations of the caller's organisation."""
    principal.require_person()
    principal.require(permissions.MEMBERS_MANAGE)
    return Invitation.objects.filter(
        organisation=principal.organisation,
        accepted_at__isnull=True,
        withdrawn_at__isnull=True,
        expires_at__gt=timezone.now(),
    ).order_by("-created_at")


def outbound_mail(principal: Principal) -> QuerySet[OutboundMail]:
    """Mail kept for want of a mail server. It holds log-in codes: administrators of the installation only."""
    principal.require_person()
    if not principal.user.is_staff:
        raise NotFound("not_found", "There is nothing at this address.")
    return OutboundMail.objects.all()
