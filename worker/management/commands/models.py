"""Lists, fetches, adds and verifies the weights of GPT-SoVITS. All rules are in `synth.gptsovits.store`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from synth.errors import AssentError
from synth.gptsovits.manifest import VERSIONS, names_for
from synth.gptsovits.store import Store
from worker import own_weights


class Command(BaseCommand):
    help = (
        "Weights of GPT-SoVITS: list, fetch from a mirror, add from a folder, verify, remove a voice's own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="which official files are there")
        actions.add_parser("verify", help="read every file and compare it with its recorded SHA-256")
        fetch = actions.add_parser("fetch", help="download from a mirror; goes on where it was interrupted")
        fetch.add_argument("--mirror", required=True, help="address of a copy of the published folder")
        fetch.add_argument("--version", choices=VERSIONS, default=VERSIONS[0], dest="weights_version")
        fetch.add_argument("--chinese", action="store_true", help="with the BERT weights that Chinese needs")
        add = actions.add_parser("add", help="take official files from a folder, or a voice's own pair")
        add.add_argument("source", type=Path, nargs="?", help="a folder in the published layout, or one file")
        add.add_argument("--voice", type=UUID, help="add fine-tuned weights for this voice")
        add.add_argument("--s1", type=Path, help="its text-to-semantic checkpoint (.ckpt)")
        add.add_argument("--s2", type=Path, help="its SoVITS checkpoint (.pth)")
        remove = actions.add_parser("remove", help="remove a voice's own pair")
        remove.add_argument("--voice", type=UUID, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        weights = Store(settings.ASSENT_MODELS_DIR)
        try:
            getattr(self, options["action"])(weights, options)
        except AssentError as error:
            raise CommandError(error.message) from error

    def list(self, weights: Store, options: dict[str, Any]) -> None:
        """Every file of the manifest, and what could be spoken with what is there."""
        for state in weights.files():
            size = f"{state.size_bytes / 2**20:8.1f} MiB" if state.size_bytes is not None else " " * 12
            needed_by = ", ".join(state.file.versions) + (" (zh)" if state.file.languages else "")
            self.stdout.write(f"{state.state:11} {size}  {state.file.path}  [{needed_by}]")
        version = weights.best_version()
        self.stdout.write(f"Complete: {version}." if version else "No version is complete.")

    def verify(self, weights: Store, options: dict[str, Any]) -> None:
        """Exit status 1 when a file is not what was added."""
        problems = weights.verify(self._progress)
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} of the weights cannot be trusted.")
        self.stdout.write("All recorded weights are unchanged.")

    def fetch(self, weights: Store, options: dict[str, Any]) -> None:
        """Everything that one version needs and that is not there yet."""
        languages = ["zh"] if options["chinese"] else []
        optional = {state.file.path for state in weights.files() if state.file.optional}
        for name in names_for([options["weights_version"]], languages):
            try:
                fresh = weights.fetch(name, options["mirror"], self._progress)
            except AssentError as error:
                if name not in optional:
                    raise
                self.stdout.write(f"passed over {name}: {error.message}")
                continue
            self.stdout.write(f"{'added' if fresh else 'have '} {name}")

    def add(self, weights: Store, options: dict[str, Any]) -> None:
        """Official files from a folder, or a pair for one consenting voice."""
        if options["voice"]:
            self._add_pair(weights, options)
            return
        if options["source"] is None:
            raise CommandError("Name a folder or a file, or --voice with --s1 and --s2.")
        for name in weights.add(options["source"], self._progress) or ["nothing new"]:
            self.stdout.write(f"added {name}")

    def _add_pair(self, weights: Store, options: dict[str, Any]) -> None:
        if not options["s1"] or not options["s2"]:
            raise CommandError("A voice's own weights are two files: --s1 and --s2.")
        row = own_weights.add(options["voice"], options["s1"], options["s2"])
        self.stdout.write(
            f"added the weights of voice {row.voice_id}: s1 {row.s1_sha256}, s2 {row.s2_sha256}"
        )

    def remove(self, weights: Store, options: dict[str, Any]) -> None:
        """A voice's own pair; jobs that wait for it fail."""
        there = own_weights.remove(options["voice"])
        self.stdout.write("removed" if there else "this voice has no weights of its own")

    def _progress(self, name: str, done: int, total: int | None) -> None:
        if sys.stderr.isatty():
            share = f"{100 * done / total:3.0f} %" if total else f"{done / 2**20:.0f} MiB"
            self.stderr.write(f"\r{share} {name}", ending="")
