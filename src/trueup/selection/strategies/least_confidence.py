"""Least confidence: how unsure the model is of its first choice (Lewis & Gale, 1994)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """1 - p1, in [0, 1 - 1/k]."""
    return np.asarray(1.0 - probabilities.max(axis=1), dtype=np.float64)
