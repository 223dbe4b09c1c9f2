"""What a worker does once when it starts: take its share of the cores, load what it will need, say what it is."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery.signals import worker_ready

from synth.errors import AssentError

logger = logging.getLogger(__name__)
_WORKERS = 2  # speech and checks share the machine


@worker_ready.connect
def begin(sender: Any = None, **kwargs: Any) -> None:
    """Warm up in the background: the worker is ready for small tasks meanwhile."""
    queues = {queue.name for queue in sender.task_consumer.queues}
    threading.Thread(target=_warm_up, args=(queues,), name="warm-up", daemon=True).start()


def _warm_up(queues: set[str]) -> None:
    from django.db import close_old_connections

    from synth.jobs.engine_status import publish_engine
    from worker import resident

    try:
        resident.limit_threads(_WORKERS)
        resident.public_mark()
        if "speech" in queues:
            engine = resident.engine()
            publish_engine(
                name=engine.name,
                version=engine.version,
                is_preview=engine.is_preview,
                device=engine.device,
                supports=engine.supports,
            )
    except AssentError as error:
        logger.error("the worker is not complete: %s", error.message)
    except Exception:
        # The first job will meet the same failure and say so to its caller.
        logger.exception("warming up failed")
    finally:
        close_old_connections()
