"""Whose entries of the log a request may read: those of the organisation it speaks for, with ``audit:read``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.people.permissions import AUDIT_READ
from accounts.people.principals import principal_for
from synth.errors import AssentError


def readable_organisations(request: Any) -> frozenset[UUID]:
    try:
        principal = principal_for(request)
    except AssentError:
        return frozenset()
    return frozenset({principal.organisation.pk}) if principal.can(AUDIT_READ) else frozenset()
