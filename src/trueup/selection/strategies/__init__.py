"""The table of selection strategies: one file each, one line here.

A strategy scores predictions; a higher score is more worth asking about. `probabilities` is float64[n, k], one
row per prediction, rows padded with zeros where a model knows fewer classes; the answer is float64[n].
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.selection.strategies import entropy, least_confidence, margin, random


class Strategy(Protocol):
    """A module with this function is a strategy."""

    def score(self, probabilities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]: ...


# The reason of what is drawn uniformly at random beside what strategies choose.
AUDIT = "audit"

STRATEGIES: dict[str, Strategy] = {
    "entropy": entropy,
    "least_confidence": least_confidence,
    "margin": margin,
    "random": random,
}
