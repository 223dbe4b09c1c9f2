"""Which mixture of Kokoro's voices sounds like a person: weights of voices from a speaker embedding.

`voices.npz` holds the speaker embedding of each of the 54 voices (GE2E, of sentences that it spoke; made by
`python -m benchmarks.kokoro_voices`). A mixture of styles sounds about as the same mixture of embeddings, so the
weights are the non-negative combination of embeddings nearest to the person's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Floats = npt.NDArray[np.float64]

#: Voices of a mixture; more make it a voice of nobody.
_MOST_VOICES = 6
_LEAST_WEIGHT = 0.03


@dataclass(frozen=True)
class Mixture:
    """Weights of voices, adding up to 1; ``expected`` is the cosine that the map promises."""

    weights: tuple[tuple[str, float], ...]
    expected: float


@lru_cache(maxsize=1)
def _known() -> tuple[list[str], Floats]:
    with np.load(Path(__file__).with_name("voices.npz"), allow_pickle=False) as table:
        return [str(name) for name in table["names"]], np.asarray(table["embeddings"], dtype=np.float64)


def mixture_like(embedding: npt.NDArray[np.floating], available: Collection[str]) -> Mixture:
    """The mixture of ``available`` voices whose speaker embedding is expected nearest to ``embedding`` (256,)."""
    names, embeddings = _known()
    kept = [n for n, name in enumerate(names) if name in available]
    target = np.asarray(embedding, dtype=np.float64) / max(float(np.linalg.norm(embedding)), 1e-9)
    columns = embeddings[kept]
    chosen = list(range(len(kept)))
    weights, _ = nnls(columns.T, target)
    if (weights > 0).sum() > _MOST_VOICES or weights.sum() == 0:
        order = weights if weights.sum() else columns @ target
        chosen = sorted(np.argsort(order)[::-1][:_MOST_VOICES])
        weights, _ = nnls(columns[chosen].T, target)
    if weights.sum() == 0:
        chosen, weights = [int(np.argmax(columns @ target))], np.ones(1)
    weights = weights / weights.sum()
    weights = np.where(weights < _LEAST_WEIGHT, 0, weights)
    weights = weights / weights.sum()
    mixed = weights @ columns[chosen]
    rows = [(names[kept[n]], float(weight)) for n, weight in zip(chosen, weights, strict=True) if weight > 0]
    return Mixture(tuple(rows), float(mixed @ target / max(float(np.linalg.norm(mixed)), 1e-9)))
