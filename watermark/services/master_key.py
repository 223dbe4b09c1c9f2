"""The database remembers which master key its marks were made with."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction

from audit.actors import SYSTEM
from audit.services import record
from synth.errors import Conflict
from synth.local import keys
from watermark.models import MasterKey


def remember_master_key() -> None:
    """Write the check value of this installation's master key down, once.

    Raises Conflict ``mark_key_differs`` where the database was begun with another key, unless its loss was accepted
    (`manage.py keys --replace`): then the log says so. Says nothing where there is no key yet.
    """
    path = Path(settings.ASSENT_KEYS_DIR) / keys.MARK_KEY
    if not path.exists():
        return
    value = keys.check_value(path)
    with transaction.atomic():
        row, created = MasterKey.objects.select_for_update().get_or_create(defaults={"check_value": value})
        if created or row.check_value == value:
            return
        if row.check_value not in keys.replaced(Path(settings.ASSENT_DATA_DIR)):
            raise Conflict(
                "mark_key_differs",
                f"{path} is not the key that the marks in this database were made with. "
                f"{keys.KEY_LOSSES[keys.MARK_KEY]} Restore the right one from your backup.",
            )
        row.check_value = value
        row.save(update_fields=["check_value", "since"])
        record(event="key.rotated", actor=SYSTEM, data={"kind": "mark-master"})
