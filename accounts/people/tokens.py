"""Secrets that are shown once and kept only as a hash."""

from __future__ import annotations

import hashlib
import secrets

KEY_MARK = "assent"


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """SHA-256 of a token, hex. The tokens are random, so no salt and no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_api_key() -> tuple[str, str]:
    """A whole API key and its public prefix: ``assent_<12 hex>_<43 characters>``."""
    prefix = secrets.token_hex(6)
    return f"{KEY_MARK}_{prefix}_{new_token()}", prefix


def prefix_of(key: str) -> str | None:
    """The public prefix of a presented key, or None when it does not look like one of ours."""
    parts = key.split("_", 2)
    well_formed = len(parts) == 3 and parts[0] == KEY_MARK and len(parts[1]) == 12 and len(key) < 200
    return parts[1] if well_formed and parts[1].isalnum() else None
