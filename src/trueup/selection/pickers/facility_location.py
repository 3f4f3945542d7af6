"""Stand-ins for all: each next one is that which represents the candidates best, the doubtful ones counting most.

Greedy facility location (Cornuéjols, Fisher & Nemhauser, 1977; for active learning, Wei, Iyer & Bilmes, ICML 2015),
within 1 - 1/e of the best choice. Likeness falls with distance as a Gaussian as wide as the median distance.
O(n * n * count), n being bounded by the draw.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH = 4.0


def pick(
    scores: NDArray[np.float64],
    vectors: NDArray[np.float32],
    count: int,
    rng: np.random.Generator,  # noqa: ARG001
) -> list[int]:
    if count <= 0 or not len(scores):
        return []
    weights = scores - min(0.0, float(scores.min())) + 1e-9
    likeness = _likeness(vectors.astype(np.float64)) * weights[:, None]
    covered = np.zeros(len(scores))
    picked: list[int] = []
    while len(picked) < min(count, len(scores)):
        gains = np.maximum(likeness - covered[:, None], 0.0).sum(axis=0)
        # What adds nothing to the others still teaches by itself.
        gains += 1e-6 * weights
        gains[picked] = -1.0
        picked.append(int(gains.argmax()))
        covered = np.maximum(covered, likeness[:, picked[-1]])
    return picked


def _likeness(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each to each, in (0, 1]: float64[n, n]."""
    squares = (vectors**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T, 0.0)
    width = float(np.median(distances))
    return np.asarray(np.exp(-distances / width) if width > 0 else np.ones_like(distances), dtype=np.float64)
