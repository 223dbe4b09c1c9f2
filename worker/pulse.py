"""The workers' and the clock's signs of life, which reach through the broker (`synth.local.pulse`)."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from celery.signals import after_task_publish, beat_init, worker_ready
from django.conf import settings

from synth.local import pulse
from worker.app import app

logger = logging.getLogger(__name__)
ANSWER_WITHIN_S = 5.0


@worker_ready.connect
def begin(sender: Any = None, **kwargs: Any) -> None:
    """A thread asks this worker, over the broker, whether it is there, as long as it lives."""
    arguments = (str(sender.hostname), threading.Event())
    threading.Thread(target=_keep, args=arguments, name="pulse", daemon=True).start()


def _keep(hostname: str, done: threading.Event) -> None:
    process = hostname.partition("@")[0]
    while True:
        if answers(hostname):
            pulse.touch(Path(settings.ASSENT_DATA_DIR), process)
        if done.wait(pulse.EVERY_S):
            return


def answers(hostname: str) -> bool:
    """Whether the worker of this name takes a message from the broker and answers over it."""
    try:
        return bool(app.control.ping(destination=[hostname], timeout=ANSWER_WITHIN_S, limit=1))
    except Exception as error:  # noqa: BLE001 - kombu raises its transports' own errors
        logger.info("no answer through the broker: %s", type(error).__name__)
        return False


@beat_init.connect
def begin_clock(**kwargs: Any) -> None:
    after_task_publish.connect(_queued, weak=False)


def _queued(**kwargs: Any) -> None:
    pulse.touch(Path(settings.ASSENT_DATA_DIR), "beat")
