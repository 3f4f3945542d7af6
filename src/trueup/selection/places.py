"""Where labelled inputs lie, in a form that is small and means the same to everybody who looks.

Inputs as numbers are standardised by what was labelled first, and thrown by random signs into DIMENSIONS
dimensions, which keeps distances (Achlioptas, Database-friendly random projections, 2003; the signs follow from the
number of numbers). Of many points those that lie far from each other are kept, so that what is dense costs no more
than what is sparse."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from trueup.model import Places
from trueup.similarity.directions import signs
from trueup.similarity.features import Vector

DIMENSIONS = 32
MOST_POINTS = 300
# Above so many numbers, as of images, they are all of one kind: one centre and one spread do.
_MOST_SPREADS = 256
_FEWEST = 5
_STEP = 1 / 16


def learned_places(before: Places, inputs: Sequence[Vector | None]) -> Places:
    """With some more inputs that have labels. Those of another length than the first are left out."""
    known = [each for each in inputs if each is not None and (not before.length or len(each) == before.length)]
    if not before.length:
        known = _of_one_length(known)
        if len(known) < _FEWEST:
            return before
        before = _measured(np.array(known, dtype=np.float64))
    if not known:
        return before
    points = _thinned(np.concatenate([_points(before), _thrown(before, np.array(known))]))
    return replace(before, points=base64.b64encode(points.tobytes()).decode(), typical=_typical(points))


def distances(places: Places, inputs: Sequence[Vector | None]) -> NDArray[np.float64] | None:
    """Of each input to the nearest that has a label, as shares of the typical distance between these: float64[n], NaN
    where it cannot be told. None while too few labels are known."""
    if not places.typical:
        return None
    found = np.full(len(inputs), np.nan)
    which = [index for index, each in enumerate(inputs) if each is not None and len(each) == places.length]
    if which:
        thrown = _thrown(places, np.array([inputs[index] for index in which]))
        found[which] = _apart(thrown, _points(places)).min(axis=1) / places.typical
    return found


def _of_one_length(inputs: list[Vector]) -> list[Vector]:
    return [each for each in inputs if len(each) == len(inputs[0])] if inputs else []


def _measured(vectors: NDArray[np.float64]) -> Places:
    vectors = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
    whole = vectors.shape[1] > _MOST_SPREADS
    centre, spread = vectors.mean(axis=None if whole else 0), vectors.std(axis=None if whole else 0)
    spread = np.where(spread > 0, spread, 1.0)
    return Places(
        length=vectors.shape[1],
        centre=tuple(float(f"{each:.6g}") for each in np.atleast_1d(centre)),
        spread=tuple(float(f"{each:.6g}") for each in np.atleast_1d(spread)),
    )


def _thrown(places: Places, vectors: NDArray[np.float64]) -> NDArray[np.int8]:
    standard = (np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0) - places.centre) / places.spread
    found = standard @ signs(places.length, DIMENSIONS) / np.sqrt(places.length)
    return np.asarray(np.clip(np.rint(found / _STEP), -127, 127), dtype=np.int8)


def _points(places: Places) -> NDArray[np.int8]:
    return np.frombuffer(base64.b64decode(places.points), dtype=np.int8).reshape(-1, DIMENSIONS)


def _apart(one: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.float64]:
    """Distances: float64[n, m]."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)), dtype=np.float64)


def _thinned(points: NDArray[np.int8]) -> NDArray[np.int8]:
    """Without the closer ones of those that are too many."""
    points = np.unique(points, axis=0)
    if len(points) <= MOST_POINTS:
        return points
    kept, nearest = [0], _apart(points, points[:1])[:, 0]
    while len(kept) < MOST_POINTS:
        kept.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _apart(points, points[kept[-1:]])[:, 0])
    return points[sorted(kept)]


def _typical(points: NDArray[np.int8]) -> float:
    if len(points) < 2:
        return 0.0
    apart = _apart(points, points)
    np.fill_diagonal(apart, np.inf)
    return round(float(np.median(apart.min(axis=1))), 4)
