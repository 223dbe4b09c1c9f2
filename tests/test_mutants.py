"""The list of mutants fits the tree: each place is there once, what it becomes is Python, its tests exist."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache

import pytest

from benchmarks import mutants

LISTED = mutants.listed()


@cache
def functions_of(name: str) -> frozenset[str]:
    tree = ast.parse((mutants.ROOT / name).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("mutant", LISTED, ids=lambda mutant: mutant.says)
def test_a_mutant_fits(mutant):
    text = (mutants.ROOT / mutant.file).read_text(encoding="utf-8")
    assert mutant.old != mutant.new
    ast.parse(mutant.apply(text))
    assert mutant.tests
    for test in mutant.tests:
        name, _, function = test.partition("::")
        assert function in functions_of(name), test


def test_there_are_enough_and_each_has_its_name():
    assert len(LISTED) >= mutants.TARGET_COUNT
    assert [name for name, count in Counter(mutant.says for mutant in LISTED).items() if count > 1] == []
