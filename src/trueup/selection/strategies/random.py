"""Uniform at random: the yardstick of every other strategy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """Independent draws in [0, 1)."""
    return rng.random(len(probabilities))
