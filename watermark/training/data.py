"""Batches of unmarked clips, the same for the same seed and step, whoever asks and in whatever order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.signal import butter, sosfilt

from watermark.codec.parameters import SAMPLE_RATE_HZ

from . import sounds
from .material import load

_NOT_SPEECH, _OVERLAID, _NARROW, _NOISY = 0.22, 0.25, 0.2, 0.25
_LEAST_DEVIATION = 0.004


@dataclass(frozen=True)
class Batch:
    """hosts: (b, 1, n) float32. marked: (b, 1, n), 1 where the mark is put. swapped: (b,), whether the
    unmarked part comes from another clip. shift: samples that are cut from the front after marking."""

    hosts: torch.Tensor
    marked: torch.Tensor
    swapped: torch.Tensor
    shift: int


class Batches:
    """Reads clips from the store and mixes in what is not speech."""

    def __init__(self, material_folder: Path, *, batch: int, samples: int, seed: int, frame: int) -> None:
        self._speech, _ = load(material_folder)
        self._batch, self._samples, self._seed, self._frame = batch, samples, seed, frame

    def at(self, step: int) -> Batch:
        """The batch of a step."""
        generator = np.random.default_rng([self._seed, step])
        hosts = np.stack([self._host(generator) for _ in range(self._batch)])
        marked = np.stack([_marked_part(self._samples, generator) for _ in range(self._batch)])
        return Batch(
            torch.from_numpy(hosts)[:, None],
            torch.from_numpy(marked)[:, None],
            torch.from_numpy(generator.random(self._batch) < 0.4),
            int(generator.integers(self._frame)),
        )

    def _host(self, generator: np.random.Generator) -> np.ndarray:
        speech = generator.random() >= _NOT_SPEECH
        host = self._excerpt(generator) if speech else sounds.drawn(self._samples, generator)
        level = float(host.std()) + 1e-4
        if generator.random() < _OVERLAID:
            other = sounds.decoy if generator.random() < 0.7 else sounds.drawn
            host = host + 10 * level * 10 ** (-generator.uniform(3, 38) / 20) * other(len(host), generator)
        if generator.random() < _NOISY:
            floor = level * 10 ** (-generator.uniform(15, 50) / 20)
            host = host + floor * generator.standard_normal(len(host)).astype(np.float32)
        if generator.random() < _NARROW:
            edge_hz = generator.uniform(3_000, 7_000)
            host = sosfilt(butter(6, edge_hz, fs=SAMPLE_RATE_HZ, output="sos"), host)
        wanted = 0.08 * 10 ** (generator.uniform(-16, 6) / 20)
        return np.clip(host * (wanted / (float(host.std()) + 1e-4)), -1, 1).astype(np.float32)

    def _excerpt(self, generator: np.random.Generator) -> np.ndarray:
        for _ in range(20):
            start = int(generator.integers(len(self._speech) - self._samples))
            piece = self._speech[start : start + self._samples].astype(np.float32) / 32_768
            if piece.std() > _LEAST_DEVIATION:
                break
        return piece


def _marked_part(count: int, generator: np.random.Generator) -> np.ndarray:
    """1 everywhere, or outside one stretch, or inside one only."""
    part = np.ones(count, np.float32)
    draw = generator.random()
    if draw < 0.5:
        start, length = int(generator.integers(count)), int(generator.integers(count // 5, 3 * count // 4))
        part[start : start + length] = 0
        if draw < 0.25:
            part = 1 - part
    return part
