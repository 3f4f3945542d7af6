"""Margin: how close the second class comes to the first (Scheffer, Decomain & Wrobel, 2001)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """1 - (p1 - p2), in [0, 1]."""
    if probabilities.shape[1] < 2:
        return 1.0 - probabilities[:, 0]
    if probabilities.shape[1] == 2:
        return np.asarray(1.0 - np.abs(probabilities[:, 0] - probabilities[:, 1]), dtype=np.float64)
    top = np.partition(probabilities, -2, axis=1)
    return np.asarray(1.0 - (top[:, -1] - top[:, -2]), dtype=np.float64)
