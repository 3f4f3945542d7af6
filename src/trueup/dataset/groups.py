"""Where the groups of a version stand, and which fingerprints they have: what a commit asks before it places samples.

Groups and samples go by 8 bytes of a hash here. Two of a million groups have the same by chance once in 37 million
datasets; they would be put into one split together, which harms nothing.

A sample that is a group of its own and has no fingerprint is in no index: whoever has to know where it stands finds it
by the group's name, which is its own (`is_alone`). So the index of images without groups is empty.

An index is a sum of parts, of which a commit adds one with what it changed; parts are merged so that each is at least
twice as large as the next (a log-structured merge tree of tiering factor two), so a commit writes O(k log n) bytes in
the mean and reads the whole: 20 bytes a group and 20 a fingerprint. It follows from the version's content alone, and is
built anew from that where it is missing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trueup.dataset.splitting.stratified import ALL
from trueup.dataset.splitting.units import SPLITS
from trueup.errors import IntegrityError
from trueup.labels.naming import names_in
from trueup.model import GroupDocument, GroupPart, LabelledSample
from trueup.similarity.near_duplicates import Neighbours

Keys = NDArray[np.uint64]
Tallies = NDArray[np.int32]
_PLACE = {name: place for place, name in enumerate(SPLITS)}
_NO_KEYS: Keys = np.empty(0, dtype=np.uint64)


def key_of(name: str) -> int:
    """Of a group or a sample: 8 bytes of a hash."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def is_alone(line: LabelledSample) -> bool:
    """Whether it is a group of its own, unless others bear its name, and like nothing else."""
    return line.group == line.sample_id and line.fingerprint is None


def keys_of(lines: Iterable[LabelledSample]) -> set[int]:
    """What an index or a frozen test set may hold of lines: the keys of samples and groups, and fingerprints."""
    held = [(key_of(each.sample_id), key_of(each.group), print_of(each)) for each in lines]
    return {key for keys in held for key in keys if key is not None}


def speaks_of(data: bytes, keys: Keys) -> bool:
    """Whether one of some keys or fingerprints stands anywhere in a stored part or frozen test set. By chance it seems
    so once in 2**64 numbers."""
    words = (np.frombuffer(data[start : len(data) - (len(data) - start) % 8], dtype="<u8") for start in (0, 4))
    return any(bool(np.isin(each, keys).any()) for each in words)


def print_of(line: LabelledSample) -> int | None:
    return None if line.fingerprint is None else int(line.fingerprint, 16)


@dataclass(frozen=True)
class Part:
    """Numbers of samples that came, or went where they are negative: by group and split (uint64[n], int32[n, 3]), and
    by fingerprint and group (uint64[m] twice, int32[m]). Sorted, each once."""

    groups: Keys
    tallies: Tallies
    prints: Keys
    owners: Keys
    times: Tallies

    @classmethod
    def of(cls, gone: Iterable[LabelledSample], come: Iterable[LabelledSample]) -> Part:
        """Of all but those that are alone."""
        return cls._of([each for each in gone if not is_alone(each)], [each for each in come if not is_alone(each)])

    @classmethod
    def of_alone(cls, gone: Iterable[LabelledSample], come: Iterable[LabelledSample]) -> Part:
        """Of those that are alone, which no index holds."""
        return cls._of(filter(is_alone, gone), filter(is_alone, come))

    @classmethod
    def _of(cls, gone: Iterable[LabelledSample], come: Iterable[LabelledSample]) -> Part:
        groups: dict[int, list[int]] = {}
        prints: Counter[tuple[int, int]] = Counter()
        for sign, lines in ((-1, gone), (1, come)):
            for each in lines:
                key, found = key_of(each.group), print_of(each)
                groups.setdefault(key, [0, 0, 0])[_PLACE[each.split]] += sign
                if found is not None:
                    prints[found, key] += sign
        pairs = [(*pair, times) for pair, times in prints.items() if times]
        return _summed(
            np.array(list(groups), dtype=np.uint64),
            np.array(list(groups.values()), dtype=np.int32).reshape(-1, 3),
            np.array([each[0] for each in pairs], dtype=np.uint64),
            np.array([each[1] for each in pairs], dtype=np.uint64),
            np.array([each[2] for each in pairs], dtype=np.int32),
        )

    @classmethod
    def merged(cls, parts: Sequence[Part]) -> Part:
        return _summed(
            np.concatenate([_NO_KEYS, *(each.groups for each in parts)]),
            np.concatenate([np.empty((0, 3), dtype=np.int32), *(each.tallies for each in parts)]),
            np.concatenate([_NO_KEYS, *(each.prints for each in parts)]),
            np.concatenate([_NO_KEYS, *(each.owners for each in parts)]),
            np.concatenate([np.empty(0, dtype=np.int32), *(each.times for each in parts)]),
        )

    @property
    def rows(self) -> int:
        return len(self.groups) + len(self.prints)

    def once(self) -> Part:
        """Of samples that several tell of, each counted once."""
        return replace(self, tallies=np.minimum(self.tallies, 1))

    def tallies_of(self, keys: Keys) -> Tallies:
        """int32[k, 3] by group."""
        found = np.zeros((len(keys), 3), dtype=np.int32)
        if len(self.groups):
            places = np.minimum(np.searchsorted(self.groups, keys), len(self.groups) - 1)
            there = self.groups[places] == keys
            found[there] = self.tallies[places[there]]
        return found

    def encoded(self) -> bytes:
        """Little-endian: the two lengths, then each array."""
        sizes = np.array([len(self.groups), len(self.prints)], dtype="<u8")
        arrays = (self.groups, self.tallies, self.prints, self.owners, self.times)
        return b"".join(each.astype(each.dtype.newbyteorder("<")).tobytes() for each in (sizes, *arrays))

    @classmethod
    def decoded(cls, data: bytes) -> Part:
        """Raises IntegrityError when there are more or fewer bytes than it says."""
        groups, prints = (int(each) for each in np.frombuffer(data[:16].ljust(16, b"\0"), dtype="<u8"))
        if len(data) < 16 or len(data) != 16 + 20 * groups + 20 * prints:
            raise IntegrityError(f"a part of a group index of {len(data)} bytes is cut")
        kinds = (("<u8", groups), ("<i4", 3 * groups), ("<u8", prints), ("<u8", prints), ("<i4", prints))
        arrays, offset = [], 16
        for kind, length in kinds:
            arrays.append(np.frombuffer(data, dtype=kind, count=length, offset=offset))
            offset += arrays[-1].nbytes
        first, tallies, *rest = arrays
        return cls(first, tallies.reshape(-1, 3), *rest)


