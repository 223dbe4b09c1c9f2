"""Makes the database and the static files ready for the code that is here; safe to run at every start."""

from __future__ import annotations

import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from accounts.people.services.first_admin import first_admin_link
from synth.errors import Conflict
from watermark.services.master_key import remember_master_key
from worker import inspection


class Command(BaseCommand):
    help = "Migrate as the owner, collect static files if they changed, and tell what is active."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the result as one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_newer_database()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        try:
            remember_master_key()
        except Conflict as error:
            raise CommandError(error.message) from error
        collect_static_if_changed()
        link, active, warning = first_admin_link(), inspection.active(), inspection.log_warning()
        if options["json"]:
            self.stdout.write(json.dumps({"admin_link": link, "active": active, "warning": warning}))
            return
        if warning:
            self.stdout.write(warning)
        for line in active:
            self.stdout.write(line)
        if link:
            self.stdout.write(f"First administrator (this link works once): {link}")


def refuse_newer_database() -> None:
    """CommandError, before anything is written, where a newer release has migrated this database."""
    loader = MigrationLoader(connections["owner"], ignore_no_migrations=True)
    assert loader.applied_migrations is not None and loader.disk_migrations is not None  # noqa: S101
    here = {app for app, _ in loader.disk_migrations}
    unknown = sorted(
        f"{app}.{name}"
        for app, name in set(loader.applied_migrations) - set(loader.disk_migrations)
        if app in here and (app, name) not in loader.replacements
    )
    if unknown:
        raise CommandError(
            f"This database was migrated by a newer release ({unknown[0]} is not known here). Nothing was written: "
            "start that release again, or restore a backup of before the upgrade."
        )


def collect_static_if_changed() -> bool:
    """Run ``collectstatic`` unless every source file is as it was at the last run; whether it ran."""
    stamp = Path(settings.STATIC_ROOT).with_name("static.stamp")
    now = _static_fingerprint()
    if Path(settings.STATIC_ROOT).is_dir() and stamp.exists() and stamp.read_text() == now:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(now)
    return True


def _static_fingerprint() -> str:
    """SHA-256 over the names, sizes and times of all static files, and over the project's folder."""
    digest = hashlib.sha256(str(settings.BASE_DIR).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
