"""The receipts' key: show it and its predecessors, or replace it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import receipt_keys
from audit import services as audit
from audit.actors import SYSTEM
from synth.errors import AssentError


class Command(BaseCommand):
    help = "Show the keys that consent receipts verify under, or replace the signing key (rotate)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["show", "rotate"], nargs="?", default="show")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["do"] == "rotate":
                self._rotate()
            for key in (receipt_keys.current(), *receipt_keys.retired()):
                state = f"retired {key.retired_at}" if key.retired_at else "signs now"
                self.stdout.write(f"{key.key_id}  {key.public_key}  {state}")
        except AssentError as error:
            raise CommandError(error.message) from error

    def _rotate(self) -> None:
        with transaction.atomic():
            # The files last: if they cannot be written, the entry does not come to be either.
            old, new = receipt_keys.rotate()
            audit.record(
                event="key.rotated",
                actor=SYSTEM,
                data={
                    "kind": "receipt",
                    "algorithm": "Ed25519",
                    "previous_key_id": old.key_id,
                    "key_id": new.key_id,
                },
            )
        self.stdout.write("Rotated. Back up the keys folder again. Receipts signed before stay valid.")
