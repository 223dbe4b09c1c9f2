"""Who asks, for the log and for the rate limit; nobody has to be anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.people.principals import Principal, principal_for
from audit.actors import ANONYMOUS, Actor
from synth.common import ratelimit
from synth.common.requests import client_address
from synth.errors import AssentError


@dataclass(frozen=True)
class Caller:
    """``subject``: whose requests are counted together; ``principal``: None of strangers, and of people without an
    organisation."""

    actor: Actor
    principal: Principal | None
    subject: str

    @property
    def organisation_id(self) -> UUID | None:
        return None if self.principal is None else self.principal.organisation.pk

    @property
    def is_known(self) -> bool:
        return self.actor.kind != "anonymous"

    def count(self, files: int = 1) -> None:
        """Count ``files`` checks of this caller. Raises `TooMany` ``rate_limited``."""
        rate = settings.ASSENT_VERIFY_ACCOUNT_RATE if self.is_known else settings.ASSENT_VERIFY_RATE
        ratelimit.check(action="verify", subject=self.subject, rate=rate, times=files)


def caller_of(request: Any) -> Caller:
    """The caller of a Django or DRF request."""
    if not request.user.is_authenticated:
        return Caller(ANONYMOUS, None, f"address:{client_address(request)}")
    try:
        principal = principal_for(request)
    except AssentError:
        return Caller(Actor(kind="user", id=str(request.user.pk)), None, f"user:{request.user.pk}")
    actor = principal.actor
    return Caller(actor, principal, f"{actor.kind}:{actor.id}")
