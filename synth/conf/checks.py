"""System checks that fail early and in plain words."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security, deploy=True)
def secret_key_is_set(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.SECRET_KEY.startswith("unset-"):
        return [
            Error(
                "No signing secret: sessions and links would not survive a restart.",
                hint="Run `make up` once (it makes keys/django-secret.key) or set ASSENT_SECRET_KEY.",
                id="assent.E001",
            )
        ]
    return []


@register(Tags.database)
def log_roles_are_apart(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    users = {alias: settings.DATABASES[alias].get("USER") for alias in ("default", "owner")}
    if users["default"] == users["owner"]:
        return [
            Warning(
                "The application connects as the owner of the log's tables: only triggers protect it.",
                hint="Give DATABASE_OWNER_URL and DATABASE_SEQUENCER_URL roles of their own.",
                id="assent.W001",
            )
        ]
    return []
