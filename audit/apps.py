"""Django's registration of the room."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit log"

    def ready(self) -> None:
        post_migrate.connect(_set_rights, sender=self, dispatch_uid="audit.rights")


def _set_rights(using: str, **_: Any) -> None:
    """Roles made after the first migration get their rights at the next one."""
    from django.db import connections

    from audit import rights

    rights.apply(connections[using])
