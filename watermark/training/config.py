"""What to train and how, as a TOML file: unknown or missing names are errors."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Network:
    """Width of one network. The strides multiply to 320 samples, a frame of 20 ms at 16 kHz.

    ratios are in the package's order: the encoder strides in reverse, so a large last one keeps the layers
    at the full rate thin. last_kernel: frames that the last layer of the encoder sees.
    """

    filters: int
    dimension: int
    ratios: tuple[int, ...]
    last_kernel: int


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one rule for how loud the mark may be.

    loudness: "ratio" (mark to host over bands and frames, dB) or "audible" (what a listener model makes of
    the mark, see codec/audibility.py). A third kind, "taught", has no detection in it: the generator learns to say
    what it says at several places of the spectrum, see tones.py. level_start falls by level_rate per step, down to
    level_end, while the share of right frames stays above least_accuracy. edits: probability that a group of clips is
    edited. bits: weight of the message's loss; 0 leaves the message table silent. anneal: last share of the phase in
    which the learning rate falls. generator_every: the generator learns in each such step, with 0 in none, the
    detector in all of them: steps without it are cheaper.
    """

    name: str
    steps: int
    loudness: Literal["ratio", "audible", "taught"]
    level_start: float
    level_end: float
    level_rate: float
    least_accuracy: float
    learning_rate: float
    generator_rate: float
    edits: float
    anneal: float
    bits: float
    generator_every: int


@dataclass(frozen=True)
class BorderTraining:
    """Training of the network for borders, once the others are finished: `batch` pieces of segment_s seconds a step."""

    steps: int
    batch: int
    segment_s: float
    learning_rate: float


@dataclass(frozen=True)
class Config:
    """A whole run. Folders are relative to the working folder of whoever starts it.

    batch: clips of segment_s seconds per step, each shown marked and unmarked. warm_start: a folder of
    generator.pth and detector.pth to begin from, or "" for from scratch. precision: "bf16" (autocast) or
    "fp32". checkpoint_every, report_every: in steps.
    """

    run_folder: str
    material_folder: str
    material_minutes: float
    seed: int
    device: str
    precision: Literal["bf16", "fp32"]
    threads: int
    batch: int
    segment_s: float
    average_decay: float
    warm_start: str
    checkpoint_every: int
    report_every: int
    generator: Network
    detector: Network
    borders: BorderTraining
    phases: tuple[Phase, ...]

    @property
    def steps(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> tuple[int, int]:
        """(index of the phase, step within it) of a step of the run."""
        for index, phase in enumerate(self.phases):
            if step < phase.steps:
                return index, step
            step -= phase.steps
        raise ValueError("the run has no such step")


def load(path: Path) -> Config:
    """Read a configuration. Raises ValueError naming what is unknown, missing or out of range."""
    return from_dict(tomllib.loads(path.read_text(encoding="utf-8")))


def from_dict(body: Mapping[str, Any]) -> Config:
    """A configuration of plain values, as TOML gives them."""
    given = dict(body)
    for name in ("generator", "detector"):
        network = dict(given.get(name, {}))
        network["ratios"] = tuple(network.get("ratios", ()))
        given[name] = _build(Network, network, name)
    given["borders"] = _build(BorderTraining, given.get("borders", {}), "borders")
    given["phases"] = tuple(_build(Phase, phase, "phases") for phase in given.get("phases", ()))
    config: Config = _build(Config, given, "configuration")
    _check(config)
    return config


def to_dict(config: Config) -> dict[str, Any]:
    """Plain values, the inverse of `from_dict`."""
    return asdict(config)


def _build(kind: Any, given: Mapping[str, Any], where: str) -> Any:
    known = {field.name for field in fields(kind)}
    for complaint, names in (("unknown", given.keys() - known), ("missing", known - given.keys())):
        if names:
            raise ValueError(f"{where}: {complaint} {', '.join(sorted(names))}")
    return kind(**given)


def _check(config: Config) -> None:
    for network in (config.generator, config.detector):
        hop = 1
        for ratio in network.ratios:
            hop *= ratio
        if hop != 320:
            raise ValueError(f"ratios multiply to {hop}, not to 320")
    if not config.phases:
        raise ValueError("phases: none given")
    for phase in config.phases:
        if phase.loudness not in ("ratio", "audible", "taught") or phase.level_end > phase.level_start:
            raise ValueError(f"phase {phase.name}: its loudness cannot be followed")
    if config.phases[-1].loudness == "taught":
        raise ValueError(f"phase {config.phases[-1].name}: what is taught has to be trained afterwards")
    if config.precision not in ("bf16", "fp32"):
        raise ValueError("precision: bf16 or fp32")
    if config.batch % 2 or config.batch < 2:
        raise ValueError("batch: an even number of clips")
