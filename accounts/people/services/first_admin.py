"""The way in for the first administrator: a link that works once. No password ships with the service."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts.people import texts
from accounts.people.models import FirstAdminToken, User
from accounts.people.services.organisations import actor_of, create_organisation
from accounts.people.tokens import new_token, token_hash
from audit import services as audit
from audit.subjects import about
from synth.errors import AssentError, Conflict, NotFound

LIFETIME = timedelta(days=1)
PATH = "/first-administrator/"

# Serialises making and redeeming: the first administrator is first only once.
_LOCK = 0x41535331


def first_admin_link() -> str | None:
    """A fresh one-time link while there is no administrator, else None. Earlier unused links stop working."""
    token = new_token()
    now = timezone.now()
    with transaction.atomic():
        _serialise()
        if _administrator_exists():
            return None
        FirstAdminToken.objects.filter(redeemed_at__isnull=True).delete()
        FirstAdminToken.objects.create(
            token_hash=token_hash(token), created_at=now, expires_at=now + LIFETIME
        )
    return f"{settings.ASSENT_BASE_URL}{PATH}{token}"


def open_first_admin_token(token: str) -> FirstAdminToken:
    """The link's row while it would still be taken. Raises NotFound ``link_used`` or ``link_not_valid``, each with
    the way out.
    """
    if _administrator_exists():
        raise NotFound(
            "link_used",
            "The first administrator's account was made, so this link no longer works. Sign in with that account.",
        )
    opened = FirstAdminToken.objects.filter(
        token_hash=token_hash(token), redeemed_at__isnull=True, expires_at__gt=timezone.now()
    ).first()
    if opened is None:
        raise NotFound(
            "link_not_valid",
            "This link has expired, or a newer one has taken its place. A fresh one is printed by: "
            "manage.py first_admin_link",
        )
    return opened


def redeem_first_admin_token(
    token: str, *, email: str, organisation_name: str, password: str | None = None, name: str = ""
) -> User:
    """Use the link: make the administrator's account and their organisation, and spend the token.

    Without a password the caller logs the person in at once, to enrol a passkey. The address counts as
    verified: whoever holds the link holds the machine. Raises what `open_first_admin_token` does; AssentError
    ``email_invalid``, ``password_too_weak`` and those of texts; Conflict ``account_exists``.
    """
    email = texts.clean_email(email)
    name = texts.clean_line(name, field="name", limit=120, required=False)
    if password is not None:
        try:
            validate_password(password, User(email=email, name=name))
        except ValidationError as error:
            message = " ".join(error.messages)
            raise AssentError("password_too_weak", message, extra={"param": "password"}) from None
    now = timezone.now()
    with transaction.atomic():
        _serialise()
        opened = open_first_admin_token(token)
        if User.objects.filter(email__iexact=email).exists():
            raise Conflict("account_exists", "There is an account with this address already.")
        user = User.objects.create_user(email, password, name=name, is_staff=True, is_reviewer=True)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        audit.record(
            event="account.created",
            actor=actor_of(user),
            subject=about("user", user.pk),
            data={"account_id": str(user.pk), "kind": "administrator"},
            idempotency_key=f"account.created:{user.pk}",
        )
        create_organisation(owner=user, name=organisation_name)
        opened.redeemed_at = now
        opened.redeemed_by = user
        opened.save(update_fields=["redeemed_at", "redeemed_by"])
    return user


def _administrator_exists() -> bool:
    return User.objects.filter(is_staff=True, is_active=True).exists()


def _serialise() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
