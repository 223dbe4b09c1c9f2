"""Accounts, organisations, memberships, invitations."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.people import permissions, texts
from accounts.people.models import ApiKey, Invitation, Membership, Organisation, User
from accounts.people.permissions import Role
from accounts.people.principals import Principal
from accounts.people.services.keys import end_keys
from accounts.people.tokens import new_token, token_hash
from audit import services as audit
from audit.actors import Actor
from audit.subjects import about
from synth.errors import AssentError, Conflict, Forbidden, NotFound

INVITATION_LIFETIME = timedelta(days=7)
MAX_OPEN_INVITATIONS = 100
MAX_ORGANISATIONS_PER_PERSON = 10


def actor_of(user: User) -> Actor:
    return Actor(kind="user", id=str(user.pk))


def create_organisation(*, owner: User, name: str) -> Organisation:
    """Make an organisation with `owner` as its first owner. AssentError for a bad name, or too many."""
    name = texts.clean_line(name, field="name", limit=80)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)
        owned = Membership.objects.filter(user=owner, role=Role.OWNER).count()
        if owned >= MAX_ORGANISATIONS_PER_PERSON:
            raise AssentError(
                "too_many_organisations",
                "You own as many organisations as one person may.",
                measured=owned,
                limit=MAX_ORGANISATIONS_PER_PERSON,
            )
        organisation = Organisation.objects.create(name=name, slug=_free_slug(name))
        audit.record(
            event="organisation.created",
            actor=actor_of(owner),
            organisation_id=organisation.pk,
            subject=about("organisation", organisation.pk),
            data={"organisation_id": str(organisation.pk)},
        )
        _join(organisation=organisation, user=owner, role=Role.OWNER, actor=actor_of(owner))
    return organisation


def account_created(*, user: User) -> None:
    """Log a new account, and give it an organisation of its own unless an invitation already did."""
    with transaction.atomic():
        audit.record(
            event="account.created",
            actor=actor_of(user),
            subject=about("user", user.pk),
            data={"account_id": str(user.pk)},
            idempotency_key=f"account.created:{user.pk}",
        )
        if not Membership.objects.filter(user=user).exists():
            create_organisation(owner=user, name=_personal_name(user))


def rename_organisation(*, principal: Principal, name: str) -> Organisation:
    """Change the name that later consents will speak; consents already given keep the name they named."""
    principal.require_person()
    principal.require(permissions.MEMBERS_MANAGE)
    name = texts.clean_line(name, field="name", limit=80)
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=principal.organisation.pk)
        organisation.name = name
        organisation.save(update_fields=["name"])
        audit.record(
            event="settings.changed",
            actor=principal.actor,
            organisation_id=organisation.pk,
            subject=about("organisation", organisation.pk),
            data={"setting": "name"},
        )
    return organisation


def change_role(*, principal: Principal, membership_id: UUID, role: str) -> Membership:
    """Give a member another role. An organisation keeps at least one owner (``last_owner``)."""
    principal.require_person()
    principal.require(permissions.MEMBERS_MANAGE)
    _known_role(role)
    with transaction.atomic():
        membership = _locked_membership(principal, membership_id)
        previous = membership.role
        if previous == Role.OWNER and role != Role.OWNER:
            _keep_an_owner(membership)
        if previous != role:
            membership.role = role
            membership.save(update_fields=["role"])
            audit.record(
                event="member.role_changed",
                actor=principal.actor,
                organisation_id=membership.organisation_id,
                subject=about("user", membership.user_id),
                data={"user_id": str(membership.user_id), "role": role, "previous_role": previous},
            )
    return membership


def remove_member(*, principal: Principal, membership_id: UUID) -> None:
    """End a membership: by an owner, or one's own. Keys that the person made here end with it."""
    principal.require_person()
    with transaction.atomic():
        membership = _locked_membership(principal, membership_id)
        if membership.user_id != principal.user.pk:
            principal.require(permissions.MEMBERS_MANAGE)
        if membership.role == Role.OWNER:
            _keep_an_owner(membership)
        keys = ApiKey.objects.select_for_update().filter(
            created_by=membership.user_id, organisation=membership.organisation_id, revoked_at__isnull=True
        )
        end_keys(principal=principal, keys=list(keys))
        audit.record(
            event="member.removed",
            actor=principal.actor,
            organisation_id=membership.organisation_id,
            subject=about("user", membership.user_id),
            data={"user_id": str(membership.user_id), "role": membership.role},
        )
        user = membership.user
        membership.delete()
        if not Membership.objects.filter(user=user).exists():
            # Everybody keeps a place to stand: the owner of a voice can still log in and revoke.
            create_organisation(owner=user, name=_personal_name(user))


