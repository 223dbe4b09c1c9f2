"""Figures for a monitoring system, in Prometheus' text format (exposition format 0.0.4).

What is so now is read when it is asked for, from rows, files and the queue: rooms name their sources. What has happened
is counted in Valkey, where all processes meet; counters begin again at 0 when it forgets, as such systems expect.
"""

from __future__ import annotations

import atexit
import hmac
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Literal

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from synth.common.queue import depth
from synth.errors import AssentError

logger = logging.getLogger(__name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_COUNTERS = "assent:metrics"
# Counting must never hold up what it counts.
_TIMEOUT_S = 0.5
_BUSY_QUEUES = ("speech", "checks")


@dataclass(frozen=True)
class Sample:
    """One figure. Names end in their unit (``_seconds``, ``_bytes``) or, of counters, in ``_total``."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["gauge", "counter"] = "gauge"


Source = Callable[[], Iterable[Sample]]
_SOURCES: list[Source] = []
_HELP: dict[str, str] = {}
_FLUSH_AFTER_S = 1.0
_lock = threading.Lock()
_pending: Counter[str] = Counter()


def add_source(source: Source) -> None:
    """A room adds figures that are read at every request; quick ones, from indexed rows."""
    _SOURCES.append(source)


def counter(name: str, help: str) -> Callable[..., None]:
    """A counter of what happens: call it with labels. Counts are put together for a second: it costs no round trip."""
    _HELP[name] = help

    def count(**labels: str) -> None:
        key = _key(name, labels)
        with _lock:
            first = not _pending
            _pending[key] += 1
        if first:
            timer = threading.Timer(_FLUSH_AFTER_S, flush)
            timer.daemon = True
            timer.start()

    return count


def flush() -> None:
    """Add what this process has counted to what all have."""
    with _lock:
        counted = dict(_pending)
        _pending.clear()
    if not counted:
        return
    try:
        pipeline = _client().pipeline(transaction=False)
        for key, number in counted.items():
            pipeline.hincrby(_COUNTERS, key, number)
        pipeline.execute()
    except redis.RedisError:
        logger.debug("%d counters were not added to", len(counted))


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """``/metrics``: for whoever brings ASSENT_METRICS_TOKEN; where none is set there is no such page."""
    token = settings.ASSENT_METRICS_TOKEN
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        raise Http404
    return HttpResponse(render(_collect()), content_type=CONTENT_TYPE)


def render(samples: Iterable[Sample]) -> str:
    """The text of the format: each name's help and type once, then its lines."""
    lines = []
    for name, group in groupby(
        sorted(samples, key=lambda sample: sample.name), key=lambda sample: sample.name
    ):
        same = list(group)
        lines += [f"# HELP {name} {same[0].help}", f"# TYPE {name} {same[0].kind}"]
        lines += [f"{_key(name, sample.labels)} {sample.value:.17g}" for sample in same]
    return "\n".join([*lines, ""])


def _collect() -> Iterator[Sample]:
    flush()
    for source in (*_SOURCES, _queues, _counted):
        try:
            yield from source()
        except (DatabaseError, redis.RedisError, AssentError, OSError) as error:
            logger.warning("figures of %s are missing: %s", source.__module__, type(error).__name__)


def _queues() -> Iterator[Sample]:
    for queue in _BUSY_QUEUES:
        yield Sample(
            "assent_queue_messages", "Messages that wait in a queue.", depth(queue), {"queue": queue}
        )


def _counted() -> Iterator[Sample]:
    counted: Mapping[bytes, bytes] = _client().hgetall(_COUNTERS)  # type: ignore[assignment]
    for key, value in counted.items():
        name, _, labels = key.decode().partition("{")
        pairs = (pair.partition("=") for pair in labels.rstrip("}").split(",") if pair)
        said = {label: text.strip('"') for label, _, text in pairs}
        yield Sample(name, _HELP.get(name, ""), float(value), said, "counter")


def _key(name: str, labels: Mapping[str, str]) -> str:
    """``name{label="value"}``; of values only what needs no escape is kept."""
    said = ",".join(
        f'{label}="{"".join(c for c in str(value) if c.isalnum() or c in "._-@:/ ")}"'
        for label, value in sorted(labels.items())
    )
    return f"{name}{{{said}}}" if said else name


atexit.register(flush)


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_CLIENT_URL, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
    )
