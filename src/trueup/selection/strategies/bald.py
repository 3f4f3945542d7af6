"""BALD: how much several passes over one input disagree, beyond what all of them doubt.

Mutual information of answer and model (Houlsby et al., Bayesian Active Learning for Classification and Preference
Learning, 2011; by dropout, Gal, Islam & Ghahramani, ICML 2017). A decoder finds it where a request's answer holds the
passes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """Mutual information over ln k, in [0, 1]; 0 where there was one pass only."""
    return np.zeros(len(probabilities)) if scene.information is None else scene.information
