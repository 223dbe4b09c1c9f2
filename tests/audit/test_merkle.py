"""The tree and its proofs against the definitions of RFC 6962, and against named bad vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle
from tests.audit import slow_tree

VECTORS = Path(__file__).parent / "vectors"

# Test inputs and roots of the Certificate Transparency project.
KNOWN_LEAVES = [
    *["", "00", "10", "2021", "3031", "40414243"],
    *["5051525354555657", "606162636465666768696a6b6c6d6e6f"],
]
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

LEAVES = [slow_tree.leaf(b"%d" % number) for number in range(600)]


def stored(level: int, index: int) -> bytes:
    """The tree over LEAVES, as a `merkle.Node`."""
    start, end = index << level, (index + 1) << level
    assert end <= len(LEAVES), "no complete subtree there"
    return slow_tree.root(LEAVES[start:end])


def test_known_roots() -> None:
    tree = merkle.CompactRange()
    assert tree.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for data, expected in zip(KNOWN_LEAVES, KNOWN_ROOTS, strict=True):
        tree.append(merkle.leaf_hash(bytes.fromhex(data)))
        assert tree.root().hex() == expected


@settings(max_examples=60)
@given(st.integers(0, 300), st.integers(0, 300))
def test_any_batching_gives_the_defined_root(first: int, second: int) -> None:
    tree = merkle.CompactRange()
    for leaf in LEAVES[:first]:
        tree.append(leaf)
    tree = merkle.CompactRange.from_bytes(tree.size, tree.to_bytes())
    for leaf in LEAVES[first : first + second]:
        tree.append(leaf)
    assert tree.root() == slow_tree.root(LEAVES[: first + second])
    assert tree.hashes == merkle.compact_range(tree.size, stored).hashes


@settings(max_examples=60)
@given(st.data())
def test_inclusion_proofs(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    root = slow_tree.root(LEAVES[:size])
    proof = merkle.inclusion_proof(index, size, stored)
    assert proof == slow_tree.path(index, LEAVES[:size])
    merkle.verify_inclusion(leaf=LEAVES[index], index=index, size=size, proof=proof, root=root)
    for mutated in _mutations(data, proof):
        with pytest.raises(merkle.ProofError):
            merkle.verify_inclusion(leaf=LEAVES[index], index=index, size=size, proof=mutated, root=root)
    other = data.draw(st.integers(0, size - 1).filter(lambda value: value != index)) if size > 1 else size
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(leaf=LEAVES[index], index=other, size=size, proof=proof, root=root)


@settings(max_examples=60)
@given(st.data())
def test_consistency_proofs(data: st.DataObject) -> None:
    new = data.draw(st.integers(0, 600))
    old = data.draw(st.integers(0, new))
    old_root, new_root = slow_tree.root(LEAVES[:old]), slow_tree.root(LEAVES[:new])
    proof = merkle.consistency_proof(old, new, stored)
    if old:
        assert proof == slow_tree.proof(old, LEAVES[:new])
    merkle.verify_consistency(old_size=old, old_root=old_root, new_size=new, new_root=new_root, proof=proof)
    for mutated in _mutations(data, proof):
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(
                old_size=old, old_root=old_root, new_size=new, new_root=new_root, proof=mutated
            )
    if 0 < old < new:
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(
                old_size=old, old_root=bytes(32), new_size=new, new_root=new_root, proof=proof
            )


def _mutations(data: st.DataObject, proof: list[bytes]) -> list[list[bytes]]:
    """The proof with one bit flipped, one hash more, one fewer, and two swapped."""
    mutated = [[*proof, bytes(32)], [bytes(32), *proof]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = bytearray(proof[at])
        flipped[bit // 8] ^= 1 << bit % 8
        mutated += [[*proof[:at], bytes(flipped), *proof[at + 1 :]], proof[:-1], proof[1:]]
        mutated.append([*proof[:at], proof[at][:31], *proof[at + 1 :]])
    if len(proof) > 1:
        mutated.append(proof[::-1])
    return [candidate for candidate in mutated if candidate != proof]


@settings(max_examples=60)
@given(
    st.integers(-2, 70),
    st.integers(-2, 70),
    st.lists(st.sampled_from(LEAVES[:4]), max_size=9),
)
def test_verification_agrees_with_the_definition(index: int, size: int, proof: list[bytes]) -> None:
    expected = None
    if 0 <= index < size:
        expected = slow_tree.leads_to(LEAVES[0], index, size, proof)
    for root in {slow_tree.root(LEAVES[:4]), expected or bytes(32)}:
        try:
            merkle.verify_inclusion(leaf=LEAVES[0], index=index, size=size, proof=proof, root=root)
            accepted = True
        except merkle.ProofError:
            accepted = False
        assert accepted == (expected is not None and root == expected)


def test_a_range_must_fit_its_size() -> None:
    with pytest.raises(merkle.ProofError):
        merkle.CompactRange(3, [bytes(32)])
    with pytest.raises(merkle.ProofError):
        merkle.CompactRange(1, [bytes(32), bytes(32)])
    with pytest.raises(merkle.ProofError):
        merkle.CompactRange.from_bytes(1, bytes(31))
    with pytest.raises(merkle.ProofError):
        merkle.CompactRange().append(b"short")


def _vectors(name: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in json.loads((VECTORS / name).read_text())]


@pytest.mark.parametrize("row", _vectors("inclusion.json"))
def test_inclusion_vectors(row: dict[str, Any]) -> None:
    case = {
        "leaf": bytes.fromhex(row["leaf"]),
        "index": row["index"],
        "size": row["size"],
        "proof": [bytes.fromhex(item) for item in row["proof"]],
        "root": bytes.fromhex(row["root"]),
    }
    if row["valid"]:
        merkle.verify_inclusion(**case)
    else:
        with pytest.raises(merkle.ProofError):
            merkle.verify_inclusion(**case)


@pytest.mark.parametrize("row", _vectors("consistency.json"))
def test_consistency_vectors(row: dict[str, Any]) -> None:
    case = {
        "old_size": row["old_size"],
        "old_root": bytes.fromhex(row["old_root"]),
        "new_size": row["new_size"],
        "new_root": bytes.fromhex(row["new_root"]),
        "proof": [bytes.fromhex(item) for item in row["proof"]],
    }
    if row["valid"]:
        merkle.verify_consistency(**case)
    else:
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(**case)
