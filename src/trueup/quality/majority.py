"""Majority: the share of votes with one pseudo-vote spread over the classes, so that few votes are never sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.model import AnnotatorSkill


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],  # noqa: ARG001 - every voter counts the same
) -> NDArray[np.float64]:
    """Dirichlet-smoothed vote shares. A tie stays a tie: equal posteriors, and so never a sure label."""
    position = {name: index for index, name in enumerate(classes)}
    votes = np.full(len(classes), 1.0 / len(classes) / 4)
    for _, label in labels:
        votes[position[label]] += 1.0
    return np.asarray(votes / votes.sum(), dtype=np.float64)
