"""Every log entry and every error code has a test that makes it come out of a real door, and the checker is no fool."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from audit.events import EVENTS
from synth.errors import AssentError
from tests import codes, promises
from tests.promises import Recorder

TESTS = Path(__file__).parent


@cache
def promised() -> dict[str, list[str]]:
    """Event or code -> tests that are marked to provoke it; `tests/promises.py` checks each when it runs."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Tables of cases stand in decorators or in names that decorators use; either way a call, never a comment.
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for name in _names_in(node):
                    found[name].append(f"{path.relative_to(TESTS)}:{node.lineno}")
    return found


def _names_in(call: ast.Call) -> Iterator[str]:
    """What `pytest.mark.provokes(...)` and `case(...)` name."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    arguments = {"provokes": call.args, "case": call.args[:1]}.get(function, [])
    yield from (a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str))


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_provoked(event):
    assert promised()[event], f"no test is marked `provokes({event!r})`: write one that goes through a door"


@pytest.mark.parametrize("code", codes.made())
def test_every_code_is_provoked(code):
    where = ", ".join(codes.made()[code])
    assert promised()[code], (
        f"no test is marked `provokes({code!r})`, which {where} makes: write one, or remove it"
    )


def test_no_test_promises_what_there_is_not():
    known = EVENTS.keys() | codes.made().keys()
    assert {name: where for name, where in promised().items() if name not in known} == {}


def test_nobody_makes_a_code_that_the_table_does_not_know():
    assert not codes.unknown(), "say in tests/codes.py what these may become"


# ---- the checker


def refuse() -> None:
    raise AssentError("queue_full", "Made up by a test.")


def test_a_code_counts_when_it_leaves_a_door_and_only_then():
    watch = Recorder()
    watch.made.add("queue_full")
    assert watch.provoked == set()
    with pytest.raises(AssentError):
        watch.door(refuse)()
    assert watch.provoked == {"queue_full"}
    watch.begin()
    with pytest.raises(AssentError):
        watch.door(refuse)()
    assert watch.provoked == set(), "a refusal that a test makes up is none of the product's"


def test_a_test_that_breaks_its_promise_fails(said_of_a_broken_promise):
    assert "says that it provokes voice.suspended" in said_of_a_broken_promise


@pytest.fixture
def said_of_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the hook says of a test that is marked and does nothing."""

    class Item:
        nodeid = "a test"

        def iter_markers(self, name):
            return iter([pytest.mark.provokes("voice.suspended").mark])

    monkeypatch.setattr(promises, "recorder", Recorder())
    running = promises.pytest_runtest_call(Item())
    next(running)
    with pytest.raises(pytest.fail.Exception) as failed:
        running.send(None)
    return str(failed.value)
