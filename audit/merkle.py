"""The Merkle tree of RFC 6962 / RFC 9162 (SHA-256): compact ranges, proofs, and their verification.

Pure: no I/O. What has to be read of a stored tree comes through `Node`, a callable that returns the root
of one complete subtree, ``node(level, index)`` covering leaves ``index << level`` up to
``(index + 1) << level``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Node = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof, a root or a range does not hold; the sentence says which part."""


def leaf_hash(body: bytes) -> bytes:
    """Hash of a leaf: SHA-256 of 0x00 and the entry's bytes."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


EMPTY_ROOT = hashlib.sha256(b"").digest()


class CompactRange:
    """The roots of the complete subtrees that make up the first ``size`` leaves, largest first.

    At most one hash for each set bit of ``size``: enough to append further leaves and to know the root.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if size < 0 or len(self.hashes) != size.bit_count():
            raise ProofError(f"a range of size {size} has {size.bit_count()} hashes, not {len(self.hashes)}")
        if any(len(item) != HASH_BYTES for item in self.hashes):
            raise ProofError("a hash of the range is not 32 bytes long")

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> CompactRange:
        """Read what `to_bytes` wrote."""
        return cls(size, [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)])

    def to_bytes(self) -> bytes:
        """The hashes one after the other (32 bytes each, at most 64 of them)."""
        return b"".join(self.hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash on the right."""
        if len(leaf) != HASH_BYTES:
            raise ProofError("a leaf hash is not 32 bytes long")
        node, level = leaf, 0
        while self.size >> level & 1:
            node = node_hash(self.hashes.pop(), node)
            level += 1
        self.hashes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Root over all leaves so far."""
        return _fold(self.hashes)


def _fold(hashes: list[bytes]) -> bytes:
    if not hashes:
        return EMPTY_ROOT
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = node_hash(left, node)
    return node


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes, in memory for the logarithm of their number."""
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """``(level, index)`` of the complete subtrees that make up leaves [start, end), left to right.

    ``start`` is the left edge of a subtree of the tree, as it is in every proof.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def range_hash(start: int, end: int, node: Node) -> bytes:
    """Hash of the subtree over leaves [start, end) (MTH of RFC 6962)."""
    return _fold([node(level, index) for level, index in complete_subtrees(start, end)])


def compact_range(size: int, node: Node) -> CompactRange:
    """The compact range of the first ``size`` leaves of a stored tree."""
    return CompactRange(size, [node(level, index) for level, index in complete_subtrees(0, size)])


def _split(count: int) -> int:
    """Largest power of two smaller than ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Audit path of leaf ``index`` in the tree of the first ``size`` leaves, from the leaf's sibling up."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of size {size}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(old_size: int, new_size: int, node: Node) -> list[bytes]:
    """Proof that the tree of ``new_size`` leaves begins with the tree of ``old_size`` leaves."""
    if not 0 <= old_size <= new_size:
        raise ProofError(f"no tree of size {old_size} inside one of size {new_size}")
    if old_size in (0, new_size):
        return []
    start, end, path, known = 0, new_size, [], True
    while old_size < end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start, known = middle, False
    if not known:
        path.append(range_hash(start, end, node))
    return path[::-1]


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    """Raise `ProofError` unless ``leaf`` is at ``index`` in the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of size {size}")
    _check_hashes([leaf, root, *proof])
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the inclusion proof is too short")
    if node != root:
        raise ProofError("the inclusion proof does not lead to the root")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: list[bytes]
) -> None:
    """Raise `ProofError` unless the new tree begins with the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        raise ProofError(f"no tree of size {old_size} inside one of size {new_size}")
    _check_hashes([old_root, new_root, *proof])
    if old_size == 0:
        if proof or old_root != EMPTY_ROOT:
            raise ProofError("the empty tree has the empty root and an empty proof")
        return
    if old_size == new_size:
        if proof:
            raise ProofError("trees of one size need an empty proof")
        if old_root != new_root:
            raise ProofError("two trees of one size differ in their roots")
        return
    if not proof:
        raise ProofError("the consistency proof is empty")
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if position & 1 or position == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is too short")
    if old_node != old_root:
        raise ProofError("the consistency proof does not lead to the old root")
    if new_node != new_root:
        raise ProofError("the consistency proof does not lead to the new root")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofError("a hash is not 32 bytes long")
