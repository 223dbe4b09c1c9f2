"""Verifies the log in the database, or an export of it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import keys, verification
from audit.note import Verifier
from audit.offline import Fault, LogVerifier, VerifyError, open_checkpoint, verify_export


class Command(BaseCommand):
    help = "Verifies every entry, leaf, tile, checkpoint and signature. Exit codes name the class of fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dump", type=Path, help="verify this export instead of the database")
        parser.add_argument(
            "--vkey",
            action="append",
            help="verifier key, every one, the oldest first (default: those of this installation)",
        )
        parser.add_argument("--since", type=Path, help="a checkpoint kept earlier, outside this installation")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(self.style.SUCCESS(self._verify(options)))
        except VerifyError as error:
            raise CommandError(f"FAILED: {error}", returncode=int(error.fault)) from error

    def _verify(self, options: dict[str, Any]) -> str:
        try:
            verifiers = [Verifier.from_vkey(text) for text in options["vkey"] or ()] or keys.verifiers()
        except ValueError as error:
            raise VerifyError(Fault.FORMAT, f"the verifier key: {error}") from error
        since = (
            open_checkpoint(options["since"].read_text(encoding="utf-8"), verifiers)
            if options["since"]
            else None
        )
        if options["dump"]:
            with options["dump"].open(encoding="utf-8") as lines:
                walked = verify_export(lines, verifiers, since)
            return self._sentence(walked)
        note = keys.checkpoint_file().read()
        external = open_checkpoint(note, verifiers) if note is not None else None
        walked = verification.verify_database(verifiers, since=since, external=external)
        queued = verification.verify_queue()
        agreement = "agrees" if external is not None else "absent"
        return f"{self._sentence(walked)}, {queued} queued, external copy {agreement}"

    @staticmethod
    def _sentence(walked: LogVerifier) -> str:
        root = walked.tree.root().hex()
        return f"OK: {walked.tree.size} entries, {walked.checkpoints} checkpoints, root {root}"
