"""A linear map from the content's cepstra to what separates them from the clip's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Weight of the penalty on the map, against inputs of unit variance. Clips give only a few hundred pairs.
RIDGE = 0.7
#: Inputs further out than this many deviations are drawn in: the map was not fitted there.
_REACH = 3.0


@dataclass(frozen=True, eq=False)
class LinearShift:
    """Ridge regression fitted on aligned pairs; what it cannot foresee of a pair is left to the exemplars.

    It is far smoother in time than the mean of the nearest pairs, so that less of the articulation is lost.
    """

    middle: Floats
    scale: Floats
    mean: Floats
    weights: Floats

    @classmethod
    def fit(cls, inputs: Floats, differences: Floats) -> LinearShift:
        """From rows of ``inputs`` (pairs, d) and the ``differences`` (pairs, ORDER) that go with them."""
        middle, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
        x, mean = (inputs - middle) / scale, differences.mean(axis=0)
        normal = x.T @ x / len(x) + RIDGE * np.eye(x.shape[1])
        return cls(middle, scale, mean, np.linalg.solve(normal, x.T @ (differences - mean) / len(x)))

    def __call__(self, inputs: Floats) -> Floats:
        """The shift (T, ORDER) for each row of ``inputs`` (T, d)."""
        x = np.clip((inputs - self.middle) / self.scale, -_REACH, _REACH)
        return np.asarray(self.mean + x @ self.weights)
