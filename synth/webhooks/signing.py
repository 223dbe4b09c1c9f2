"""Signatures of Standard Webhooks 1.0.0 (standardwebhooks.com, "Signature scheme"): HMAC-SHA256, identifier ``v1``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    """``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def sign(secret: str, *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """``v1,`` and the signature of ``id.timestamp.body`` in base64. ``secret`` as `new_secret` writes it."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")


def headers(secret: str, *more: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; with further secrets, as while one is replaced, a signature by each."""
    signatures = [
        sign(one, message_id=message_id, timestamp_s=timestamp_s, body=body) for one in (secret, *more)
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
