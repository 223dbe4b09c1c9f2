"""kill -9 of the sequencer at every step of a batch: nothing is lost, doubled, or shown and then denied."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, connections

from audit import keys, selectors, verification
from audit.models import Entry, Leaf
from audit.note import Checkpoint
from audit.sequencer import Sequencer
from tests.audit.conftest import write

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

Make = Callable[..., Sequencer]


def _in_killed_child(work: Callable[[Callable[[], None]], None], fatal_step: int) -> bool:
    """Run ``work`` in a forked child that kills itself at its n-th step; True if it got to the end."""
    for alias in connections:
        connections[alias].close()
    child = os.fork()
    if child == 0:
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1
            if steps == fatal_step:
                os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            work(step)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return True


def _step_everywhere(step: Callable[[], None]) -> None:
    """Call ``step`` around every statement, commit and file operation of this process's sequencer."""
    connection: Any = connections["sequencer"]

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            step()
            result = function(*args, **kwargs)
            step()
            return result

        return stepped

    connection.execute_wrappers.append(
        lambda execute, sql, params, many, context: around(execute)(sql, params, many, context)
    )
    connection._commit = around(connection._commit)
    os.fsync = around(os.fsync)  # type: ignore[assignment]
    Path.replace = around(Path.replace)  # type: ignore[method-assign]


def _recovered(make_sequencer: Make) -> Sequencer:
    sequencer = make_sequencer()
    deadline = time.monotonic() + 20
    while not sequencer.try_lock():  # the server notices a killed client a moment later
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sequencer.recover()
    return sequencer


def _check_nothing_shown_is_ahead_of_the_copy() -> None:
    shown = selectors.published_checkpoint()
    note = keys.checkpoint_file().read()
    if shown is not None:
        assert note is not None
        outside = Checkpoint.open(note, keys.verifier())
        assert outside.size >= shown.size


def _check_whole_log() -> None:
    note = keys.checkpoint_file().read()
    assert note is not None
    walked = verification.verify_database(keys.verifier(), external=Checkpoint.open(note, keys.verifier()))
    assert verification.verify_queue() == 0
    assert walked.tree.size == Entry.objects.count() == Leaf.objects.count()
    shown = selectors.published_checkpoint()
    assert shown is not None and shown.note == note


def test_kill_at_every_step_of_a_batch(make_sequencer: Make) -> None:
    def batch(step: Callable[[], None]) -> None:
        sequencer = make_sequencer(batch_limit=100)
        assert sequencer.try_lock()
        sequencer.recover()
        _step_everywhere(step)
        while sequencer.step():
            pass

    write(250)  # so that a tile fills under way
    kills = 0
    while True:
        write(3)
        finished = _in_killed_child(batch, fatal_step=kills + 1)
        _check_nothing_shown_is_ahead_of_the_copy()
        sequencer = _recovered(make_sequencer)
        while sequencer.step():
            pass
        connections["sequencer"].close()
        _check_whole_log()
        if finished:
            break
        kills += 1
    assert kills > 30, "the steps of a batch were not all met"


def test_kill_at_every_step_of_the_first_batch_and_of_recovery(make_sequencer: Make) -> None:
    """From the empty log on, and while mending what an earlier kill left."""

    def whole_life(step: Callable[[], None]) -> None:
        sequencer = make_sequencer()
        _step_everywhere(step)
        assert sequencer.try_lock()
        sequencer.recover()
        while sequencer.step():
            pass

    write(2)
    fatal_step = 1
    while not _in_killed_child(whole_life, fatal_step):
        _check_nothing_shown_is_ahead_of_the_copy()
        deadline = time.monotonic() + 20
        while not make_sequencer().try_lock():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        fatal_step += 1
    assert fatal_step > 20
    _check_whole_log()


class _Injected(DatabaseError):
    pass


@pytest.mark.parametrize("loss", ["error", "session"])
def test_a_failing_statement_undoes_the_batch(make_sequencer: Make, loss: str) -> None:
    """Each statement in turn fails, or finds its session ended by the server."""
    write(1)
    sequencer = _recovered(make_sequencer)
    sequencer.step()
    connections["sequencer"].close()
    failing = 1
    while True:
        write(2)
        sequencer = _recovered(make_sequencer)
        seen = 0

        def fail(
            execute: Any, sql: str, params: Any, many: bool, context: Any, failing: int = failing
        ) -> Any:
            nonlocal seen
            seen += 1
            if seen == failing:
                if loss == "error":
                    raise _Injected
                connections["sequencer"].connection.close()
            return execute(sql, params, many, context)

        try:
            with connections["sequencer"].execute_wrapper(fail):
                sequencer.step()
        except (DatabaseError, InterfaceError):
            pass
        finished = seen < failing
        connections["sequencer"].close()
        _check_nothing_shown_is_ahead_of_the_copy()
        sequencer = _recovered(make_sequencer)
        while sequencer.step():
            pass
        connections["sequencer"].close()
        _check_whole_log()
        if finished:
            break
        failing += 1
    assert failing > 8
