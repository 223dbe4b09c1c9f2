"""People who own a voice here and have no account."""

from __future__ import annotations

from accounts.people.models import User
from synth.common.ids import new_id

NO_ADDRESS = "no-account.invalid"
"""Where no letter can go (RFC 2606)."""


def person_without_account() -> User:
    """A person whom nobody can log in as. They are known by a link alone."""
    made = new_id()
    return User.objects.create_user(f"{made}@{NO_ADDRESS}", id=made, is_active=False, has_account=False)
