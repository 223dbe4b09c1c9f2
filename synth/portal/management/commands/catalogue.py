"""`manage.py catalogue`: gather what pages say, merge it into the .po files, compile the .mo files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Needs Babel, which comes with the development environment."""

    help = "Gather translatable text, update locale/*/LC_MESSAGES/django.po and compile django.mo."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only say what is missing; status 1 if anything is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from synth.portal import catalogue

        root = Path(settings.BASE_DIR)
        lacking = 0
        for folder in sorted((root / "locale").iterdir()):
            path = folder / "LC_MESSAGES" / "django.po"
            new = catalogue.merged(root, catalogue.load(path, folder.name), folder.name)
            # English is the language of the code: it needs no translation, only other plural rules are of interest.
            gaps = [] if folder.name == catalogue.SOURCE_LOCALE else catalogue.missing(new)
            lacking += len(gaps)
            for gap in gaps:
                self.stdout.write(f"{folder.name}: {gap}")
            if not options["check"]:
                path.write_bytes(catalogue.po_text(new))
                path.with_suffix(".mo").write_bytes(catalogue.mo_bytes(new))
        if options["check"] and lacking:
            raise CommandError(f"{lacking} messages are not translated")
        self.stdout.write(f"{lacking} messages are not translated")
