"""The table of selection strategies: one file each, one line here.

A strategy scores predictions; a higher score is more worth asking about. `probabilities` is float64[n, k], one
row per prediction, rows padded with zeros where a model knows fewer classes; the scene is what else is known; the
answer is float64[n] in [0, 1].

A strategy may look a second time, at candidates alone, `LOOK` times as many as are wanted: `again` scores them by
what would be too dear to know of all predictions. What it gives 0 is not asked about."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.model import AUDIT as AUDIT
from trueup.selection.scene import Scene
from trueup.selection.second_look import Candidates
from trueup.selection.strategies import (
    bald,
    conformal,
    density,
    disagreement,
    entropy,
    least_confidence,
    margin,
    novelty,
    random,
    under_represented,
)


class Strategy(Protocol):
    """A module with this function is a strategy."""

    def score(
        self, probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator
    ) -> NDArray[np.float64]: ...


class SecondLook(Strategy, Protocol):
    """A strategy that looks twice."""

    LOOK: float

    def again(self, candidates: Candidates) -> NDArray[np.float64]: ...


# The reasons of what is chosen because of what somebody said later: see trueup.selection.contradiction.
FEEDBACK = ("override", "truth")

# These look at nothing but the probabilities of a prediction.
ALONE = ("entropy", "least_confidence", "margin")

# It needs to know where labels lie, which costs to learn.
NOVELTY = "novelty"

# These need no labels to have been known.
UNTAUGHT = (*ALONE, "bald", "density", "disagreement", "random")

STRATEGIES: dict[str, Strategy] = {
    "bald": bald,
    "conformal": conformal,
    "density": density,
    "disagreement": disagreement,
    "entropy": entropy,
    "least_confidence": least_confidence,
    "margin": margin,
    NOVELTY: novelty,
    "random": random,
    "under_represented": under_represented,
}

SECOND_LOOKS: dict[str, SecondLook] = {
    "density": density,
    "disagreement": disagreement,
    NOVELTY: novelty,
}
