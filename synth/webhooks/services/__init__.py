"""Writes of webhooks; callers import from here, the modules below are one per subject."""

from synth.webhooks.services.delivering import deliver_due
from synth.webhooks.services.endpoints import (
    MAX_ENDPOINTS,
    OVERLAP,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
    update_endpoint,
)
from synth.webhooks.services.outbox import replay, replay_since, send_test, sweep_deliveries, wake

__all__ = [
    "MAX_ENDPOINTS",
    "OVERLAP",
    "create_endpoint",
    "delete_endpoint",
    "deliver_due",
    "replay",
    "replay_since",
    "rotate_secret",
    "send_test",
    "sweep_deliveries",
    "update_endpoint",
    "wake",
]
