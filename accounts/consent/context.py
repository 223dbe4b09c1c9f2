"""Context processor: what the frame of every page shows of the person who is logged in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.consent import selectors
from accounts.people.principals import Principal, principal_for
from synth.errors import AssentError


def membership(request: HttpRequest) -> dict[str, Any]:
    """Give templates `principal`, `organisation`, `can_review` and `review_count`, read only when used.

    `mail_is_kept` says that there is no mail server: letters wait on the administrators' page.
    """
    shared = {"mail_is_kept": settings.EMAIL_BACKEND == "accounts.people.mail.OutboundMailBackend"}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return shared
    principal = _principal(request)
    if principal is None:
        return shared
    can_review = selectors.reviews(principal)
    return {
        **shared,
        "principal": principal,
        "organisation": principal.organisation,
        "can_review": can_review,
        "review_count": SimpleLazyObject(lambda: _waiting(principal)) if can_review else 0,
    }


def _principal(request: HttpRequest) -> Principal | None:
    try:
        return principal_for(request)
    except AssentError:
        return None


def _waiting(principal: Principal) -> int:
    """How many recordings wait for this person's decision."""
    return selectors.review_queue(principal).count() + selectors.style_review_queue(principal).count()
