"""`manage.py mark_epoch [--rotate]`: the epochs of the mark's keys."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from watermark.models import MarkEpoch
from watermark.services import rotate_epoch


class Command(BaseCommand):
    help = "List the epochs of the mark's keys; --rotate opens the next one. Old epochs stay readable."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rotate", action="store_true", help="close the open epoch and open the next")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rotate"]:
            rotate_epoch(expected=MarkEpoch.objects.filter(closed_at__isnull=True).first())
        for epoch in MarkEpoch.objects.order_by("opened_at"):
            state = "open" if epoch.closed_at is None else f"closed {epoch.closed_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{epoch.name}  {epoch.marked_ms / 60000:8.1f} minutes marked  {state}")
