"""The 64 bits a mark carries: a 40-bit record number, hidden by a keyed permutation, and a 24-bit MAC.

The permutation makes consecutive record numbers look unrelated, so that a payload tells nothing about how
many outputs exist. The MAC makes a payload that nobody issued pass with a chance of 2**-24 per decoding
attempt.
"""

from __future__ import annotations

import hmac

import numpy as np

from .keys import EpochKeys
from .parameters import MAC_BITS, PAYLOAD_BITS, RECORD_BITS

_HALF_BITS = RECORD_BITS // 2
_HALF_MASK = (1 << _HALF_BITS) - 1
# Four make a strong pseudorandom permutation (Luby and Rackoff, 1988); halves are small, so two more.
_ROUNDS = 6


def pack(record_number: int, keys: EpochKeys) -> np.ndarray:
    """Payload bits of a record number: uint8 zeros and ones, shape (64,).

    Raises ValueError unless 0 <= record_number < 2**40.
    """
    if not 0 <= record_number < 1 << RECORD_BITS:
        raise ValueError(f"record number {record_number} does not fit {RECORD_BITS} bits")
    word = _permute(record_number, keys.permutation) << MAC_BITS | _mac(record_number, keys.mac)
    return np.unpackbits(np.frombuffer(word.to_bytes(PAYLOAD_BITS // 8, "big"), np.uint8))


def pack_many(record_numbers: np.ndarray, keys: EpochKeys) -> np.ndarray:
    """Payload bits of many record numbers: uint8, shape (n, 64)."""
    if len(record_numbers) == 0:
        return np.zeros((0, PAYLOAD_BITS), np.uint8)
    return np.stack([pack(int(number), keys) for number in record_numbers])


def unpack(bits: np.ndarray, keys: EpochKeys) -> int | None:
    """Record number of 64 payload bits, or None when the MAC does not hold."""
    word = int.from_bytes(np.packbits(np.asarray(bits, np.uint8)).tobytes(), "big")
    record_number = _unpermute(word >> MAC_BITS, keys.permutation)
    expected = _mac(record_number, keys.mac).to_bytes(MAC_BITS // 8, "big")
    found = (word & (1 << MAC_BITS) - 1).to_bytes(MAC_BITS // 8, "big")
    return record_number if hmac.compare_digest(expected, found) else None


def _mac(record_number: int, key: bytes) -> int:
    digest = hmac.digest(key, record_number.to_bytes(RECORD_BITS // 8, "big"), "sha256")
    return int.from_bytes(digest[: MAC_BITS // 8], "big")


def _round(key: bytes, index: int, half: int) -> int:
    return (
        int.from_bytes(hmac.digest(key, bytes([index]) + half.to_bytes(3, "big"), "sha256")[:3], "big")
        & _HALF_MASK
    )


def _permute(value: int, key: bytes) -> int:
    left, right = value >> _HALF_BITS, value & _HALF_MASK
    for index in range(_ROUNDS):
        left, right = right, left ^ _round(key, index, right)
    return left << _HALF_BITS | right


def _unpermute(value: int, key: bytes) -> int:
    left, right = value >> _HALF_BITS, value & _HALF_MASK
    for index in reversed(range(_ROUNDS)):
        left, right = right ^ _round(key, index, left), left
    return left << _HALF_BITS | right
