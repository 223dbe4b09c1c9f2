"""The last step of `manage.py restore`: the log in the new database is verified and says what happened."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit import services, watch
from audit.actors import SYSTEM


class Command(BaseCommand):
    help = "Verify the restored log and record the restore in it (called by `manage.py restore`)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--taken-at", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        result = watch.check_all()
        if result.fault:
            raise CommandError(f"the restored log does not verify: {result.fault}")
        # A snapshot between two steps of the sequencer looks as after a crash; it carries them out when it starts.
        for warning in result.warnings:
            self.stdout.write(warning)
        with transaction.atomic():
            services.record(
                event="backup.restored",
                actor=SYSTEM,
                data={
                    "size": result.size,
                    "root_sha256": result.root,
                    "source": options["name"],
                    "taken_at": options["taken_at"],
                },
            )
        self.stdout.write(f"the log of {result.size} entries verifies")
