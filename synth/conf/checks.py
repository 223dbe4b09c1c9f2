"""System checks that fail early and in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from audit import cosigning
from synth.conf.env import read
from synth.law import profiles
from synth.local.backups.sealing import MIN_PASSPHRASE


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


@register(Tags.files)
def credentials_are_there(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A configured file that is missing would otherwise show at the first release or the first checked manifest."""
    names = ("ASSENT_CREDENTIALS_KEY", "ASSENT_CREDENTIALS_CHAIN", "ASSENT_CREDENTIALS_TRUST")
    found: list[CheckMessage] = [
        Error(f"{name} names {path}, which is no file.", id="assent.E002")
        for name in names
        if (path := getattr(settings, name)) and not Path(path).is_file()
    ]
    if settings.ASSENT_CREDENTIALS_KEY and not settings.ASSENT_CREDENTIALS_CHAIN:
        found.append(
            Error("ASSENT_CREDENTIALS_KEY needs ASSENT_CREDENTIALS_CHAIN beside it.", id="assent.E003")
        )
    return found


@register()
def profile_is_kept(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What the chosen profile does not allow stops the start, with its sentence."""
    sentences = profiles.contradictions(
        settings.ASSENT_PROFILE,
        retention=settings.ASSENT_RETENTION,
        notice=settings.ASSENT_NOTICE,
        operator_is_default=read("ASSENT_OPERATOR", {}) == settings.ASSENT_OPERATOR,
        has_time_stamp=bool(settings.ASSENT_TIMESTAMP_URL),
    )
    return [Error(sentence, id="assent.E004") for sentence in sentences]


@register(Tags.security)
def witnesses_can_be_asked(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A witness that is misspelt would otherwise be missed in silence."""
    try:
        cosigning.configured()
    except cosigning.BadWitnesses as error:
        return [Error(str(error), id="assent.E006")]
    return []


@register(Tags.security)
def backups_can_be_restored(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without the keys nothing that was released can be recognised again, so no backup is scheduled without them."""
    if settings.ASSENT_BACKUP_DIR and len(settings.ASSENT_BACKUP_PASSPHRASE) < MIN_PASSPHRASE:
        return [
            Error(
                "ASSENT_BACKUP_DIR needs ASSENT_BACKUP_PASSPHRASE, under which the keys are kept: "
                f"{MIN_PASSPHRASE} characters or more.",
                id="assent.E005",
            )
        ]
    return []
