"""Far from each other: the next is always that whose score times its distance to the nearest one picked is greatest.

Greedy k-center (Gonzalez, 1985; as core-set active learning, Sener & Savarese, ICLR 2018), weighted by the score, so
that what is far but sure does not win. O(n * count * d).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH = 4.0
_LITTLE = 0.05


def pick(
    scores: NDArray[np.float64],
    vectors: NDArray[np.float32],
    count: int,
    rng: np.random.Generator,  # noqa: ARG001
) -> list[int]:
    if count <= 0 or not len(scores):
        return []
    weights = scores - min(0.0, float(scores.min()))
    picked = [int(weights.argmax())]
    squares = np.einsum("ij,ij->i", vectors, vectors)
    distances = _distances(vectors, squares, picked[0])
    # What is the same as something picked is worth a little still, or what is sure would be asked about in its place.
    little = _LITTLE * float(distances.mean()) + 1e-9
    while len(picked) < min(count, len(scores)):
        gains = (distances + little) * weights
        gains[picked] = -1.0
        picked.append(int(gains.argmax()))
        distances = np.minimum(distances, _distances(vectors, squares, picked[-1]))
    return picked


def _distances(vectors: NDArray[np.float32], squares: NDArray[np.float32], index: int) -> NDArray[np.float64]:
    """Of each to one of them, by its scalar products, which is several times as fast as by differences."""
    found = squares + squares[index] - 2 * (vectors @ vectors[index])
    found[index] = 0.0
    return np.asarray(np.sqrt(np.maximum(found, 0.0)), dtype=np.float64)
