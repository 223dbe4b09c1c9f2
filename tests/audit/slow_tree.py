"""RFC 6962 by its definitions (section 2.1), on whole lists: slow, and not the code under test."""

from __future__ import annotations

import hashlib


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _largest_power_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(leaves: list[bytes]) -> bytes:
    """MTH."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _largest_power_below(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = _largest_power_below(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def proof(old: int, leaves: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return _subproof(old, leaves, True)


def _subproof(old: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = _largest_power_below(len(leaves))
    if old <= k:
        return [*_subproof(old, leaves[:k], whole), root(leaves[k:])]
    return [*_subproof(old - k, leaves[k:], False), root(leaves[:k])]


def leads_to(leaf_hash: bytes, index: int, size: int, steps: list[bytes]) -> bytes | None:
    """Root that an audit path leads to, by the recursion over the tree's shape; None if it does not fit."""
    if size == 1:
        return leaf_hash if not steps else None
    if not steps:
        return None
    k = _largest_power_below(size)
    *below, last = steps
    if index < k:
        left = leads_to(leaf_hash, index, k, below)
        return None if left is None else hashlib.sha256(b"\x01" + left + last).digest()
    right = leads_to(leaf_hash, index - k, size - k, below)
    return None if right is None else hashlib.sha256(b"\x01" + last + right).digest()
