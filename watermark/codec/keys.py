"""Keys of the mark: one master secret, and from it independent keys per epoch and purpose.

HKDF with SHA-256 (RFC 5869), so that the key of one epoch tells nothing about the master or another epoch.
An epoch is any short text ("2026-w47", a tenant and a day, ...): the caller rotates it, old epochs stay
readable.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache

MASTER_BYTES = 32
_SALT = b"assent/mark/1"


@dataclass(frozen=True)
class EpochKeys:
    """The derived keys of one epoch; 32 bytes each, never printed."""

    epoch: str
    keystream: bytes = field(repr=False)
    permutation: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    confirmation: bytes = field(repr=False)


class MarkKeys:
    """The master secret of the mark. Raises ValueError when it is shorter than 32 bytes."""

    def __init__(self, master: bytes) -> None:
        if len(master) < MASTER_BYTES:
            raise ValueError(f"the master secret of the mark needs {MASTER_BYTES} bytes, not {len(master)}")
        self._pseudorandom_key = hmac.digest(_SALT, master, "sha256")  # HKDF-Extract

    def __repr__(self) -> str:
        return "MarkKeys(...)"

    def for_epoch(self, epoch: str) -> EpochKeys:
        """Keys of one epoch (cached)."""
        return _derive(self._pseudorandom_key, epoch)


@lru_cache(maxsize=256)
def _derive(pseudorandom_key: bytes, epoch: str) -> EpochKeys:
    def expand(purpose: str) -> bytes:  # HKDF-Expand, one block of output
        info = purpose.encode() + b"\x00" + epoch.encode()
        return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")

    return EpochKeys(epoch, expand("keystream"), expand("permutation"), expand("mac"), expand("confirmation"))


def expand_bytes(key: bytes, purpose: str, length: int) -> bytes:
    """`length` pseudorandom bytes of one 32-byte key (SHAKE-256 keyed by prefix; its sponge makes that a
    PRF).
    """
    return hashlib.shake_256(purpose.encode() + b"\x00" + key).digest(length)
