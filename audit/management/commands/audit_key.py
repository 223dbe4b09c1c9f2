"""The log's key: show it and its predecessors, or have the sequencer hand over to a new one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit import keys, services
from audit.actors import SYSTEM
from synth.errors import AssentError


class Command(BaseCommand):
    help = "Show the log's verifier keys, the oldest first, or replace the signing key (rotate)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["show", "rotate"], nargs="?", default="show")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["do"] == "rotate":
                self._rotate()
            for key in keys.verifiers():
                self.stdout.write(key.vkey)
        except AssentError as error:
            raise CommandError(error.message) from error

    def _rotate(self) -> None:
        present = keys.verifier()
        with transaction.atomic():
            # The file before the entry: with an entry and no key the log would announce what never comes.
            following = keys.prepare_rotation().verifier
            try:
                services.record(
                    event="key.rotated",
                    actor=SYSTEM,
                    data={
                        "kind": "log",
                        "algorithm": "Ed25519",
                        "previous_key_id": present.key_id.hex(),
                        "key_id": following.key_id.hex(),
                    },
                )
            except BaseException:
                keys.next_key_path().unlink()
                raise
        self.stdout.write(
            "The sequencer hands over with its next batch; that checkpoint bears both signatures.\n"
            f"The new key, for those who verify:\n{following.vkey}\nKeys until now:"
        )
