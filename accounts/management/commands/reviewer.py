"""Who reviews for the installation: what concerns the rights of people outside the organisation that asks."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.people import services
from accounts.people.models import User
from synth.errors import AssentError


class Command(BaseCommand):
    help = "Show the installation's reviewers, or appoint (add) or dismiss (remove) one by e-mail address."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["show", "add", "remove"], nargs="?", default="show")
        parser.add_argument("email", nargs="?", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["do"] != "show":
            try:
                services.set_reviewer(email=options["email"], is_reviewer=options["do"] == "add")
            except AssentError as error:
                raise CommandError(error.message) from error
        for user in User.objects.filter(is_reviewer=True, is_active=True).order_by("email"):
            self.stdout.write(user.email)
