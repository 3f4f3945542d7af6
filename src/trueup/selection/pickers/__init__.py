"""The table of pickers: one file each, one line here.

Strategies say how worth asking about each prediction is by itself; a picker says which of the best ones together, so
that a window's labels do not all teach the same. It is given scores float64[n], falling, and vectors float32[n, d], and
returns `count` distinct indices, most wanted first.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.selection.pickers import facility_location, k_center, one_per_cluster, top


class Picker(Protocol):
    """A module with these is a picker. `REACH` times as many candidates as are wanted are given to it."""

    REACH: float

    def pick(
        self, scores: NDArray[np.float64], vectors: NDArray[np.float32], count: int, rng: np.random.Generator
    ) -> list[int]: ...


PICKERS: dict[str, Picker] = {
    "facility_location": facility_location,
    "k_center": k_center,
    "one_per_cluster": one_per_cluster,
    "top": top,
}
