"""Probabilities that mean what they say: one temperature, fitted on labels.

Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks (ICML 2017): with p the model's probabilities,
those of p ** (1 / T), normalised, keep their order and are the likeliest to have produced the labels at one T. Here
each label counts with one over its propensity, since what was labelled is no uniform sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.model import Judged

ENOUGH = 50
LOWEST, HIGHEST = 0.25, 10.0
_SMALLEST = 1e-12
_ROUNDS = 60
_GOLDEN = (math.sqrt(5) - 1) / 2


def temperature(judged: Sequence[Judged]) -> float:
    """Between LOWEST and HIGHEST; above 1 where the model is surer than it is right. 1 while fewer than ENOUGH
    predictions were judged. Found by golden-section search on log T, in which the loss is convex."""
    if len(judged) < ENOUGH:
        return 1.0
    width = max(len(each.others) for each in judged) + 1
    chances = np.full((len(judged), width), 0.0)
    for row, each in enumerate(judged):
        chances[row, 0] = each.chance
        chances[row, 1 : 1 + len(each.others)] = each.others
    logs = np.where(chances > 0, np.log(np.maximum(chances, _SMALLEST)), -np.inf)
    logs[:, 0] = np.log(np.maximum(chances[:, 0], _SMALLEST))
    weights = np.array([each.weight for each in judged])
    low, high = math.log(LOWEST), math.log(HIGHEST)
    for _ in range(_ROUNDS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _loss(logs, weights, left) <= _loss(logs, weights, right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def tempered(probabilities: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    """The same rows, float64[n, k], at a temperature: order kept, sums 1."""
    if at == 1.0:
        return probabilities
    powers = probabilities ** (1.0 / at)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def _loss(logs: NDArray[np.float64], weights: NDArray[np.float64], log_temperature: float) -> float:
    """Weighted mean of the negative logarithm of what the truth, in the first column, is given."""
    scaled = logs / math.exp(log_temperature)
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float(np.average(total - scaled[:, 0], weights=weights))
