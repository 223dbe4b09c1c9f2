"""Promises that a test keeps: `@pytest.mark.provokes("voice.suspended", "queue_full")` on a test says that it makes
the product write that log entry, or answer with that error code, through a real door.

The marker is checked when the test has run: an entry counts when it was written while a request, a command or a
task was at work; a code when product code made the refusal and a door let it out, which is an HTTP answer or a
command that ended with it. What a worker refuses comes out where its row is read. So a name in a comment, a row
that a test wrote itself, and a refusal that a test made up count for nothing.

A refusal at an API door must also be one that the committed schema tells of (`tests/told.py`).

`tests/test_promises.py` holds that every event and every code has such a test. With `ASSENT_PROVOKED=FILE` each
test appends what it provoked, one line of JSON a test.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from tests.told import untold

TESTS = Path(__file__).resolve().parent


class Recorder:
    """What was provoked since `begin`; also what other threads of this process did."""

    def __init__(self) -> None:
        self.begin()
        self._doors = threading.local()

    def begin(self) -> None:
        self.events: set[str] = set()
        self.made: set[str] = set()
        self.answered: set[str] = set()
        self.untold: set[str] = set()

    @property
    def provoked(self) -> set[str]:
        return self.events | (self.made & self.answered)

    @property
    def is_inside(self) -> bool:
        """Whether a door of this thread is at work."""
        return getattr(self._doors, "depth", 0) > 0

    def door(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, as a door; an error that leaves it is an answer."""

        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            self._doors.depth = getattr(self._doors, "depth", 0) + 1
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                self._left_with(error)
                raise
            finally:
                self._doors.depth -= 1

        return inside

    def _left_with(self, error: BaseException | None) -> None:
        while error is not None:
            code = getattr(error, "code", None)
            if isinstance(code, str):
                self.answered.add(code)
            error = error.__cause__ or error.__context__

    def answer(self, request: Any, response: Any) -> None:
        """Note the codes of an HTTP answer in JSON, and what the schema does not tell of it."""
        if said := untold(request, response):
            self.untold.add(said)
        kind = response.headers.get("content-type", "")
        if not response.streaming and "json" in kind:
            self.answered |= set(_codes(json.loads(response.content or b"null")))

    def page(self, context: Any) -> None:
        """Note the refusal that a page shows."""
        refusal = (context or {}).get("refusal")
        if isinstance(code := getattr(refusal, "code", None), str):
            self.answered.add(code)


def _codes(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "code" and isinstance(inner, str):
                yield inner
            yield from _codes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _codes(inner)


recorder = Recorder()


def _noting(constructor: Callable[..., None]) -> Callable[..., None]:
    """A constructor whose objects' codes are noted, unless a test makes them."""

    @wraps(constructor)
    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        constructor(self, *args, **kwargs)
        frame = sys._getframe(1)
        while frame.f_code.co_name == "__init__" and frame.f_back is not None:
            frame = frame.f_back  # of a subclass
        if self.code and not Path(frame.f_code.co_filename).is_relative_to(TESTS):
            recorder.made.add(self.code)

    return make


def _install() -> None:
    """Watch the doors: once a process, before the first connection."""
    from celery import Task
    from django.core.handlers.base import BaseHandler
    from django.core.management.base import BaseCommand
    from django.db.backends.signals import connection_created
    from django.test.signals import template_rendered

    from accounts.gates.report import Gate
    from synth.common.bodies import BoundedBodies
    from synth.errors import AssentError

    AssentError.__init__ = _noting(AssentError.__init__)  # type: ignore[method-assign]
    Gate.__init__ = _noting(Gate.__init__)  # type: ignore[method-assign]
    BaseCommand.execute = recorder.door(BaseCommand.execute)  # type: ignore[method-assign]
    Task.__call__ = recorder.door(Task.__call__)
    get_response = recorder.door(BaseHandler.get_response)

    def answered(self: Any, request: Any) -> Any:
        response = get_response(self, request)
        recorder.answer(request, response)
        return response

    BaseHandler.get_response = answered  # type: ignore[method-assign]
    bounded = BoundedBodies.__call__

    async def before_django(self: Any, scope: Any, receive: Any, send: Any) -> None:
        async def heard(message: Any) -> None:
            if (body := message.get("body", b"")).startswith(b"{"):
                recorder.answered |= set(_codes(json.loads(body)))
            await send(message)

        await bounded(self, scope, receive, heard)

    BoundedBodies.__call__ = before_django  # type: ignore[method-assign]
    template_rendered.connect(lambda context=None, **_: recorder.page(context), weak=False)

    def watch(connection: Any, **_: Any) -> None:
        if _written not in connection.execute_wrappers:
            connection.execute_wrappers.append(_written)

    connection_created.connect(watch, weak=False)


def _written(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    result = execute(sql, params, many, context)
    if recorder.is_inside and isinstance(sql, str) and sql.lstrip().startswith("INSERT INTO audit_entry"):
        recorder.events.add(params[0])
    return result


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        _install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    recorder.begin()
    yield
    provoked = recorder.provoked
    if (path := os.environ.get("ASSENT_PROVOKED")) and provoked:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": item.nodeid, "provoked": sorted(provoked)}) + "\n")
    if recorder.untold:
        pytest.fail(f"the schema does not tell it: {'; '.join(sorted(recorder.untold))}", pytrace=False)
    promised = {name for marker in item.iter_markers("provokes") for name in marker.args}
    if broken := sorted(promised - provoked):
        pytest.fail(f"says that it provokes {', '.join(broken)} through a door, and does not", pytrace=False)


def case(name: str, *values: Any) -> Any:
    """A row of `parametrize` whose test provokes ``name``; its values follow."""
    return pytest.param(*values, marks=pytest.mark.provokes(name), id=name)
