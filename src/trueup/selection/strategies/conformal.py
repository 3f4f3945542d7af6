"""Conformal prediction sets: ask where the set that holds the truth at the wanted error rate is not a single class.

Split conformal prediction (Papadopoulos et al., 2002; LAC: Sadinle, Lei & Wasserman, 2019). What labels judged is no
uniform sample of the traffic, so each counts with one over its propensity (weighted conformal: Tibshirani et al.,
2019). A class is in the set where the model gives it at least `threshold`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.model import Judged
from trueup.selection.scene import Scene
from trueup.selection.strategies import margin


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:
    """In [0, 1]: above one half where the set is empty or holds several classes, within each half by margin."""
    sizes = (probabilities >= threshold(scene.knowledge.judged, scene.error_rate)).sum(axis=1)
    return np.asarray((np.where(sizes == 1, 0.0, 1.0) + margin.score(probabilities, scene, rng)) / 2, dtype=np.float64)


def threshold(judged: Sequence[Judged], error_rate: float) -> float:
    """The probability that the truth of a new prediction reaches with a chance of 1 - error_rate at least. 0 while too
    little was judged to tell: then every set holds all classes."""
    if not judged:
        return 0.0
    chances = np.array([each.chance for each in judged])
    weights = np.array([each.weight for each in judged])
    order = np.argsort(chances, kind="stable")
    # The new prediction may be worse than all: it stands below the lowest, with the weight of the heaviest.
    below = (np.cumsum(weights[order]) + weights.max()) / (weights.sum() + weights.max())
    place = int(np.searchsorted(below, error_rate, side="right"))
    return float(chances[order][place - 1]) if place else 0.0
