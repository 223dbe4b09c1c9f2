"""`manage.py train_audioseal --config FILE`: train the public mark, make its material, look at its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

import watermark
from synth.errors import AssentError

BUNDLED = Path(watermark.__file__).parent / "training" / "configs"


class Command(BaseCommand):
    help = "Train the networks of the public mark; resumes from the run's last checkpoint."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        names = ", ".join(sorted(path.stem for path in BUNDLED.glob("*.toml")))
        parser.add_argument("--config", required=True, help=f"a TOML file, or one of {names}")
        parser.add_argument("--minutes", type=float, help="stop after so long; a later call goes on")
        parser.add_argument("--steps", type=int, help="stop after so many steps; a later call goes on")
        parser.add_argument(
            "--borders",
            action="store_true",
            help="train the network for borders on the run's finished networks",
        )
        parser.add_argument("--material-only", action="store_true", help="make the material and stop")
        parser.add_argument(
            "--figures", action="store_true", help="no training: figures of the run's networks so far"
        )
        parser.add_argument(
            "--threshold",
            type=int,
            metavar="PIECES",
            help="no training: scores of so many unmarked pieces of the tuning voices",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from watermark.training import config as configuration
        from watermark.training import material

        path = Path(options["config"])
        path = path if path.suffix == ".toml" else BUNDLED / f"{path}.toml"
        try:
            config = configuration.load(path)
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error
        if options["figures"] or options["threshold"]:
            self._measure(Path(config.run_folder) / "stock", options)
            return
        folder = Path(config.material_folder)
        if not (folder / "train" / material.INDEX_FILE).exists():
            material.make(
                folder, minutes=config.material_minutes, seed=config.seed, progress=self._material_progress
            )
        if not options["material_only"]:
            self._train(config, options)

    def _train(self, config: Any, options: dict[str, Any]) -> None:
        from watermark.training.borders import BorderTrainer
        from watermark.training.loop import Trainer

        trainer: Trainer | BorderTrainer
        try:
            trainer = (BorderTrainer if options["borders"] else Trainer)(config, report=self._progress)
        except AssentError as error:
            raise CommandError(str(error)) from error
        begun = trainer.step
        finished = trainer.run(steps=options["steps"], minutes=options["minutes"])
        state = "finished" if finished else "stopped; call again to go on"
        self.stdout.write(f"steps {begun} to {trainer.step} of {trainer.steps}: {state}")
        self.stdout.write(f"networks: {Path(config.run_folder) / 'stock'}")

    def _measure(self, folder: Path, options: dict[str, Any]) -> None:
        from watermark.codec.audioseal_layer import PublicMark
        from watermark.training import evaluation

        public = PublicMark.load(folder)
        if options["figures"]:
            for name, value in evaluation.quick_figures(public).items():
                self.stdout.write(f"{name:24} {value:8.3f}")
        if options["threshold"]:
            scores = evaluation.unmarked_scores(public, "tune", options["threshold"])
            self.stdout.write(f"{len(scores)} unmarked pieces, highest {max(scores):.3f}")
            for rate in (1e-2, 1e-3):
                self.stdout.write(f"share {rate}: above {evaluation.threshold_at(scores, rate):.3f}")

    def _progress(self, facts: dict[str, Any]) -> None:
        self.stdout.write("  ".join(f"{name} {value}" for name, value in facts.items()))

    def _material_progress(self, made: float, wanted: float) -> None:
        self.stdout.write(f"material: {made:.1f} of {wanted:.0f} minutes")
