"""Information density: unsure, and like much of the traffic, so that no outlier is asked about for its own sake.

Settles & Craven, An Analysis of Active Learning Strategies for Sequence Labeling Tasks, EMNLP 2008 (beta = 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene
from trueup.selection.second_look import Candidates
from trueup.selection.strategies import margin

LOOK = 8.0


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:
    """The margin, in [0, 1]."""
    return margin.score(probabilities, scene, rng)


def again(candidates: Candidates) -> NDArray[np.float64]:
    """Times how alike they are to a uniform sample of the window on average, in [0, 1]."""
    own, sample = candidates.beside_sample()
    if not len(sample):
        return candidates.scores
    squares = (own * own).sum(axis=1)[:, None] + (sample * sample).sum(axis=1) - 2 * own @ sample.T
    apart = np.sqrt(np.maximum(squares, 0.0))
    alike = np.exp(-apart / (float(np.median(apart)) or 1.0)).mean(axis=1)
    return np.asarray(candidates.scores * alike / alike.max(), dtype=np.float64)
