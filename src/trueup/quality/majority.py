"""Majority: the share of votes with a part of a vote spread over the classes, so that few votes are never sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats
from trueup.quality.skills import confusion_of

_SPREAD = 0.25


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],  # noqa: ARG001 - every voter counts the same
    prediction: Floats | None = None,  # noqa: ARG001 - people alone decide
) -> Floats:
    """Dirichlet-smoothed vote shares. A tie stays a tie: equal posteriors, and so never a sure label."""
    position = {name: index for index, name in enumerate(classes)}
    votes = np.full(len(classes), _SPREAD / len(classes))
    for _, label in labels:
        votes[position[label]] += 1.0
    return np.asarray(votes / votes.sum(), dtype=np.float64)


def fit(answers: Answers) -> Fit:
    """The shares of every sample, and what they say of the annotators."""
    votes = answers.add_up() + _SPREAD / max(1, len(answers.classes))
    shares = np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float64)
    return Fit(shares, confusion_of(answers, shares))
