"""Entropy of the predicted distribution (Shannon, 1948; as a query strategy, Dagan & Engelson, 1995)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """-sum p ln p over ln k, in [0, 1]."""
    classes = max(2, probabilities.shape[1])
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return np.asarray((0.0 - (probabilities * np.log(safe)).sum(axis=1)) / np.log(classes), dtype=np.float64)
