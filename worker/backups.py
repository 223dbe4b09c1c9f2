"""Backups of this installation: taken, verified, written into the log, and old ones deleted."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path

from django.conf import settings
from django.db import connections, transaction
from django.utils.translation import gettext as _

from accounts.people import mail
from audit import services as log
from audit.actors import SYSTEM
from synth.gptsovits.manifest import FOLDER
from synth.gptsovits.trust_record import RECORD
from synth.local.backups import manifest, taking
from synth.local.backups.manifest import Manifest
from synth.local.errors import LocalError

logger = logging.getLogger(__name__)


def take(parent: Path, *, passphrase: str | None) -> Path:
    """A verified backup below ``parent``; its entry in the log names it by the hash of its list of files.

    Raises LocalError; that too is an entry.
    """
    try:
        folder = taking.take(_source(), parent, passphrase=passphrase)
    except taking.AlreadyRunning:
        raise
    except LocalError:
        _record("backup.failed", {"code": "backup_failed"})
        raise
    taken = Manifest.read(folder)
    _record(
        "backup.completed",
        {
            "manifest_sha256": manifest.digest(folder).hex(),
            "size": taken.log_size,
            "count": len(taken.files),
            "bytes": taken.total_bytes,
            "has_keys": taken.has_keys,
        },
    )
    return folder


def take_scheduled() -> None:
    """The clock's backup, by the settings; administrators are told of one that failed."""
    parent = Path(settings.ASSENT_BACKUP_DIR)
    try:
        folder = take(parent, passphrase=settings.ASSENT_BACKUP_PASSPHRASE)
    except taking.AlreadyRunning as error:
        logger.info("%s", error)
    except LocalError as error:
        logger.error("no backup was taken: %s", error)
        mail.tell_administrators(
            _("No backup was taken"), _("The backup of this installation failed: %(why)s") % {"why": error}
        )
    else:
        gone = taking.prune(parent, settings.ASSENT_BACKUP_KEEP)
        logger.info("backup %s taken and verified, %d old ones deleted", folder.name, len(gone))


def _source() -> taking.Source:
    parameters = connections["default"].get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")
    return taking.Source(
        data_dir=Path(settings.ASSENT_DATA_DIR),
        keys_dir=Path(settings.ASSENT_KEYS_DIR),
        models_dir=Path(settings.ASSENT_MODELS_DIR),
        database={name: str(parameters[name]) for name in wanted if parameters.get(name)},
        release=tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"],
        models=(f"{FOLDER}/voices", f"{FOLDER}/{RECORD}"),
    )


def _record(event: str, data: dict[str, object]) -> None:
    with transaction.atomic():
        log.record(event=event, actor=SYSTEM, data=data)
