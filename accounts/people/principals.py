"""Who is asking: a person in an organisation, in a role, perhaps through an API key.

A principal is what every service and selector takes; it knows what it may do and how the log names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.people.models import ApiKey, Membership, Organisation, User
from accounts.people.permissions import permissions_of
from audit.actors import Actor
from synth.common.ids import parse_id
from synth.errors import AssentError, Forbidden

ORGANISATION_HEADER = "X-Organisation"
ORGANISATION_SESSION_KEY = "organisation_id"


@dataclass(frozen=True)
class Principal:
    """One caller. `scopes` is what the role allows, cut down to the key's scopes where a key is used."""

    user: User
    organisation: Organisation
    role: str
    api_key: ApiKey | None
    scopes: frozenset[str]

    @property
    def actor(self) -> Actor:
        """The name under which the log records what this caller does."""
        if self.api_key is not None:
            return Actor(kind="api_key", id=str(self.api_key.pk))
        return Actor(kind="user", id=str(self.user.pk))

    def can(self, scope: str) -> bool:
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Raise `Forbidden` (``scope_missing``) unless this caller holds `scope`."""
        if scope not in self.scopes:
            what = "This key" if self.api_key else "Your role"
            raise Forbidden("scope_missing", f"{what} does not include {scope}.", extra={"scope": scope})

    def require_person(self) -> None:
        """Raise `Forbidden` when a key is used for what only a person at the portal may do."""
        if self.api_key is not None:
            raise Forbidden("person_required", "Only a person who is logged in may do this, not a key.")


def principal_of(membership: Membership, *, api_key: ApiKey | None = None) -> Principal:
    """The principal of a membership; with `api_key`, no more than both the role and the key allow."""
    scopes = permissions_of(membership.role)
    if api_key is not None:
        scopes &= frozenset(api_key.scopes)
    return Principal(
        user=membership.user,
        organisation=membership.organisation,
        role=membership.role,
        api_key=api_key,
        scopes=scopes,
    )


def principal_for(request: Any) -> Principal:
    """The principal of a Django or DRF request; remembered on the request.

    A key speaks for its own organisation. A logged-in person speaks for the organisation that the header
    `X-Organisation` or the session names, else for the first one joined.
    Raises AssentError 401 ``authentication_required`` and `Forbidden` ``no_organisation``.
    """
    # Authenticate first: DRF sets `user` and `auth` only when somebody asks.
    user = request.user
    key = getattr(request, "auth", None)
    plain = getattr(request, "_request", request)
    known: Principal | None = getattr(plain, "assent_principal", None)
    if known is not None and known.user.pk == user.pk and known.api_key == key:
        return known
    if not user.is_authenticated or not user.is_active:
        raise AssentError("authentication_required", "Log in, or send an API key.", http_status=401)
    memberships = Membership.objects.select_related("user", "organisation").filter(user=user)
    if isinstance(key, ApiKey):
        membership = memberships.filter(organisation_id=key.organisation_id).first()
    else:
        key = None
        membership = _chosen(plain, list(memberships.order_by("created_at", "id")))
    if membership is None:
        raise Forbidden("no_organisation", "You belong to no organisation here.")
    principal = principal_of(membership, api_key=key)
    plain.assent_principal = principal
    return principal


def renewed(principal: Principal) -> Principal:
    """The same caller with the rights of this moment, for after a wait.

    Raises AssentError 401 ``authentication_required`` when the key or the account has ended meanwhile, `Forbidden`
    ``no_organisation`` when the membership has.
    """
    key = principal.api_key
    if key is not None:
        key = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True, expires_at__gt=timezone.now()).first()
    membership = (
        Membership.objects.select_related("user", "organisation")
        .filter(user=principal.user, organisation=principal.organisation)
        .first()
    )
    if membership is None:
        raise Forbidden("no_organisation", "You belong to no organisation here.")
    if not membership.user.is_active or (key is None and principal.api_key is not None):
        raise AssentError("authentication_required", "Log in, or send an API key.", http_status=401)
    return principal_of(membership, api_key=key)


def _chosen(request: Any, memberships: list[Membership]) -> Membership | None:
    """The membership that the request names; an explicit name that is not yours gives none."""
    named = request.headers.get(ORGANISATION_HEADER, "")
    if named:
        wanted = parse_id(named)
        return next(
            (m for m in memberships if wanted == m.organisation_id or named == m.organisation.slug), None
        )
    session = getattr(request, "session", None) or {}
    remembered = parse_id(session.get(ORGANISATION_SESSION_KEY, ""))
    chosen = next((m for m in memberships if m.organisation_id == remembered), None)
    return chosen or (memberships[0] if memberships else None)
