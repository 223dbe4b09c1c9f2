"""What a comparison says, its limits, and the recorded vectors it reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

VERSIONS = ("v2", "v2Pro", "v2ProPlus")
CLIPS = {
    "A": "refA_32k_mono.wav",
    "B": "refB_44k1_stereo.wav",
    "C": "refC_22k05_loudfloat.wav",
    "D": "refD_16k_veryloudfloat.wav",
}
# Largest error allowed by kind; 0 means equal.
LIMITS = {
    "resampled audio": 1e-5,
    "spectrogram": 1e-5,
    "filter bank": 1e-5,
    "speaker embedding": 1e-5,
    "hubert": 1e-4,
    "bert": 1e-4,
    "prompt tokens": 0,
    "logits": 1e-5,
    "greedy tokens": 0,
    "sampled tokens": 0,
    "batch tokens": 0,
    "stream chunks": 0,
    "reference embedding": 1e-5,
    "conditioning": 1e-5,
    "text encoder": 1e-5,
    "prior": 1e-5,
    "flow": 1e-5,
    "audio": 1e-4,
    "streamed audio": 1e-4,
    "end to end": 1,  # steps of 16 bits: the original cuts off behind them, where rounding shows
}


@dataclass(frozen=True)
class Finding:
    """One comparison."""

    kind: str
    case: str
    error: float

    @property
    def passed(self) -> bool:
        return self.error <= LIMITS[self.kind]


def peak_error(found: Tensor | np.ndarray, expected: np.ndarray) -> float:
    """Largest deviation over the largest expected value; infinite when the shapes differ."""
    ours = np.asarray(found, dtype=np.float64)
    if ours.shape != expected.shape:
        return float("inf")
    return float(np.abs(ours - expected).max() / (np.abs(expected).max() + 1e-9))


def differing(found: Any, expected: Any) -> float:
    """Number of differing items; a different length counts as such."""
    ours, theirs = list(np.asarray(found).ravel()), list(np.asarray(expected).ravel())
    return float(sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs)))


class Golden:
    """One ``.npz`` as tensors of the dtypes that the networks take."""

    def __init__(self, path: Path) -> None:
        self.data = np.load(path)

    def __contains__(self, name: str) -> bool:
        return name in self.data.files

    def raw(self, name: str) -> np.ndarray:
        return self.data[name]

    def floats(self, name: str) -> Tensor:
        return torch.from_numpy(self.data[name].astype(np.float32))

    def ints(self, name: str) -> Tensor:
        return torch.from_numpy(self.data[name].astype(np.int64))


def clip_of(folder: Path, name: str) -> tuple[np.ndarray, int] | None:
    import soundfile

    paths = [folder / "wav" / CLIPS[name], (folder / "wav" / CLIPS[name]).with_suffix(".flac")]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return None
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.T, rate
