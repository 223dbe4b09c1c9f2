"""Waking the workers. Tasks are sent by name, after commit; the rows stay the truth."""

from __future__ import annotations

import logging
from typing import Any

import redis
from celery import current_app
from django.db import transaction

from synth.common.wakeup import client

logger = logging.getLogger(__name__)


def send_on_commit(task: str, *args: Any) -> None:
    """Send ``task`` once the surrounding transaction has committed.

    A broker that is away loses nothing: the reaper finds the waiting row and sends again.
    """
    transaction.on_commit(lambda: send(task, *args))


def send(task: str, *args: Any) -> None:
    """Send ``task`` now; the queue follows from the task's name (CELERY_TASK_ROUTES)."""
    try:
        current_app.send_task(task, args=[str(arg) for arg in args], ignore_result=True, retry=False)
    except Exception as error:  # noqa: BLE001 - kombu raises its transports' own errors
        logger.warning("task %s was not queued (%s); the reaper will", task, type(error).__name__)


def depth(queue: str) -> int:
    """Messages waiting in ``queue``; with the broker away, 0."""
    try:
        return int(client().llen(queue))
    except redis.RedisError:
        return 0
