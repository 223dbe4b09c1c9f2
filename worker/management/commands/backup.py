"""Takes a backup of the running installation."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from synth.local.backups import taking
from synth.local.backups.manifest import Manifest
from synth.local.errors import LocalError
from worker import backups


class Command(BaseCommand):
    help = "Write database, media, keys and the log's copies into a new folder below DIR, and verify it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path, help="folder for backups; each gets one of its own in it")
        parser.add_argument(
            "--without-keys", action="store_true", help="leave the keys out; they must be kept in another way"
        )
        parser.add_argument(
            "--keep", type=int, metavar="N", help="then delete all but the N newest backups here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            folder = backups.take(
                options["dir"].resolve(), passphrase=None if options["without_keys"] else _passphrase()
            )
            gone = taking.prune(options["dir"].resolve(), options["keep"]) if options["keep"] else []
        except LocalError as error:
            raise CommandError(str(error)) from error
        taken = Manifest.read(folder)
        keys = "with keys" if taken.has_keys else "WITHOUT keys"
        self.stdout.write(
            f"{folder}: {len(taken.files)} files, {taken.total_bytes / 1e6:.1f} MB, log of {taken.log_size} entries, "
            f"{keys}; verified"
        )
        for old in gone:
            self.stdout.write(f"deleted {old}")


def _passphrase() -> str:
    """From the settings, else asked for; LocalError where nobody can be asked."""
    if settings.ASSENT_BACKUP_PASSPHRASE:
        return str(settings.ASSENT_BACKUP_PASSPHRASE)
    if not sys.stdin.isatty():
        raise LocalError(
            "Set ASSENT_BACKUP_PASSPHRASE, under which the keys are kept, or say --without-keys."
        )
    return getpass.getpass("Passphrase for the keys (keep it elsewhere): ")
