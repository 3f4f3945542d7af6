"""Masks: which pixels belong to it, and how well each annotator outlines.

STAPLE: annotators have a sensitivity and a specificity, pixels are in or out (S. K. Warfield, K. H. Zou and W. M.
Wells, "Simultaneous Truth and Performance Level Estimation (STAPLE): an algorithm for the validation of image
segmentation", IEEE Transactions on Medical Imaging 23(7), 2004). Pixels that the same annotators marked are one
pattern: an iteration costs as many steps as there are patterns, whatever the size of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.quality.answers import Floats

_MOST_ANNOTATORS = 62
_ITERATIONS = 200
_CONVERGED = 1e-7
# A new annotator marks 9 in 10 of the pixels that belong, and 1 in 100 of the others, as firmly as 10 of each show.
_SENSITIVITY, _SPECIFICITY, _STRENGTH = 0.9, 0.99, 10.0


@dataclass(frozen=True)
class MaskFit:
    """`posterior` has the masks' shape: how likely each pixel belongs. `sensitivity` and `specificity` are
    float64[annotators]: shares of the pixels inside and outside that an annotator put where they belong."""

    posterior: Floats
    sensitivity: Floats
    specificity: Floats


def staple(masks: NDArray[Any], share: float | None = None) -> MaskFit:
    """From masks [annotators, …], non-zero where marked. `share` is what part of the pixels belongs, before anybody
    marked them; None takes the mean of what was marked. Raises ValueError for no mask, or more than 62."""
    people = len(masks)
    if not 1 <= people <= _MOST_ANNOTATORS:
        raise ValueError(f"STAPLE takes 1 to {_MOST_ANNOTATORS} masks, got {people}")
    marked = (np.asarray(masks) != 0).reshape(people, -1)
    codes = np.zeros(marked.shape[1], dtype=np.int64)
    for each in marked:
        codes = codes * 2 + each
    patterns, pattern_of, pixels = np.unique(codes, return_inverse=True, return_counts=True)
    votes = ((patterns[:, None] >> np.arange(people - 1, -1, -1)) & 1).astype(np.float64)
    prior = float(pixels @ votes.mean(axis=1) / max(1, pixels.sum())) if share is None else share
    inside, sensitivity, specificity = _fit(votes, pixels.astype(np.float64), prior)
    return MaskFit(inside[pattern_of].reshape(np.asarray(masks).shape[1:]), sensitivity, specificity)


def _fit(votes: Floats, pixels: Floats, share: float) -> tuple[Floats, Floats, Floats]:
    """Posterior of each pattern, from its votes float64[patterns, annotators] and number of pixels."""
    people = votes.shape[1]
    sensitivity, specificity = np.full(people, _SENSITIVITY), np.full(people, _SPECIFICITY)
    odds = np.log(max(share, 1e-12)) - np.log(max(1 - share, 1e-12))
    inside = np.zeros(len(votes))
    for _ in range(_ITERATIONS):
        yes = np.log(sensitivity) - np.log(1 - specificity)
        no = np.log(1 - sensitivity) - np.log(specificity)
        before, inside = inside, 1 / (1 + np.exp(-np.clip(odds + votes @ yes + (1 - votes) @ no, -500, 500)))
        into, out = pixels * inside, pixels * (1 - inside)
        sensitivity = (into @ votes + _SENSITIVITY * _STRENGTH) / (into.sum() + _STRENGTH)
        specificity = (out @ (1 - votes) + _SPECIFICITY * _STRENGTH) / (out.sum() + _STRENGTH)
        if np.abs(inside - before).max(initial=0.0) < _CONVERGED:
            break
    return inside, sensitivity, specificity
