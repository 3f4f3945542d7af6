"""The best of a stream, in bounded memory.

A window may be a file of any size. Of its predictions only those are kept that may still be chosen: a pool keeps the
`most` with the highest keys, and no more than `most_bytes` of them, whatever the order in which they come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Entry(msgspec.Struct, Generic[T], frozen=True, kw_only=True, gc=False):
    """Something with its key and a tie-breaker, of which the lower one wins; `position` counts the stream."""

    key: float
    tie: float
    position: int
    size: int
    thing: T


class Pool(msgspec.Struct, Generic[T]):
    """The entries with the highest keys so far."""

    most: int
    most_bytes: int
    _entries: list[Entry[T]] = msgspec.field(default_factory=list)
    _bytes: int = 0
    _floor: tuple[float, float] = (-math.inf, math.inf)
    _keys: NDArray[np.float64] = msgspec.field(default_factory=lambda: np.empty(0))

    def wants(self, keys: NDArray[np.float64], ties: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which of some predictions are among the best so far: their indices. At most `most`."""
        if not self.most:
            return np.empty(0, dtype=np.int64)
        floor, tie = self._floor
        (found,) = np.nonzero((keys > floor) | ((keys == floor) & (ties < tie)))
        if len(found) > self.most:
            found = found[np.lexsort((ties[found], -keys[found]))[: self.most]]
        return self._among_all(found, keys)

    def _among_all(self, found: NDArray[np.int64], keys: NDArray[np.float64]) -> NDArray[np.int64]:
        """Those of the found whose keys are among the `most` highest of all so far: to keep one costs more than to
        look at many."""
        spare = len(self._keys) + len(found) - self.most
        if spare <= 0 or not len(found):
            return found
        lowest = np.partition(np.concatenate([self._keys, keys[found]]), spare)[spare]
        if lowest > self._floor[0]:
            self._floor = (float(lowest), math.inf)
        chosen: NDArray[np.int64] = found[keys[found] >= lowest]
        return chosen

    def add(self, entries: Sequence[Entry[T]]) -> None:
        if not entries:
            return
        self._entries += entries
        self._keys = np.concatenate((self._keys, [each.key for each in entries]))
        self._bytes += sum(each.size for each in entries)
        if len(self._entries) > 2 * self.most or self._bytes > 2 * self.most_bytes:
            self._prune()

    def best(self) -> list[Entry[T]]:
        """Highest key first."""
        self._prune()
        return list(self._entries)

    def _prune(self) -> None:
        """What lies under the floor from now on could never be among the best again."""
        order = np.lexsort((np.array([each.tie for each in self._entries]), -self._keys))
        kept: list[Entry[T]] = []
        self._bytes = 0
        for each in map(self._entries.__getitem__, order[: self.most].tolist()):
            if kept and self._bytes + each.size > self.most_bytes:
                break
            kept.append(each)
            self._bytes += each.size
        if kept and (len(kept) == self.most or len(kept) < len(self._entries)):
            self._floor = (kept[-1].key, kept[-1].tie)
        self._keys = self._keys[order[: len(kept)]]
        self._entries = kept
