"""Where groups come to stand when many make a commit, each a span of ids.

Each places its own lines (trueup.dataset.placing): it knows what is there, and nothing of what the others bring. It
tells by group what it changes. What lies in several splits then, or apart from what hardly differs from it, is ruled
on, and all do their parts again by the rulings; where nothing new comes to a group that is torn, the commit is refused.

Rulings are those of placing: into test what belongs to a frozen test set; else into the first of train, validation and
test that holds some of it; what is new altogether goes where the first part put it, or by time, where the last in time
goes. Memory is 20 bytes for each group and for each fingerprint of what is there and what comes, and some more for
those that others are like.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.dataset.groups import Keys, Part, Tallies
from trueup.dataset.guards import place_of, torn
from trueup.dataset.placing import Ground, Lines, Links, link_owners
from trueup.dataset.splitting.units import SPLITS
from trueup.errors import IntegrityError
from trueup.model import Change, LabelledSample, Split
from trueup.similarity.near_duplicates import clusters_of

# The split that groups have to go to, by their keys.
Rulings = Mapping[int, Split]
# What groups are called, of whose keys these are.
Names = Callable[[Collection[int]], Sequence[str]]
_Bytes = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
_NO_KEYS: Keys = np.empty(0, dtype=np.uint64)
# Groups that are looked at together.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Told:
    """What a part changes, by group: `held` what becomes of lines that were there, `fresh` the new ones; `moved` are
    those of the held that come into another split or group, or get another fingerprint. Of samples that are alone,
    which the index does not hold, `alone_held` and `alone_fresh` tell the same, and `alone` where those of them stand
    that leave their place or are named like the group of another line."""

    held: Part
    fresh: Part
    moved: Part
    alone_held: Part
    alone_fresh: Part
    alone: Part

    @classmethod
    def of(cls, before: Lines, changes: Sequence[Change], ground: Ground) -> Told:
        """`before` has the lines that are replaced."""
        lines = [each for each in changes if isinstance(each, LabelledSample)]
        held = [each for each in lines if each.sample_id in before]
        fresh = [each for each in lines if each.sample_id not in before]
        gone = [before[each.sample_id] for each in changes if each.sample_id in before]
        stay = {each.sample_id for each in held if place_of(each) == place_of(before[each.sample_id])}
        leaving = {each.sample_id: each for each in gone if each.sample_id not in stay}
        return cls(
            held=Part.of(gone, held),
            fresh=Part.of((), fresh),
            moved=Part.of((), [each for each in held if each.sample_id not in stay]),
            alone_held=Part.of_alone(gone, held),
            alone_fresh=Part.of_alone((), fresh),
            alone=ground.standing(lines, leaving).alone,
        )

    @property
    def all_held(self) -> tuple[Part, Part]:
        return self.held, self.alone_held

    @property
    def all_fresh(self) -> tuple[Part, Part]:
        return self.fresh, self.alone_fresh

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self._parts())

    def encoded(self) -> bytes:
        return msgspec.msgpack.encode([each.encoded() for each in self._parts()])

    def _parts(self) -> tuple[Part, ...]:
        return self.held, self.fresh, self.moved, self.alone_held, self.alone_fresh, self.alone

    @classmethod
    def decoded(cls, data: bytes) -> Told:
        """Raises IntegrityError."""
        try:
            return cls(*map(Part.decoded, msgspec.msgpack.decode(data, type=_Bytes)))
        except msgspec.MsgspecError as error:
            raise IntegrityError(f"what a part tells of groups cannot be read: {error}") from error


@dataclass(frozen=True)
class Gathered:
    """All that the parts of a commit tell, in their order, and what it is placed on. Lines say where they go unless
    `placing`. `ruled` is what the parts went by."""

    ground: Ground
    told: Sequence[Told]
    ruled: Rulings
    placing: bool
    names: Names

    def rulings(self) -> Rulings:
        """Where groups have to go that came apart. Raises LeakError where that is what was said."""
        links = Links()
        for key in self._torn():
            links.root(key)
        if self.ground.near:
            self._link_alike(links)
        apart = [each for each in self._clusters(links) if each.apart]
        keys = np.concatenate([_NO_KEYS, *(each.keys for each in apart)])
        frozen, firsts = self._frozen(keys), self._firsts(keys)
        found: dict[int, Split] = {}
        for each in apart:
            mine = each.keys.tolist()
            target = self._target(each, frozen=not frozen.isdisjoint(mine), first=min(firsts[key] for key in mine))
            found |= dict.fromkeys(mine, target)
        return found

    def _torn(self) -> Iterator[int]:
        """The groups that would be in several splits."""
        keys = [part.groups for each in self.told for part in (*each.all_held, *each.all_fresh)]
        touched = np.unique(np.concatenate([_NO_KEYS, *keys]))
        for start in range(0, len(touched), _AT_ONCE):
            some = touched[start : start + _AT_ONCE]
            yield from some[_splits(self._standing(some).all) > 1].tolist()

    def _standing(self, keys: Keys) -> _Standing:
        before = self.ground.index.tallies(keys) + self._alone.tallies_of(keys)
        held = _added_up([part for each in self.told for part in each.all_held], keys)
        fresh = _added_up([part for each in self.told for part in each.all_fresh], keys)
        return _Standing(keys, before, before + held, fresh)

    @cached_property
    def _alone(self) -> Part:
        """Those that are alone, of which several parts may tell."""
        return Part.merged([each.alone for each in self.told]).once()

    def _clusters(self, links: Links) -> list[_Standing]:
        linked = [np.array(sorted(each), dtype=np.uint64) for each in links.clusters().values()]
        whole = self._standing(np.concatenate([_NO_KEYS, *linked]))
        ends = np.cumsum([len(each) for each in linked])
        return [whole.of(int(end) - len(each), int(end)) for each, end in zip(linked, ends, strict=True)]

    def _link_alike(self, links: Links) -> None:
        parts = [part for each in self.told for part in (each.fresh, each.moved)]
        prints = np.concatenate([_NO_KEYS, *(each.prints for each in parts)])
        owners = np.concatenate([_NO_KEYS, *(each.owners for each in parts)])
        if not len(prints):
            return
        unique, places = np.unique(prints, return_inverse=True)
        roots = clusters_of(unique)
        kinds, known = roots[places], self.ground.index.known
        if len(known.prints):
            which, near = known.near(unique, roots)
            rows, groups = known.owners(near)
            kinds, owners = np.concatenate([kinds, which[rows]]), np.concatenate([owners, groups])
        _link_shared(kinds, owners, links)
        self._link_what_joins(links)

    def _link_what_joins(self, links: Links) -> None:
        """Where what is there has to move, what it is like moves along."""
        known, done = self.ground.index.known, set[int]()
        while len(known.prints):
            joining = [each.keys.tolist() for each in self._clusters(links) if each.joins]
            frontier = {key for keys in joining for key in keys} - done
            if not frontier:
                return
            done |= frontier
            mine = known.of(np.array(sorted(frontier), dtype=np.uint64))
            kinds, places = known.near(known.prints[mine], np.arange(len(mine)))
            link_owners(known, mine[kinds], places, links)

    def _target(self, cluster: _Standing, *, frozen: bool, first: tuple[int, int]) -> Split:
        """`first` is the first part that has something new of it, and the split that it put it into."""
        told = cluster.keys.tolist()
        if not (cluster.fresh > 0).any() or all(key in self.ruled for key in told):
            raise torn(self.names(set(told)))
        if frozen and not self.placing and (cluster.fresh[:, :2] > 0).any():
            raise torn(self.names(set(told)))
        there = (cluster.held > 0).any(axis=0)
        if frozen or there.any():
            return "test" if frozen else SPLITS[int(np.argmax(there))]
        if self.placing and self.ground.setting.policy.splits.method == "time":
            return SPLITS[int(np.flatnonzero((cluster.fresh > 0).any(axis=0))[-1])]
        return SPLITS[first[1]]

    def _firsts(self, keys: Keys) -> dict[int, tuple[int, int]]:
        """By group, the first part that has something new of it, and the first split that it put that into."""
        keys = np.sort(keys)
        first = np.full(len(keys), len(self.told), dtype=np.int64)
        split = np.zeros(len(keys), dtype=np.int64)
        for number, part in ((number, part) for number, each in enumerate(self.told) for part in each.all_fresh):
            places, rows = _known_to(part, keys)
            new = first[places] == len(self.told)
            first[places[new]] = number
            split[places[new]] = np.argmax(part.tallies[rows[new]] > 0, axis=1)
        return dict(zip(keys.tolist(), zip(first.tolist(), split.tolist(), strict=True), strict=True))

    def _frozen(self, keys: Keys) -> set[int]:
        """Those of the groups that belong to a frozen test set, or hardly differ from one."""
        found = self.ground.frozen_groups(keys)
        if not self.ground.near or not self.ground.frozen:
            return found
        known = self.ground.index.known
        mine = known.of(keys)
        for each in self.ground.frozen:
            found.update(known.owners(mine[each.near(known.prints[mine])])[1].tolist())
            for part in (part for told in self.told for part in (told.fresh, told.moved)):
                of_them = np.isin(part.owners, keys)
                found.update(part.owners[of_them][each.near(part.prints[of_them])].tolist())
        return found


@dataclass(frozen=True)
class _Standing:
    """Samples of some groups by split: before the commit, when what was there has moved, and the new ones."""

    keys: Keys
    before: Tallies
    held: Tallies
    fresh: Tallies

    def of(self, start: int, end: int) -> _Standing:
        mine = slice(start, end)
        return _Standing(self.keys[mine], self.before[mine], self.held[mine], self.fresh[mine])

    @property
    def all(self) -> Tallies:
        return self.held + self.fresh

    @property
    def joins(self) -> bool:
        """Whether several splits hold some of them already."""
        return int((self.held > 0).any(axis=0).sum()) > 1

    @property
    def apart(self) -> bool:
        """Whether they come into several splits. A group by itself that was so before, and to which nothing new comes,
        stays as it is."""
        several = int((self.all > 0).any(axis=0).sum()) > 1
        own = len(self.keys) == 1 and int(_splits(self.before)[0]) > 1 and not (self.fresh > 0).any()
        return several and not own


def _added_up(parts: Iterable[Part], keys: Keys) -> Tallies:
    """What parts say together of groups. Each part, not each group, is looked up: parts are many, and small."""
    order = np.argsort(keys)
    ordered, total = keys[order], np.zeros((len(keys), len(SPLITS)), dtype=np.int32)
    for each in parts:
        places, rows = _known_to(each, ordered)
        total[order[places]] += each.tallies[rows]
    return total


def _known_to(part: Part, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those of groups in order that a part tells of: their places, and its rows."""
    if not len(keys):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, part.groups), len(keys) - 1)
    rows = np.flatnonzero(keys[places] == part.groups)
    return places[rows], rows


def _splits(tallies: Tallies) -> NDArray[np.int64]:
    """How many splits hold something of each group."""
    return np.asarray((tallies > 0).sum(axis=1), dtype=np.int64)


def _link_shared(kinds: NDArray[np.int64], owners: Keys, links: Links) -> None:
    """Link the groups that have fingerprints of one kind, where they are several."""
    order = np.lexsort((owners, kinds))
    kinds, owners = kinds[order], owners[order]
    distinct = np.ones(len(kinds), dtype=bool)
    distinct[1:] = (kinds[1:] != kinds[:-1]) | (owners[1:] != owners[:-1])
    kinds, owners = kinds[distinct], owners[distinct]
    same = np.flatnonzero(kinds[1:] == kinds[:-1])
    for one, other in zip(owners[same].tolist(), owners[same + 1].tolist(), strict=True):
        links.link(one, other)
