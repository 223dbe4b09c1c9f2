"""The installation's reviewers, appointed by whoever looks after it."""

from __future__ import annotations

from django.db import transaction

from accounts.people.models import User
from audit import services as audit
from audit.actors import SYSTEM
from audit.subjects import about
from synth.errors import NotFound


def set_reviewer(*, email: str, is_reviewer: bool) -> User:
    """Appoint or dismiss one of the installation's reviewers. NotFound ``account_not_found``."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email__iexact=email.strip(), is_active=True).first()
        if user is None:
            raise NotFound("account_not_found", "There is no account with this address.")
        if user.is_reviewer != is_reviewer:
            user.is_reviewer = is_reviewer
            user.save(update_fields=["is_reviewer"])
            audit.record(
                event="reviewer.changed",
                actor=SYSTEM,
                subject=about("user", user.pk),
                data={"account_id": str(user.pk), "decision": "appointed" if is_reviewer else "dismissed"},
            )
    return user
