"""Prints the one-time link that makes the first administrator."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.people.services.first_admin import first_admin_link


class Command(BaseCommand):
    help = "Print a fresh one-time link for the first administrator; earlier unused links stop working."

    def handle(self, *args: Any, **options: Any) -> None:
        link = first_admin_link()
        if link is None:
            raise CommandError("There is an administrator already; they invite others from the portal.")
        self.stdout.write(link)
