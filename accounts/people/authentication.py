"""DRF authentication by API key: `Authorization: Bearer assent_…`."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.people.models import ApiKey, User
from accounts.people.services.keys import find_key


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the key by its prefix and compares hashes in constant time; `request.auth` is the `ApiKey`.

    Unknown, expired and revoked keys get one and the same answer.
    """

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        key = find_key(presented.strip())
        if key is None:
            raise AuthenticationFailed("This API key is not valid.", code="invalid_api_key")
        return key.created_by, key

    def authenticate_header(self, request: Request) -> str:
        return self.keyword
