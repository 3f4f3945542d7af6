"""A mergeable sketch of scores: how many lie where, fine at both ends, whatever their distribution.

As in DDSketch (Masson, Rim & Lee, VLDB 2019) the bins grow geometrically, but by the odds s / (1 - s) of a score, so
that those near one, where a model is least sure, are told apart as well as those near zero. Every quantile is known
within RELATIVE_ERROR of its odds. Sketches of any parts of a stream add up to the sketch of the whole, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.model import Sketch

RELATIVE_ERROR = 0.05
# Odds below this, and above its inverse, share one bin.
SMALLEST = 1e-6
_STEP = 2 * math.log1p(RELATIVE_ERROR)
_HALF = math.ceil(-math.log(SMALLEST) / _STEP)
BINS = 2 * _HALF + 1
_NONE: NDArray[np.int64] = np.empty((0, BINS), dtype=np.int64)


def bins(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each score in [0, 1]: int64[n]."""
    inside = np.minimum(np.maximum(scores, SMALLEST), 1.0 - SMALLEST)
    odds = np.log(inside / (1.0 - inside))
    odds /= _STEP
    places = np.rint(odds, out=odds).astype(np.int64)
    places += _HALF
    np.maximum(places, 0, out=places)
    return np.minimum(places, BINS - 1, out=places)


def sketch_of(counts: NDArray[np.int64]) -> Sketch:
    """The sketch of counts by bin: int64[BINS]."""
    (there,) = np.nonzero(counts)
    return Sketch(bins=tuple(there.tolist()), counts=tuple(counts[there].tolist()))


def merged(sketches: Iterable[Sketch]) -> Sketch:
    return sketch_of(_counts(sketches))


def total(sketch: Sketch) -> int:
    return sum(sketch.counts)


def quantile(sketch: Sketch, share: float) -> float:
    """The score that `share` of all lie under, within RELATIVE_ERROR of its odds; 0.0 of an empty sketch."""
    counts = _counts([sketch])
    if not counts.any():
        return 0.0
    rank = share * (counts.sum() - 1)
    place = int(np.searchsorted(np.cumsum(counts), rank, side="right"))
    return _score(min(place, BINS - 1))


def share_above(part: Sketch, whole: Sketch, share: float) -> float:
    """Which share of `part` lies above the score that `share` of `whole` lies above. Of the bin in which that score
    is, both give the same fraction, so that over all parts of a whole the mean is `share` exactly."""
    parts, counts = _counts([part])[::-1], _counts([whole])[::-1]
    if not parts.any() or not counts.any():
        return 0.0
    wanted = share * counts.sum()
    place = min(int(np.searchsorted(np.cumsum(counts), wanted)), BINS - 1)
    fraction = (wanted - counts[:place].sum()) / counts[place] if counts[place] else 0.0
    return float((parts[:place].sum() + min(1.0, fraction) * parts[place]) / parts.sum())


def indexed(names: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The different names, and which of them each is: int64[n]."""
    there = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return list(there), np.array([there[each] for each in names], dtype=np.int64)


class Tallies(msgspec.Struct):
    """Sketches by name: `most` names, what comes after them under `others`."""

    most: int
    others: str
    _counts: dict[str, NDArray[np.int64]] = msgspec.field(default_factory=dict)
    _known: tuple[str, ...] = ()
    _names: Sequence[str] = ()
    _sums: NDArray[np.int64] = msgspec.field(default_factory=lambda: _NONE)

    def know(self, names: tuple[str, ...]) -> None:
        """These have a place whatever comes before them."""
        self._known = names

    def add(self, names: Sequence[str], which: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """Scores float64[n] of the names at the indices int64[n]."""
        flat = np.bincount(which * BINS + bins(scores), minlength=len(names) * BINS).reshape(len(names), BINS)
        if names != self._names:
            self._settle()
            self._names, self._sums = names, np.zeros_like(flat)
        self._sums += flat

    def _settle(self) -> None:
        """Give each name what was added up for all of them, since they are mostly the same again and again."""
        for index in np.flatnonzero(self._sums.any(axis=1)).tolist():
            self._place(self._names[index])[:] += self._sums[index]
        self._names, self._sums = (), _NONE

    def counts(self) -> dict[str, int]:
        """How many each name has, in the order of names."""
        self._settle()
        return {name: int(each.sum()) for name, each in sorted(self._counts.items())}

    def sketches(self) -> dict[str, Sketch]:
        self._settle()
        return {name: sketch_of(each) for name, each in sorted(self._counts.items())}

    def whole(self) -> Sketch:
        """Of all names together."""
        self._settle()
        return sketch_of(sum(self._counts.values(), np.zeros(BINS, dtype=np.int64)))

    def _place(self, name: str) -> NDArray[np.int64]:
        known = name in self._counts or name in self._known
        kept = name if known or len(self._counts) < self.most else self.others
        return self._counts.setdefault(kept, np.zeros(BINS, dtype=np.int64))


def _counts(sketches: Iterable[Sketch]) -> NDArray[np.int64]:
    counts = np.zeros(BINS, dtype=np.int64)
    for each in sketches:
        known = [(place, number) for place, number in zip(each.bins, each.counts, strict=True) if 0 <= place < BINS]
        for place, number in known:
            counts[place] += number
    return counts


def _score(place: int) -> float:
    """The score in the middle of a bin, as seen in odds."""
    if place in (0, BINS - 1):
        return 0.0 if place == 0 else 1.0
    return 1.0 / (1.0 + math.exp(-(place - _HALF) * _STEP))
