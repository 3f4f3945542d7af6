"""Disagreement: another variant of the endpoint, in production or in shadow, says something else of the same request.

A committee's divergence from its mean (McCallum & Nigam, ICML 1998), here of two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.model import Prediction
from trueup.selection.scene import Scene
from trueup.selection.second_look import Candidates
from trueup.selection.strategies import margin

LOOK = 20.0
_LITTLE = 0.1


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:
    """A draw of whom to compare, in [0, 1]: the unsure ones more often, since there variants differ most, and the sure
    ones too (sampling with weights in one pass: Efraimidis & Spirakis, 2006)."""
    weights = margin.score(probabilities, scene, rng) + _LITTLE
    return np.asarray(rng.random(len(probabilities)) ** (1.0 / weights), dtype=np.float64)


def again(candidates: Candidates) -> NDArray[np.float64]:
    """What the variants disagree, in [0, 1]; 0, which is not asked about, where they name the same class."""
    return candidates.disagreements()


def divergence(one: Prediction, other: Prediction) -> float:
    """Jensen-Shannon divergence in bits, in [0, 1]: 0 where both name the same class, 1 where one of them gave a label
    alone."""
    if one.label == other.label:
        return 0.0
    if not one.probabilities or not other.probabilities:
        return 1.0
    names = list(dict.fromkeys((*one.classes, *other.classes)))
    left, right = _aligned(one, names), _aligned(other, names)
    mean = (left + right) / 2
    return float(np.clip(_entropy(mean) - (_entropy(left) + _entropy(right)) / 2, 0.0, 1.0))


def _aligned(prediction: Prediction, names: Sequence[str]) -> NDArray[np.float64]:
    """As a distribution over all names; what a partial one leaves out is one class more."""
    chances = dict(zip(prediction.classes, prediction.probabilities, strict=True))
    found = np.array([chances.get(each, 0.0) for each in names])
    return np.append(found, max(0.0, 1.0 - found.sum())) / max(1.0, float(found.sum()))


def _entropy(row: NDArray[np.float64]) -> float:
    inside = row[row > 0]
    return float(-(inside * np.log2(inside)).sum())
