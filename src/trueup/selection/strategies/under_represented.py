"""Predicted classes, and slices of the traffic, of which few labels are known: what the dataset lacks, however sure the
model is of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.selection.scene import Scene


def score(probabilities: NDArray[np.float64], scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:  # noqa: ARG001
    """1 / (1 + labels), in (0, 1], of the predicted class or of the slice, of which there are fewer."""
    found = _rarity(scene.names, scene.knowledge.labelled)[scene.which]
    if scene.slices is None:
        return found
    names, which = scene.slices
    return np.maximum(found, _rarity(names, scene.knowledge.labelled_slices)[which])


def _rarity(names: Sequence[str], labelled: Mapping[str, int]) -> NDArray[np.float64]:
    labels = np.array([labelled.get(each, 0) for each in names], dtype=np.float64)
    return np.asarray(1.0 / (1.0 + labels), dtype=np.float64)
