"""Uniform at random: the yardstick of every other strategy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def score(probabilities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent draws in [0, 1)."""
    return rng.random(len(probabilities))
