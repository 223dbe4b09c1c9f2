"""Writes the log, or one organisation's view of it, as a file that can be verified anywhere."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.db import transaction

from audit import exports, keys, services
from audit.actors import SYSTEM


class Command(BaseCommand):
    help = "Exports the log up to its newest checkpoint. The export itself is logged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="file to write")
        parser.add_argument("--organisation", type=UUID, help="show only this organisation's entries")

    def handle(self, *args: Any, **options: Any) -> None:
        verifier = keys.verifier()
        out: Path = options["out"]
        organisation: UUID | None = options["organisation"]
        digest, leaves = hashlib.sha256(), 0
        with out.open("w", encoding="utf-8", newline="\n") as file:
            for line in exports.export_lines(verifier, organisation_id=organisation):
                file.write(line)
                digest.update(line.encode())
                leaves += line.startswith('{"leaf":')
        with transaction.atomic():
            services.record(
                event="log.exported",
                actor=SYSTEM,
                organisation_id=organisation,
                data={"count": leaves, "export_sha256": digest.hexdigest()},
            )
        self.stdout.write(f"{leaves} entries -> {out} (SHA-256 {digest.hexdigest()})")
        self.stdout.write(
            f"verify with: python -m audit.offline verify --dump {out} --vkey '{verifier.vkey}'"
        )
