"""The table of selection strategies: one file each, one line here.

A strategy scores predictions; a higher score is more worth asking about. `probabilities` is float64[n, k], one
row per prediction, rows padded with zeros where a model knows fewer classes; the scene is what else is known; the
answer is float64[n] in [0, 1].
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene
from trueup.selection.strategies import conformal, entropy, least_confidence, margin, random, under_represented


class Strategy(Protocol):
    """A module with this function is a strategy."""

    def score(
        self, probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator
    ) -> NDArray[np.float64]: ...


# The reason of what is drawn uniformly at random beside what strategies choose.
AUDIT = "audit"

# The reasons of what is chosen because of what somebody said later: see trueup.selection.contradiction.
FEEDBACK = ("override", "truth")

# These look at nothing but the probabilities of a prediction.
ALONE = ("entropy", "least_confidence", "margin")

STRATEGIES: dict[str, Strategy] = {
    "conformal": conformal,
    "entropy": entropy,
    "least_confidence": least_confidence,
    "margin": margin,
    "random": random,
    "under_represented": under_represented,
}
