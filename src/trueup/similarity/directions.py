"""Random directions that are the same everywhere and for ever."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=4)
def signs(length: int, dimensions: int) -> NDArray[np.float64]:
    """float64[length, dimensions] of -1 and 1, at most 64 dimensions. Of raw bits, which numpy promises to be the
    same in all its versions."""
    words = np.atleast_1d(np.random.PCG64(length).random_raw(length)).astype(np.uint64)
    bits = (words[:, None] >> np.arange(dimensions, dtype=np.uint64)) & np.uint64(1)
    return np.asarray(2.0 * bits - 1.0, dtype=np.float64)
