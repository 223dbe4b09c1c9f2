"""How allauth's account flows meet this project's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.people.services import organisations as people

INVITATION_SESSION_KEY = "invitation_token"


@dataclass(frozen=True)
class PublicSite:
    """This service as its letters name it: never by the Host header, which the asker writes."""

    name: str
    domain: str


def public_site() -> PublicSite:
    return PublicSite(name=_("Assent"), domain=settings.ASSENT_BASE_URL)


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

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        request = self.request
        public = {name: self._public(request, value) for name, value in context.items()}
        # Given here, these stand in place of what allauth takes from the request.
        super().send_mail(template_prefix, email, {**public, "current_site": public_site()})

    def format_email_subject(self, subject: str) -> str:
        return f"[{public_site().name}] {subject}"

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # Failed log-ins count by account alone: with the Host header in the key, its writer could begin anew.
        return str(credentials.get("email") or credentials.get("username") or "").lower()

    @staticmethod
    def _public(request: HttpRequest | None, value: Any) -> Any:
        """A link built from the request's own address, moved to the public one; anything else as it is."""
        if request is None or not isinstance(value, str):
            return value
        asked, link = urlsplit(request.build_absolute_uri("/")), urlsplit(value)
        if (link.scheme in ("http", "https")) and link.netloc == asked.netloc:
            public = urlsplit(settings.ASSENT_BASE_URL)  # the link's path has its path already
            return link._replace(scheme=public.scheme, netloc=public.netloc).geturl()
        return value
