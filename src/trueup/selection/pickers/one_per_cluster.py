"""One of each kind: the candidates are clustered into as many groups as are wanted, and the best of each is picked.

Zhdanov, Diverse mini-batch active learning (2019): k-means weighted by the score, over the best few times as many as
are wanted. Seeded by k-means++ (Arthur & Vassilvitskii, 2007). O(n * count * d) a round.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH = 4.0
_ROUNDS = 10


def pick(scores: NDArray[np.float64], vectors: NDArray[np.float32], count: int, rng: np.random.Generator) -> list[int]:
    count = min(count, len(scores))
    if count <= 0:
        return []
    weights = scores - min(0.0, float(scores.min())) + 1e-9
    groups = _clusters(vectors.astype(np.float64), weights, count, rng)
    best: dict[int, int] = {}
    for index in np.argsort(-scores, kind="stable").tolist():
        best.setdefault(int(groups[index]), index)
    picked = sorted(best.values(), key=lambda index: (-scores[index], index))
    # Equal vectors leave clusters empty: then the score alone decides.
    left = (index for index in np.argsort(-scores, kind="stable").tolist() if index not in set(picked))
    return [*picked, *(next(left) for _ in range(count - len(picked)))]


def _clusters(
    vectors: NDArray[np.float64], weights: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The cluster of each: int64[n]."""
    centers = _seeds(vectors, weights, count, rng)
    groups = _nearest(vectors, centers)
    for _ in range(_ROUNDS):
        before = groups
        mass = np.bincount(groups, weights, minlength=count)
        for axis in range(vectors.shape[1]):
            sums = np.bincount(groups, weights * vectors[:, axis], minlength=count)
            centers[:, axis] = np.where(mass > 0, sums / np.where(mass > 0, mass, 1.0), centers[:, axis])
        groups = _nearest(vectors, centers)
        if np.array_equal(groups, before):
            break
    return groups


def _seeds(
    vectors: NDArray[np.float64], weights: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    chosen = [int(rng.choice(len(vectors), p=weights / weights.sum()))]
    distances = ((vectors - vectors[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        chances = distances * weights
        total = chances.sum()
        uniform = np.full(len(vectors), 1 / len(vectors))
        chosen.append(int(rng.choice(len(vectors), p=chances / total if total > 0 else uniform)))
        distances = np.minimum(distances, ((vectors - vectors[chosen[-1]]) ** 2).sum(axis=1))
    return vectors[chosen].copy()


def _nearest(vectors: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.int64]:
    squares = (centers**2).sum(axis=1)[None, :] - 2 * vectors @ centers.T
    return np.asarray(squares.argmin(axis=1), dtype=np.int64)
