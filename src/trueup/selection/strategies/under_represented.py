"""Predicted classes of which few labels are known: what the dataset lacks, however sure the model is of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """1 / (1 + labels of the predicted class), in (0, 1]."""
    labels = np.array([scene.knowledge.labelled.get(each, 0) for each in scene.names], dtype=np.float64)
    return np.asarray(1.0 / (1.0 + labels[scene.which]), dtype=np.float64)
