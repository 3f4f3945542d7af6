"""Frozen test sets: what must never be trained on again, whatever becomes of the dataset.

A set holds 8 bytes of a hash for each sample and for each group of them, and their fingerprints, each sorted. Something
else is taken for a member with a probability of its size in 2**64 (one in 18 million million for a million members); it
goes into the test split then, which harms nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trueup.dataset.groups import Keys, key_of, print_of
from trueup.errors import IntegrityError
from trueup.model import FrozenTest, LabelledSample
from trueup.similarity.near_duplicates import Neighbours


@dataclass(frozen=True)
class Members:
    """What a frozen test set covers: sorted uint64 each."""

    samples: Keys
    groups: Keys
    prints: Keys

    @classmethod
    def of(cls, lines: Iterable[LabelledSample]) -> Members:
        """Those of lines in the test split."""
        chosen = [each for each in lines if each.split == "test"]
        prints = [found for each in chosen if (found := print_of(each)) is not None]
        return cls(
            np.unique(np.array([key_of(each.sample_id) for each in chosen], dtype=np.uint64)),
            np.unique(np.array([key_of(each.group) for each in chosen], dtype=np.uint64)),
            np.unique(np.array(prints, dtype=np.uint64)),
        )

    def without(self, keys: Keys) -> Members:
        """Without some samples, groups and fingerprints, of others too that share them."""
        return Members(*(np.setdiff1d(each, keys) for each in (self.samples, self.groups, self.prints)))

    def encoded(self) -> bytes:
        """Little-endian: the three lengths, then each array."""
        arrays = (self.samples, self.groups, self.prints)
        sizes = np.array([len(each) for each in arrays], dtype="<u8")
        return b"".join(each.astype("<u8").tobytes() for each in (sizes, *arrays))

    @classmethod
    def decoded(cls, data: bytes) -> Members:
        """Raises IntegrityError when there are more or fewer bytes than it says."""
        if len(data) % 8 or len(data) < 24:
            raise IntegrityError("a frozen test set is cut")
        numbers = np.frombuffer(data, dtype="<u8")
        sizes, rest = numbers[:3], numbers[3:]
        if int(sizes.sum()) != len(rest):
            raise IntegrityError("a frozen test set is cut")
        first, second = int(sizes[0]), int(sizes[0] + sizes[1])
        return cls(rest[:first], rest[first:second], rest[second:])


@dataclass(frozen=True)
class Frozen:
    """A frozen test set with what it covers."""

    record: FrozenTest
    members: Members

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.members.prints)

    def holds(self, samples: Keys) -> NDArray[np.bool_]:
        """Which of these samples it is made of."""
        return _within(self.members.samples, samples)

    def near(self, prints: Keys) -> NDArray[np.bool_]:
        """Which fingerprints hardly differ from one of its own."""
        unique, places = np.unique(prints, return_inverse=True)
        found = np.zeros(len(unique), dtype=bool)
        for ones, _ in self._neighbours.pairs(unique):
            found[ones] = True
        return np.asarray(found[places], dtype=bool)

    def covers(self, lines: Sequence[LabelledSample], *, near: bool) -> NDArray[np.bool_]:
        """Which lines belong to it: one of its samples, of a group of theirs, or hardly different from one."""
        found = self.holds(np.array([key_of(each.sample_id) for each in lines], dtype=np.uint64))
        found |= _within(self.members.groups, np.array([key_of(each.group) for each in lines], dtype=np.uint64))
        printed = [place for place, each in enumerate(lines) if each.fingerprint is not None] if near else []
        if printed:
            prints = np.array([int(lines[place].fingerprint or "0", 16) for place in printed], dtype=np.uint64)
            found[printed] |= self.near(prints)
        return found

    def has_groups(self, keys: Keys) -> NDArray[np.bool_]:
        return _within(self.members.groups, keys)


def read_frozen(records: Sequence[FrozenTest], fetch: Callable[[str], bytes]) -> tuple[Frozen, ...]:
    return tuple(Frozen(each, Members.decoded(fetch(each.sha256))) for each in records)


def _within(known: Keys, keys: Keys) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(keys), dtype=bool)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[places] == keys, dtype=bool)
