"""Accuracy in production from labels that were not drawn evenly.

Each label weighs the inverse of the probability with which its sample was chosen (Horvitz & Thompson, 1952),
normalised by the sum of the weights (Hájek, 1971): a ratio estimator, consistent and much steadier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trueup.model import Record

_Z90 = 1.6448536269514722


class Outcome(Record, frozen=True, kw_only=True):
    """Whether the model was right on a sample that was chosen with probability `propensity` (0, 1]."""

    right: bool
    propensity: float


class Estimate(Record, frozen=True, kw_only=True):
    """`effective` is Kish's effective sample size: how many even draws would say as much."""

    value: float
    low: float
    high: float
    effective: float


def accuracy(outcomes: Sequence[Outcome]) -> Estimate | None:
    """Hájek estimate with a 90 % interval by linearisation; None without outcomes of positive propensity."""
    usable = [each for each in outcomes if each.propensity > 0]
    if not usable:
        return None
    weights = [1 / each.propensity for each in usable]
    total = math.fsum(weights)
    value = math.fsum(weight for weight, each in zip(weights, usable, strict=True) if each.right) / total
    residuals = (weight * (each.right - value) for weight, each in zip(weights, usable, strict=True))
    spread = _Z90 * math.sqrt(math.fsum(each * each for each in residuals)) / total
    effective = total**2 / math.fsum(each * each for each in weights)
    return Estimate(value=value, low=max(0.0, value - spread), high=min(1.0, value + spread), effective=effective)
