"""What follows from events in other libraries: a new account gets its log entry and an organisation, and what happens
at an account's doors is written down."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.people import services
from accounts.people.models import User
from accounts.people.services import sign_in


@receiver(account.user_signed_up)
def on_signed_up(request: Any, user: User, **kwargs: Any) -> None:
    services.account_created(user=user)


@receiver(account.user_logged_in)
def on_signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    steps = request.session.get("account_authentication_methods", [])  # kept there by allauth, step by step
    used = [str(step.get("type") or step.get("method", "")) for step in steps]
    sign_in.note(event="account.signed_in", user=user, kind="+".join(dict.fromkeys(used)) or "other")


@receiver(user_login_failed)
def on_wrong_password(credentials: dict[str, Any], **kwargs: Any) -> None:
    """Of accounts that exist only: what strangers make up is no account's history."""
    user = User.objects.filter(email=str(credentials.get("email") or "").lower()).first()
    if user is not None:
        sign_in.note(event="account.sign_in_failed", user=user, kind="password")


@receiver(mfa.authentication_failed)
def on_wrong_code(user: User, authenticator: Any = None, **kwargs: Any) -> None:
    kind = getattr(authenticator, "type", None) or "second_factor"
    sign_in.note(event="account.sign_in_failed", user=user, kind=str(kind))


@receiver([account.password_changed, account.password_set])
def on_password_changed(user: User, **kwargs: Any) -> None:
    sign_in.note(event="account.password_changed", user=user, kind="password")


@receiver(account.password_reset)
def on_password_reset(user: User, **kwargs: Any) -> None:
    sign_in.note(event="account.password_reset", user=user, kind="password")


@receiver([mfa.authenticator_added, mfa.authenticator_reset])
def on_factor_added(user: User, authenticator: Any, **kwargs: Any) -> None:
    sign_in.note(event="account.factor_added", user=user, kind=str(authenticator.type))


@receiver(mfa.authenticator_removed)
def on_factor_removed(user: User, authenticator: Any, **kwargs: Any) -> None:
    sign_in.note(event="account.factor_removed", user=user, kind=str(authenticator.type))
