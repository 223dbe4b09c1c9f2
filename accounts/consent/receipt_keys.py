"""The key that signs receipts, and the ring of public keys that signed earlier ones.

A receipt stays checkable after its key was replaced: rotation appends the old public key to
``receipt-verifying.keys`` (one line a key: id, base64, time of retirement) before the new private key takes
its place, and the old private key is gone. Files are read anew whenever they changed, so no process needs
a restart.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils import timezone

from audit.external import locked, write_durably
from synth.errors import Unavailable

KEY_FILE = "receipt-signing.key"
RING_FILE = "receipt-verifying.keys"


@dataclass(frozen=True)
class VerifyingKey:
    """A public key (32 bytes) that receipts of this service verify under; `retired_at` "" for the present one."""

    raw: bytes
    retired_at: str = ""

    @property
    def key_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the public key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def public_key(self) -> str:
        """The 32 bytes in base64."""
        return base64.b64encode(self.raw).decode("ascii")

    def verifies(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def current() -> VerifyingKey:
    """The present key. Unavailable ``receipt_key_missing`` where its file cannot be read."""
    return VerifyingKey(_private_key().public_key().public_bytes_raw())


def retired() -> list[VerifyingKey]:
    """Earlier keys, the latest first."""
    path = _folder() / RING_FILE
    return _ring(path, _stamp(path)) if path.exists() else []


def named(key_id: str) -> VerifyingKey | None:
    """The present or an earlier key of this id."""
    return next((key for key in (current(), *retired()) if key.key_id == key_id), None)


def sign(message: bytes) -> bytes:
    """The present key's signature (64 bytes)."""
    return _private_key().sign(message)


def rotate() -> tuple[VerifyingKey, VerifyingKey]:
    """Replace the signing key; returns the old and the new public key. The old private key is not kept."""
    folder = _folder()
    with locked(folder / KEY_FILE):
        old = VerifyingKey(current().raw, timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        ring = folder / RING_FILE
        earlier = ring.read_text(encoding="ascii") if ring.exists() else ""
        # First the ring: a crash after it leaves the present key listed as retired too, which harms nothing.
        write_durably(ring, f"{earlier}{old.key_id} {old.public_key} {old.retired_at}\n")
        write_durably(folder / KEY_FILE, secrets.token_hex(32) + "\n", mode=0o600)
    return old, current()


def _folder() -> Path:
    return Path(settings.ASSENT_KEYS_DIR)


def _private_key() -> Ed25519PrivateKey:
    path = _folder() / KEY_FILE
    try:
        return _load(path, _stamp(path))
    except (OSError, ValueError) as error:
        raise Unavailable(
            "receipt_key_missing", f"No readable key file {path.name}: run `manage.py doctor`."
        ) from error


def _stamp(path: Path) -> tuple[int, int]:
    """What tells one content of a file from the next (each is a new file, put in place by renaming)."""
    status = path.stat()
    return status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=4)
def _load(path: Path, stamp: tuple[int, int]) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))


@lru_cache(maxsize=4)
def _ring(path: Path, stamp: tuple[int, int]) -> list[VerifyingKey]:
    keys = []
    for line in path.read_text(encoding="ascii").splitlines():
        key_id, encoded, retired_at = line.split(" ")
        key = VerifyingKey(base64.b64decode(encoded, validate=True), retired_at)
        if key.key_id != key_id:
            raise Unavailable("receipt_key_missing", f"{path.name} is damaged: restore it from your backup.")
        keys.append(key)
    return keys[::-1]
