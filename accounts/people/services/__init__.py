"""Every write about people: keyword-only arguments, one transaction with its log entry, domain errors.

Callers import from here; the modules below are one per subject.
"""

from accounts.people.services.first_admin import (
    first_admin_link,
    open_first_admin_token,
    redeem_first_admin_token,
)
from accounts.people.services.guests import person_without_account
from accounts.people.services.keys import create_key, find_key, revoke_key
from accounts.people.services.organisations import (
    accept_invitation,
    account_created,
    change_role,
    create_organisation,
    invite,
    open_invitation,
    remove_member,
    rename_organisation,
    withdraw_invitation,
)
from accounts.people.services.reviewers import set_reviewer

__all__ = [
    "accept_invitation",
    "account_created",
    "change_role",
    "create_key",
    "create_organisation",
    "find_key",
    "first_admin_link",
    "invite",
    "open_first_admin_token",
    "open_invitation",
    "person_without_account",
    "redeem_first_admin_token",
    "remove_member",
    "rename_organisation",
    "revoke_key",
    "set_reviewer",
    "withdraw_invitation",
]
