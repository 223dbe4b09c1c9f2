"""Wake-up calls over Valkey: a waiting request sleeps without a database connection.

A lost call costs time, never truth: whoever waits reads the row again afterwards.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import redis
from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)
T = TypeVar("T")
_KEPT_S = 60


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """The process's client; its pool grows with the number of waiting requests."""
    return redis.Redis.from_url(
        settings.REDIS_CLIENT_URL,
        max_connections=1000,
        socket_timeout=settings.BROKER_SOCKET_TIMEOUT_S,
        socket_connect_timeout=5,
        health_check_interval=5,
    )


def _key(channel: str, subject: str) -> str:
    return f"assent:wakeup:{channel}:{subject}"


def notify(channel: str, subject: str) -> None:
    """Wake everybody who waits, now or within a minute, for ``subject`` on ``channel``."""
    key = _key(channel, str(subject))
    try:
        pipeline = client().pipeline(transaction=False)
        pipeline.lpush(key, *([b"1"] * 4))
        pipeline.expire(key, _KEPT_S)
        pipeline.execute()
    except redis.RedisError:
        logger.warning("wake-up call for %s %s was lost", channel, subject)


def wait(channel: str, subject: str, *, timeout_s: float) -> bool:
    """Sleep until ``notify`` or ``timeout_s`` (ten seconds at most); True when called.

    Gives the database connection back first.
    """
    connections.close_all()
    longest_s = settings.BROKER_SOCKET_TIMEOUT_S - 5.0
    try:
        key = _key(channel, str(subject))
        return client().blpop([key], timeout=min(longest_s, max(0.1, timeout_s))) is not None
    except redis.RedisError:
        time.sleep(min(timeout_s, 0.5))
        return False


def wait_until(
    channel: str,
    subject: str,
    *,
    read: Callable[[], T],
    done: Callable[[T], bool],
    timeout_s: float,
    every_s: float = 5.0,
) -> T:
    """What ``read`` gives once it is ``done``, or as it stands after ``timeout_s``.

    Between reads the caller sleeps without a database connection; a lost call costs at most ``every_s``.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        row = read()
        left_s = deadline - time.monotonic()
        if done(row) or left_s <= 0:
            return row
        wait(channel, subject, timeout_s=min(left_s, every_s))
