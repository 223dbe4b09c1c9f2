"""Who may do what: roles, permissions, key scopes. The one table; nothing else names a role to decide."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    OWNER = "owner", _("owner")
    OPERATOR = "operator", _("operator")
    REVIEWER = "reviewer", _("reviewer")
    AUDITOR = "auditor", _("auditor")


# Permissions that an API key may carry.
SPEECH_WRITE = "speech:write"
SPEECH_READ = "speech:read"
VOICES_READ = "voices:read"
VOICES_WRITE = "voices:write"
CONSENT_WRITE = "consent:write"
AUDIT_READ = "audit:read"

# Permissions of people alone: a leaked key can neither make keys nor approve a voice.
REVIEW_DECIDE = "review:decide"
MEMBERS_MANAGE = "members:manage"
KEYS_MANAGE = "keys:manage"

SCOPES: dict[str, Promise] = {
    SPEECH_WRITE: _("submit and cancel speech jobs"),
    SPEECH_READ: _("read jobs and download outputs"),
    VOICES_READ: _("list voices and styles"),
    VOICES_WRITE: _("register voices, add and remove styles"),
    CONSENT_WRITE: _("ask for a challenge, submit its recording, revoke"),
    AUDIT_READ: _("read the organisation's ledger and log"),
}

PERMISSIONS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({*SCOPES, REVIEW_DECIDE, MEMBERS_MANAGE, KEYS_MANAGE}),
    Role.OPERATOR: frozenset(
        {SPEECH_WRITE, SPEECH_READ, VOICES_READ, VOICES_WRITE, CONSENT_WRITE, KEYS_MANAGE}
    ),
    Role.REVIEWER: frozenset({VOICES_READ, SPEECH_READ, REVIEW_DECIDE}),
    Role.AUDITOR: frozenset({VOICES_READ, SPEECH_READ, AUDIT_READ}),
}


def permissions_of(role: str) -> frozenset[str]:
    """Permissions of `role`; an unknown role has none."""
    return PERMISSIONS.get(role, frozenset())
