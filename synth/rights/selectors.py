"""Reads of what people asked for. The access rule is here, once: administrators of the installation."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.people.principals import Principal
from synth.errors import NotFound
from synth.rights.models import Feedback, TakeDown


def feedback(principal: Principal) -> QuerySet[Feedback]:
    """All feedback, the newest first. NotFound for whoever is no administrator."""
    _require_administrator(principal)
    return Feedback.objects.order_by("-created_at")


def take_downs(principal: Principal) -> QuerySet[TakeDown]:
    """All requests, the one that is due first at the top. NotFound for whoever is no administrator."""
    _require_administrator(principal)
    return TakeDown.objects.order_by("due_at")


def _require_administrator(principal: Principal) -> None:
    principal.require_person()
    if not principal.user.is_staff:
        raise NotFound("not_found", "There is nothing at this address.")
