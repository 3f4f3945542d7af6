"""The highest scores, however alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH = 1.0


def pick(
    scores: NDArray[np.float64],
    vectors: NDArray[np.float32],  # noqa: ARG001
    count: int,
    rng: np.random.Generator,  # noqa: ARG001
) -> list[int]:
    return list(range(min(count, len(scores))))
