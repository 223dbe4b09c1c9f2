"""Secrets at rest: whoever copies the database alone cannot sign. The key derives from Django's signing secret."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SecretLost(Exception):
    """It was sealed under another signing secret; it has to be replaced."""


def seal(text: str) -> str:
    return _cipher(settings.SECRET_KEY).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Raises `SecretLost`."""
    try:
        return _cipher(settings.SECRET_KEY).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken:
        raise SecretLost from None


def is_readable(sealed: str) -> bool:
    try:
        unseal(sealed)
    except SecretLost:
        return False
    return True


@lru_cache(maxsize=2)
def _cipher(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"assent webhooks")
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))
