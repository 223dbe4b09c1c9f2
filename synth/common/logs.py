"""What a line of the process logs is about: the request or the task that it was written in.

``ASSENT_LOG_FORMAT=json`` writes one JSON object a line, for programs; otherwise the ids end the line.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 - never changed in place


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Lines written inside carry these ids (``request``, ``task``, ``row``)."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def ids() -> Mapping[str, str]:
    """What the present line is about."""
    return _about.get()


_KEY = re.compile(r"(assent_[0-9a-zA-Z]{12}_)[\w-]+")


def without_keys(line: str) -> str:
    """The line without the secret part of any API key in it: whatever a caller sends may stand in an address, a report
    or an exception."""
    return _KEY.sub(r"\1…", line)


class LineFormatter(logging.Formatter):
    """For people: time, level, name, message, and in brackets what it is about."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return without_keys(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        said = " ".join(f"{name}={value}" for name, value in ids().items())
        return f"{line} [{said}]" if said else line


class JsonFormatter(logging.Formatter):
    """For programs: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids(),
        }
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return without_keys(json.dumps(content, ensure_ascii=False))
