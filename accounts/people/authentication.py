"""DRF authentication by API key: `Authorization: Bearer assent_…`, or by basic authentication with the key in the place
of the password or of the name, as programs send what stands in their address (`https://assent_…@host`)."""

from __future__ import annotations

import base64

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.people.models import ApiKey, User
from accounts.people.services.keys import find_key
from accounts.people.tokens import prefix_of


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the key by its prefix and compares hashes in constant time; `request.auth` is the `ApiKey`.

    Unknown, expired and revoked keys get one and the same answer. Basic authentication without a key of ours in it is
    somebody else's affair (a proxy in front).
    """

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        presented = self.presented(request)
        if presented is None:
            return None
        key = find_key(presented)
        if key is None:
            raise AuthenticationFailed("This API key is not valid.", code="invalid_api_key")
        return key.created_by, key

    def presented(self, request: Request) -> str | None:
        """The key that came with the request, looked up or not; None where there is none."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return _in_basic(given.strip())
        return given.strip() if scheme.lower() == self.keyword.lower() else None

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class XiApiKeyAuthentication(ApiKeyAuthentication):
    """The same key in the header that ElevenLabs' clients send: `xi-api-key`."""

    keyword = "xi-api-key"

    def presented(self, request: Request) -> str | None:
        return request.headers.get("xi-api-key", "").strip() or None


def _in_basic(encoded: str) -> str | None:
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # also of binascii and of decoding; a header may hold any byte
        return None
    return next((given for given in (password, name) if prefix_of(given) is not None), None)
