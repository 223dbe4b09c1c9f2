"""The installation's block list: names and voices that nobody registers without a reviewer from outside."""

from __future__ import annotations

import base64
import binascii
import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.gates import speaker, speech
from accounts.gates.signal import to_mono_16k
from accounts.voices import protections
from accounts.voices.models import Protection
from synth.audio.decode import decode_untrusted
from synth.errors import AssentError


class Command(BaseCommand):
    help = (
        "Show the block list; add a person by name, by voice (--recording) or by both; import a list; remove a name. "
        "A list is CSV with a header: kind, name, note, embedding (base64 of 256 float32, of the speaker model)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["show", "add", "import", "remove"], nargs="?", default="show")
        parser.add_argument("file", nargs="?", help="the list to import")
        parser.add_argument(
            "--kind", default=Protection.Kind.BLOCKED, choices=[str(k) for k in Protection.LISTED]
        )
        parser.add_argument("--name", default="")
        parser.add_argument("--note", default="")
        parser.add_argument("--recording", help="five seconds or more of the person's speech")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['do']}")(options)
        except AssentError as error:
            raise CommandError(error.message) from error

    def _show(self, options: dict[str, Any]) -> None:
        for row in Protection.objects.filter(kind__in=Protection.LISTED).order_by("kind", "name"):
            voice = "name and voice" if row.print and row.name else "voice" if row.print else "name"
            self.stdout.write(f"{row.kind}\t{row.name or '-'}\t{voice}\t{row.note}")

    def _add(self, options: dict[str, Any]) -> None:
        heard = _embedding_of(Path(options["recording"])) if options["recording"] else None
        line = protections.Listed(options["kind"], options["name"], options["note"], heard)
        self._say_added(protections.add_listed([line]))

    def _import(self, options: dict[str, Any]) -> None:
        if not options["file"]:
            raise CommandError("Name the list to import.")
        try:
            with Path(options["file"]).open(encoding="utf-8-sig", newline="") as file:
                lines = list(_lines(csv.DictReader(file)))
        except (OSError, UnicodeError, csv.Error) as error:
            raise CommandError(f"{options['file']} cannot be read as a list: {error}") from error
        self._say_added(protections.add_listed(lines))

    def _remove(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{protections.remove_listed(options['name'])} removed")

    def _say_added(self, count: int) -> None:
        self.stdout.write(f"{count} added")


def _lines(rows: Iterator[dict[str, str]] | csv.DictReader[str]) -> Iterator[protections.Listed]:
    for number, row in enumerate(rows, 2):
        text, heard = (row.get("embedding") or "").strip(), None
        if text:
            try:
                heard = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
            except (binascii.Error, ValueError):
                heard = np.zeros(0)
            if heard.shape != (speaker.EMBEDDING_SIZE,) or not np.isfinite(heard).all():
                message = f"Line {number}: an embedding is base64 of {speaker.EMBEDDING_SIZE} float32."
                raise AssentError("listed_embedding", message, measured=number)
        yield protections.Listed(row.get("kind") or "", row.get("name") or "", row.get("note") or "", heard)


def _embedding_of(path: Path) -> np.ndarray:
    weights = speaker.find_weights(settings.ASSENT_MODELS_DIR)
    if weights is None:
        raise AssentError(
            "speaker_model_missing", "The speaker model is not installed: manage.py models fetch"
        )
    audio = decode_untrusted(path)
    mono = to_mono_16k(audio.samples, audio.sample_rate_hz)
    return speaker.embed(speech.cut(mono, speech.speech_spans(mono)), weights).whole
