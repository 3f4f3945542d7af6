"""Novelty: far from everything that has a label, however sure the model is of it.

The distance to the nearest labelled input, as in core-set selection (Sener & Savarese, ICLR 2018) and
k-nearest-neighbour detection of what lies outside of the training data (Sun et al., ICML 2022)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.places import distances
from trueup.selection.scene import Scene
from trueup.selection.second_look import Candidates

# Nothing in a model's answer tells of novelty: of a uniform sample, the farthest are asked about.
LOOK = 30.0


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """A draw of whom to look at: uniform in [0, 1)."""
    return rng.random(len(probabilities))


def again(candidates: Candidates) -> NDArray[np.float64]:
    """d / (1 + d) of the distance to the nearest label, as a share of what is typical between labels: one half
    there, in [0, 1]. While too few labels are known to tell, all are new; an input that is no numbers cannot be
    told to be."""
    found = distances(candidates.knowledge.places, candidates.seen.inputs)
    if found is None:
        return np.ones(len(candidates.scores))
    return np.nan_to_num(found / (1.0 + found), nan=0.0)
