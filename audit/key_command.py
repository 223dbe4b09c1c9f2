"""What the commands about signing keys share: show them, or have the one that signs replaced."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import services
from audit.actors import SYSTEM
from synth.errors import AssentError


class KeyCommand(BaseCommand, ABC):
    """``show`` (the default) prints `lines`; ``rotate`` calls `rotate` before."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["show", "rotate"], nargs="?", default="show")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["do"] == "rotate":
                self.rotate()
            for line in self.lines():
                self.stdout.write(line)
        except AssentError as error:
            raise CommandError(error.message) from error

    @abstractmethod
    def lines(self) -> Iterable[str]:
        """One line for each key."""

    @abstractmethod
    def rotate(self) -> None:
        """Replace the key that signs, log it by `record`, and say what follows from it."""

    def record(self, kind: str, *, previous: str, following: str) -> None:
        """Log the replacement of one Ed25519 key by another, given their ids; inside a transaction."""
        services.record(
            event="key.rotated",
            actor=SYSTEM,
            data={
                "kind": kind,
                "algorithm": "Ed25519",
                "previous_key_id": previous,
                "key_id": following,
            },
        )
