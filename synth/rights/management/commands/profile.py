"""What the chosen rules ask, and how it is met: on the terminal, or as docs/conformity.md."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from synth.law import profiles
from synth.law.document import as_markdown, as_text


class Command(BaseCommand):
    help = "Print the conformity table of the chosen profiles, or of others: profile eu,cn. No legal advice."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("profiles", nargs="?", default=None, help="instead of ASSENT_PROFILE")
        parser.add_argument("--docs", action="store_true", help="print docs/conformity.md")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["docs"]:
            self.stdout.write(as_markdown(), ending="")
            return
        setting = settings.ASSENT_PROFILE if options["profiles"] is None else options["profiles"]
        try:
            self.stdout.write(as_text(setting, settings.ASSENT_RETENTION), ending="")
        except (profiles.UnknownProfile, ValueError) as error:
            raise CommandError(str(error)) from error
