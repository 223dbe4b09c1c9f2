"""Django's registration of the room."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit log"

    def ready(self) -> None:
        from audit.metrics import figures
        from synth.common import health, metrics

        post_migrate.connect(_set_rights, sender=self, dispatch_uid="audit.rights")
        health.add_part("log", _goes_on)
        metrics.add_source(figures)


def _set_rights(using: str, **_: Any) -> None:
    """Roles made after the first migration get their rights at the next one."""
    from django.db import connections

    from audit import rights

    rights.apply(connections[using])


def _goes_on() -> bool:
    """Whether the log can be signed on; a key that this process cannot read is not the log's interruption."""
    from audit import continuity
    from synth.errors import Unavailable

    try:
        return continuity.interruption() is None
    except Unavailable:
        return True
