"""How far polygons overlap, whatever their shape: concave ones, and those that cross themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.quality.answers import Floats

Points = Sequence[tuple[float, float]]
# Both are looked at on so many lines and columns of what they cover together: an error of about a hundredth.
_GRID = 128


def overlaps(one: Sequence[Points], other: Sequence[Points]) -> Floats:
    """Intersection over union of each pair, float64[one, other]. Pairs whose bounds lie apart cost nothing."""
    found = np.zeros((len(one), len(other)))
    first, second = [_bounds(each) for each in one], [_bounds(each) for each in other]
    for row, a in enumerate(first):
        for column, b in enumerate(second):
            if (np.maximum(a[0], b[0]) < np.minimum(a[1], b[1])).all():
                found[row, column] = _overlap(one[row], other[column], np.minimum(a[0], b[0]), np.maximum(a[1], b[1]))
    return found


def inside(points: Points, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Which of the places (x, y) a polygon encloses: those from which a ray crosses its edge an odd number of times."""
    found = np.zeros(x.shape, dtype=bool)
    corners = np.asarray(points, dtype=np.float64)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crossed = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        found ^= crossed
    return found


def _overlap(one: Points, other: Points, low: Floats, high: Floats) -> float:
    if tuple(one) == tuple(other):
        return 1.0
    steps = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(*(low[axis] + steps * (high[axis] - low[axis]) for axis in (0, 1)))
    first, second = inside(one, x, y), inside(other, x, y)
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 0.0


def _bounds(points: Points) -> tuple[Floats, Floats]:
    corners = np.asarray(points, dtype=np.float64)
    return corners.min(axis=0), corners.max(axis=0)