def invite(*, principal: Principal, email: str, role: str) -> Invitation:
    """Invite `email` by mail; an earlier open invitation to the same address is replaced.

    The answer is the same whether or not the address has an account here.
    Raises AssentError ``email_invalid``, ``role_unknown``, ``too_many_invitations``; Conflict
    ``already_member``.
    """
    principal.require_person()
    principal.require(permissions.MEMBERS_MANAGE)
    _known_role(role)
    email = texts.clean_email(email)
    token = new_token()
    now = timezone.now()
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=principal.organisation.pk)
        if Membership.objects.filter(organisation=organisation, user__email__iexact=email).exists():
            raise Conflict("already_member", "This person is a member already.")
        still_open = Invitation.objects.filter(
            organisation=organisation, accepted_at__isnull=True, withdrawn_at__isnull=True
        )
        still_open.filter(email__iexact=email).update(withdrawn_at=now)
        waiting = still_open.filter(expires_at__gt=now).count()
        if waiting >= MAX_OPEN_INVITATIONS:
            raise AssentError(
                "too_many_invitations",
                "Too many invitations are open.",
                measured=waiting,
                limit=MAX_OPEN_INVITATIONS,
            )
        invitation = Invitation.objects.create(
            organisation=organisation,
            email=email,
            role=role,
            token_hash=token_hash(token),
            invited_by=principal.user,
            created_at=now,
            expires_at=now + INVITATION_LIFETIME,
        )
        audit.record(
            event="member.invited",
            actor=principal.actor,
            organisation_id=organisation.pk,
            subject=about("organisation", organisation.pk),
            data={"role": role, "expires_at": invitation.expires_at.isoformat()},
        )
        link = f"{settings.ASSENT_BASE_URL}/invitations/{token}"
        subject = _("Invitation to %(organisation)s") % {"organisation": organisation.name}
        body = _(
            "You are invited to join %(organisation)s as %(role)s.\n\n"
            "Open this link within seven days:\n%(link)s\n"
        ) % {"organisation": organisation.name, "role": Role(role).label, "link": link}
        transaction.on_commit(lambda: send_mail(subject, body, None, [email]), robust=True)
    return invitation


def withdraw_invitation(*, principal: Principal, invitation_id: UUID) -> None:
    """Take an open invitation back; one that is gone already gives 404."""
    principal.require_person()
    principal.require(permissions.MEMBERS_MANAGE)
    with transaction.atomic():
        changed = Invitation.objects.filter(
            pk=invitation_id,
            organisation=principal.organisation,
            accepted_at__isnull=True,
            withdrawn_at__isnull=True,
        ).update(withdrawn_at=timezone.now())
        if not changed:
            raise NotFound("invitation_not_found", "There is no such open invitation.")
        audit.record(
            event="member.invitation_withdrawn",
            actor=principal.actor,
            organisation_id=principal.organisation.pk,
            subject=about("organisation", principal.organisation.pk),
            data={},
        )


def open_invitation(token: str) -> Invitation | None:
    """The invitation that `token` opens, while it is open."""
    if not token:
        return None
    return (
        Invitation.objects.select_related("organisation")
        .filter(
            token_hash=token_hash(token),
            accepted_at__isnull=True,
            withdrawn_at__isnull=True,
            expires_at__gt=timezone.now(),
        )
        .first()
    )


def accept_invitation(*, user: User, token: str) -> Membership:
    """Join by invitation; the token works once, and only for the address it was sent to.

    Raises NotFound ``invitation_not_found``; Forbidden ``invitation_for_another_address``.
    """
    with transaction.atomic():
        invitation = open_invitation(token)
        if invitation is None:
            raise NotFound("invitation_not_found", "This invitation is not open (any more).")
        if invitation.email.lower() != user.email.lower():
            raise Forbidden("invitation_for_another_address", "This invitation was sent to another address.")
        taken = Invitation.objects.filter(
            pk=invitation.pk, accepted_at__isnull=True, withdrawn_at__isnull=True
        ).update(accepted_at=timezone.now())
        if not taken:
            raise NotFound("invitation_not_found", "This invitation is not open (any more).")
        existing = Membership.objects.filter(user=user, organisation=invitation.organisation).first()
        if existing:
            return existing
        return _join(
            organisation=invitation.organisation, user=user, role=invitation.role, actor=actor_of(user)
        )


def _join(*, organisation: Organisation, user: User, role: str, actor: Actor) -> Membership:
    membership = Membership.objects.create(user=user, organisation=organisation, role=role)
    audit.record(
        event="member.added",
        actor=actor,
        organisation_id=organisation.pk,
        subject=about("user", user.pk),
        data={"user_id": str(user.pk), "role": str(role)},
    )
    return membership


def _locked_membership(principal: Principal, membership_id: UUID) -> Membership:
    # One lock per organisation, so that two owners cannot remove each other at the same moment.
    Organisation.objects.select_for_update().get(pk=principal.organisation.pk)
    membership = (
        Membership.objects.select_related("user")
        .filter(pk=membership_id, organisation=principal.organisation)
        .first()
    )
    if membership is None:
        raise NotFound("member_not_found", "There is no such member.")
    return membership


def _keep_an_owner(leaving: Membership) -> None:
    others = Membership.objects.filter(organisation=leaving.organisation_id, role=Role.OWNER).exclude(
        pk=leaving.pk
    )
    if not others.exists():
        raise Conflict("last_owner", "An organisation keeps at least one owner.")


def _known_role(role: str) -> None:
    if role not in Role.values:
        raise AssentError("role_unknown", "This is not a role.", limit=Role.values, extra={"param": "role"})


def _personal_name(user: User) -> str:
    return user.get_short_name()[:80].strip() or "Organisation"


def _free_slug(name: str) -> str:
    base = texts.slug_from(name, limit=48, fallback="organisation")
    slug = base
    while Organisation.objects.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(3)}"
    return slug
