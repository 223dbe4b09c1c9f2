"""How allauth's account flows meet this project's rules."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from accounts.services import people

INVITATION_SESSION_KEY = "invitation_token"


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is open where the operator says so, and always for somebody who holds an open invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if settings.ASSENT_SIGNUP_OPEN:
            return True
        session = getattr(request, "session", None) or {}
        return people.open_invitation(str(session.get(INVITATION_SESSION_KEY, ""))) is not None

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user.email = (user.email or "").lower()
        return super().save_user(request, user, form, commit=commit)
