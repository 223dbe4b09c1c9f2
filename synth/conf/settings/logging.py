"""Process logs: one line an event, to standard error. Nothing that was spoken or written is logged."""

from __future__ import annotations

from synth.conf.env import read

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "synth.common.logs.LineFormatter"},
        "json": {"()": "synth.common.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if read("ASSENT_LOG_FORMAT") == "json" else "line",
        }
    },
    "root": {"handlers": ["stderr"], "level": read("ASSENT_LOG_LEVEL")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        # A line for every task would drown the rest: upkeep alone runs every few seconds.
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
