"""What happens at an account's doors, for its owner and for whoever has to find out later."""

from __future__ import annotations

from typing import Literal

from django.db import transaction

from accounts.people.models import User
from accounts.people.services.organisations import actor_of
from audit import services as audit
from audit.actors import ANONYMOUS
from audit.subjects import about

Happened = Literal[
    "account.signed_in",
    "account.sign_in_failed",
    "account.password_changed",
    "account.password_reset",
    "account.factor_added",
    "account.factor_removed",
]


def note(*, event: Happened, user: User, kind: str) -> None:
    """Write it into the log. ``kind`` names the means: password, code, totp, webauthn, recovery_codes, joined by ``+``.

    Who failed to sign in is not known to be the account's owner: the entry's actor is nobody, its subject the account.
    """
    with transaction.atomic():
        audit.record(
            event=event,
            actor=ANONYMOUS if event == "account.sign_in_failed" else actor_of(user),
            subject=about("user", user.pk),
            data={"account_id": str(user.pk), "kind": kind},
        )
