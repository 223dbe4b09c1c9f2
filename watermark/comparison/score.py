"""How much a moment of a file speaks for an edit: a logistic score of its residuals, fitted by `make bench-verdict`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .residual import MEASURES, Residual

WEIGHTS = Path(__file__).with_name("weights.json")
FINDING = ("middle", "long")
"""Windows that say whether there is an edit."""
PLACING = ("short", "middle")
"""Windows that say where it begins and ends."""
_QUANTILES = (0.5, 0.85)
_LARGEST_RATIO = 12.0


@dataclass(frozen=True, eq=False)
class Weights:
    """A logistic model over `columns`: log-odds = ((x - mean) / deviation) @ weights + constant."""

    mean: np.ndarray
    deviation: np.ndarray
    weights: np.ndarray
    constant: float

    def score(self, columns: np.ndarray) -> np.ndarray:
        """Log-odds of each row of (n, features)."""
        result: np.ndarray = (columns - self.mean) / self.deviation @ self.weights + self.constant
        return result


@dataclass(frozen=True)
class Model:
    """What was fitted: ``finding`` and ``placing`` scores; a file whose highest finding score is above ``threshold``
    is flagged; a file that usually differs by more than ``disturbed_db``, or of whose sound less than
    ``audible_share`` stands out, is not compared word by word."""

    finding: Weights
    placing: Weights
    threshold: float
    disturbed_db: float
    audible_share: float


def columns(found: Residual, windows: tuple[str, ...]) -> np.ndarray:
    """Features of each frame: float64 (frames, 4 * 3 * windows + 2). Each residual as it is, and over what is usual
    in the same file: half of its sounding frames, and the worst sixth. A noisy channel so raises its own bar."""
    sounding = found.sounding if found.sounding.sum() > 30 else np.ones_like(found.sounding)
    out = [np.log(found.usual_db + 0.3) * np.ones(len(found.head)), found.head]
    for window in windows:
        for measure in MEASURES:
            values = found.of[f"{measure}_{window}"]
            out.append(np.sqrt(values))
            for quantile in _QUANTILES:
                usual = np.quantile(values[sounding], quantile)
                out.append(np.log1p(np.minimum(values / (usual + 0.5), _LARGEST_RATIO)))
            out.append(np.full(len(values), np.sqrt(usual)))
    return np.stack(out, axis=1)


@lru_cache(maxsize=1)
def model() -> Model:
    """The fitted model that ships with the code."""
    body = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Model(
        finding=_weights(body["finding"]),
        placing=_weights(body["placing"]),
        threshold=float(body["threshold"]),
        disturbed_db=float(body["disturbed_db"]),
        audible_share=float(body["audible_share"]),
    )


def _weights(body: dict[str, list[float] | float]) -> Weights:
    return Weights(
        np.array(body["mean"]),
        np.array(body["deviation"]),
        np.array(body["weights"]),
        float(str(body["constant"])),
    )