@dataclass(frozen=True)
class _Kept:
    """A part, and what it is stored as, once it is."""

    part: Part
    stored: GroupPart | None = None


class GroupIndex:
    """The parts of one version, and its samples by class and split."""

    def __init__(self, parts: Sequence[_Kept] = (), counts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._kept = tuple(parts)
        self.counts = counts or {}

    @classmethod
    def of(cls, lines: Iterable[LabelledSample]) -> GroupIndex:
        """What follows from a version's content; in portions, so that a long one fits into memory."""
        index, portion = cls(), []
        for each in lines:
            portion.append(each)
            if len(portion) == _PORTION:
                index, portion = index.after((), portion), []
        return index.after((), portion)

    @classmethod
    def read(cls, document: GroupDocument, fetch: Callable[[str], bytes]) -> GroupIndex:
        return cls([_Kept(Part.decoded(fetch(each.sha256)), each) for each in document.parts], document.counts)

    def write(self, put: Callable[[bytes], str]) -> GroupDocument:
        """Stores the parts that are not stored yet: after one commit that is one at most."""
        parts = tuple(
            each.stored or GroupPart(sha256=put(each.part.encoded()), rows=each.part.rows) for each in self._kept
        )
        return GroupDocument(parts=parts, counts=self.counts, form=FORM)

    def after(self, gone: Iterable[LabelledSample], come: Iterable[LabelledSample]) -> GroupIndex:
        """With lines that went and lines that took their place."""
        gone, come = list(gone), list(come)
        kept = _piled([*self._kept, _Kept(Part.of(gone, come))])
        return GroupIndex([each for each in kept if each.part.rows], counted(self.counts, gone, come))

    def plus(self, parts: Iterable[Part], counts: Iterable[Mapping[str, Mapping[str, int]]]) -> GroupIndex:
        """With what many changed, each some of it. Much of it stays in several parts, since merging takes memory."""
        chunks = [_Kept(Part.merged(each)) for each in _portions(parts)]
        kept = [*self._kept, *chunks]
        kept = _piled(kept) if len(chunks) == 1 else kept
        total: Counter[tuple[str, str]] = Counter()
        for found in (self.counts, *counts):
            total.update({(name, split): n for name, splits in found.items() for split, n in splits.items()})
        return GroupIndex([each for each in kept if each.part.rows], _by_name(total))

    def merged(self) -> GroupIndex:
        """In one part, in whose bytes nothing is left of what went."""
        return GroupIndex([_Kept(self.whole)] if self.whole.rows else [], self.counts)

    def tallies(self, keys: Keys) -> Tallies:
        """Samples of groups by split: int32[k, 3], in the order of SPLITS."""
        return sum((each.part.tallies_of(keys) for each in self._kept), np.zeros((len(keys), 3), dtype=np.int32))

    @cached_property
    def whole(self) -> Part:
        """The parts in one."""
        return Part.merged([each.part for each in self._kept])

    @cached_property
    def known(self) -> KnownPrints:
        return KnownPrints(self.whole)


class KnownPrints:
    """The fingerprints of a part, each once, with the groups that have them."""

    def __init__(self, part: Part) -> None:
        self.prints, self._firsts = np.unique(part.prints, return_index=True)
        self._ends = np.append(self._firsts[1:], len(part.prints))
        self._owners = part.owners
        self._part = part

    @cached_property
    def neighbours(self) -> Neighbours:
        return Neighbours(self.prints)

    def owners(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], Keys]:
        """The groups of fingerprints at these places: for each group which of the places, and the group."""
        lengths = self._ends[places] - self._firsts[places]
        which = np.repeat(np.arange(len(places)), lengths)
        before = np.cumsum(lengths) - lengths
        rows = np.arange(len(which)) - before[which] + self._firsts[places][which]
        return which, self._owners[rows]

    def of(self, groups: Keys) -> NDArray[np.int64]:
        """The places of the fingerprints that groups have."""
        mine = np.isin(self._owners, groups)
        return np.unique(np.searchsorted(self.prints, self._part.prints[mine]))

    def near(self, prints: Keys, kinds: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What hardly differs from some fingerprints: of each kind of them, the places, each once."""
        found = np.empty(0, dtype=np.int64)
        for ones, others in self.neighbours.pairs(prints):
            found = np.union1d(found, kinds[ones] * max(1, len(self.prints)) + others)
        return found // max(1, len(self.prints)), found % max(1, len(self.prints))


# Indexes of another form are made anew.
FORM = 2
_PORTION = 50_000
# Rows that are merged at a time: that takes some 500 MB.
_MERGED = 4_000_000


def _summed(groups: Keys, tallies: Tallies, prints: Keys, owners: Keys, times: Tallies) -> Part:
    """Each key once, without those that come to nothing."""
    order = np.argsort(groups, kind="stable")
    groups, tallies = groups[order], tallies[order]
    starts = np.flatnonzero(_firsts(groups))
    sums = np.add.reduceat(tallies, starts, axis=0, dtype=np.int32) if len(starts) else tallies
    some = sums.any(axis=1)
    order = _by_print(prints, owners)
    prints, owners, times = prints[order], owners[order], times[order]
    pairs = np.flatnonzero(_firsts(prints) | _firsts(owners))
    added = np.add.reduceat(times, pairs, dtype=np.int32) if len(pairs) else times
    left = added != 0
    rows = pairs[left]
    return Part(groups[starts[some]], sums[some], prints[rows], owners[rows], added[left])


def _firsts(keys: Keys) -> NDArray[np.bool_]:
    """Which are not the same as the one before."""
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    return first


def _by_print(prints: Keys, owners: Keys) -> NDArray[np.int64]:
    """The order by fingerprint and owner. Parts are in order, so that merging their runs leaves little to be sorted."""
    order = np.argsort(prints, kind="stable")
    first = _firsts(prints[order])
    tied = np.flatnonzero(~first | ~np.append(first[1:], True))
    mine = order[tied]
    order[tied] = mine[np.lexsort((owners[mine], prints[mine]))]
    return order


def counted(
    before: Mapping[str, Mapping[str, int]], gone: Iterable[LabelledSample], come: Iterable[LabelledSample]
) -> dict[str, dict[str, int]]:
    """Samples by class and split; without any before, by how many they change."""
    found: Counter[tuple[str, str]] = Counter()
    for name, splits in before.items():
        found.update({(name, split): number for split, number in splits.items()})
    for sign, lines in ((-1, gone), (1, come)):
        for each in lines:
            for name in (ALL, *names_in(each.label)):
                found[name, each.split] += sign
    return _by_name(found)


def _by_name(found: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for (name, split), number in sorted(found.items()):
        if number:
            counts.setdefault(name, {})[split] = number
    return counts


def _piled(kept: Sequence[_Kept]) -> list[_Kept]:
    """Merged until each is at least twice as large as the next."""
    kept = list(kept)
    while len(kept) > 1 and 2 * kept[-1].part.rows >= kept[-2].part.rows:
        kept[-2:] = [_Kept(Part.merged([each.part for each in kept[-2:]]))]
    return kept


def _portions(parts: Iterable[Part]) -> Iterator[list[Part]]:
    portion: list[Part] = []
    for each in parts:
        portion.append(each)
        if sum(part.rows for part in portion) >= _MERGED:
            yield portion
            portion = []
    if portion:
        yield portion
