"""Which split the lines of a commit go into.

What a version holds stays where it is. What is new goes, in this order: into test, where it belongs to a frozen test
set; where its group is, or what hardly differs from it; where the project's way of splitting puts it. Lines that are
linked, by group or as near-duplicates, are placed together. Where something new links groups that stood apart, they
join: into test when one of them is frozen, else into the first of train, validation and test that holds one, since a
model of before may have been trained on what is in train.

Placing k lines on a version of n samples costs O(n + k log n) in arrays, and as many comparisons of fingerprints as
trueup.similarity says; the version's lines themselves are read only where groups join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from trueup.dataset.frozen import Frozen
from trueup.dataset.groups import GroupIndex, Keys, KnownPrints, Part, Tallies, key_of
from trueup.dataset.splitting import SPLITTERS
from trueup.dataset.splitting.units import SPLITS, Setting, Unit
from trueup.model import Change, LabelledSample, Removal, Split
from trueup.similarity.near_duplicates import clusters_of

Lines = Mapping[str, LabelledSample]


def _knows_none(_names: Iterable[str]) -> Lines:
    return {}


@dataclass(frozen=True)
class Ground:
    """What lines are placed on: where groups stand, what is frozen, and how the project splits. `content` is all of the
    version's lines, read only where needed; `look` answers those of some ids."""

    index: GroupIndex
    frozen: Sequence[Frozen]
    setting: Setting
    content: Iterable[LabelledSample] = ()
    look: Callable[[Iterable[str]], Lines] = _knows_none

    @property
    def near(self) -> bool:
        return self.setting.policy.splits.near_duplicates

    def standing(self, lines: Iterable[LabelledSample], before: Lines) -> Standing:
        """Where the groups of lines stand in the version, of which `before` are replaced, and what these are like."""
        named = {each.group for each in lines if each.group != each.sample_id} - before.keys()
        return Standing(self.index, Part.of_alone((), [*before.values(), *self.look(named).values()]))

    def frozen_by(self, lines: Sequence[LabelledSample]) -> list[Frozen | None]:
        """The frozen test set that each line belongs to, if it does."""
        found: list[Frozen | None] = [None] * len(lines)
        for each in self.frozen:
            for place in np.flatnonzero(each.covers(lines, near=self.near)):
                found[place] = found[place] or each
        return found

    def frozen_groups(self, keys: Keys) -> set[int]:
        """Those of the groups that belong to a frozen test set."""
        return {int(key) for each in self.frozen for key in keys[each.has_groups(keys)]}


@dataclass(frozen=True)
class Standing:
    """Where groups stand in a version. `alone` has those samples of it that no index holds and that bear the name of a
    group which is asked about. A group that is met by what it is like has other lines, which stand where such a sample
    does: nobody looks for that."""

    index: GroupIndex
    alone: Part

    def tallies(self, keys: Keys) -> Tallies:
        """Samples of groups by split: int32[k, 3], in the order of SPLITS."""
        return self.index.tallies(keys) + self.alone.tallies_of(keys)


def placed(changes: Sequence[Change], before: Lines, ground: Ground, *, kept: bool) -> list[Change]:
    """The changes with the splits that they get, and more of them where groups join.

    `before` has the lines that are replaced. With `kept`, lines that are new go where they say unless their group
    stands elsewhere, and lines that are there may move; without it neither their splits nor their groups change.
    """
    removals: list[Change] = [each for each in changes if isinstance(each, Removal)]
    lines = [each for each in changes if isinstance(each, LabelledSample)]
    held = [each if kept else as_it_was(each, before[each.sample_id]) for each in lines if each.sample_id in before]
    fresh = sorted((each for each in lines if each.sample_id not in before), key=lambda each: each.sample_id)
    if not fresh:
        return [*removals, *held]
    clusters = _Clusters(fresh, held, before, ground, kept=kept)
    settled = clusters.settled()
    return [*removals, *clusters.joined(), *settled]


def linked(lines: Sequence[LabelledSample], *, near: bool) -> list[list[LabelledSample]]:
    """Lines by what they are linked to: those of one group, and of groups with near-duplicates, together."""
    links = Links()
    keys = [key_of(each.group) for each in lines]
    for key in keys:
        links.root(key)
    if near:
        _link_alike(lines, keys, links)
    found: dict[int, list[LabelledSample]] = {}
    for line, key in zip(lines, keys, strict=True):
        found.setdefault(links.root(key), []).append(line)
    return list(found.values())


def unit_of(lines: Sequence[LabelledSample]) -> Unit:
    return Unit(key=min(each.group for each in lines), lines=lines)


class Links:
    """Which groups are linked (a disjoint-set forest with path halving)."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def root(self, key: int) -> int:
        parents = self._parents
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    def link(self, one: int, other: int) -> None:
        self._parents[self.root(one)] = self.root(other)

    def clusters(self) -> dict[int, list[int]]:
        """All groups by their root."""
        found: dict[int, list[int]] = {}
        for key in self._parents:
            found.setdefault(self.root(key), []).append(key)
        return found


def link_owners(known: KnownPrints, ones: NDArray[np.int64], others: NDArray[np.int64], links: Links) -> None:
    """Link the groups that have one fingerprint or the other, pair by pair of their places."""
    both = np.union1d(ones, others)
    rows, groups = known.owners(both)
    first: dict[int, int] = {}
    for place, group in zip(both[rows].tolist(), groups.tolist(), strict=True):
        links.link(first.setdefault(place, group), group)
    for one, other in zip(ones.tolist(), others.tolist(), strict=True):
        links.link(first[one], first[other])


def _link_alike(lines: Sequence[LabelledSample], keys: Sequence[int], links: Links) -> dict[int, int]:
    """Link the groups of near-duplicates. Returns a group for each fingerprint."""
    owners: dict[int, int] = {}
    for line, key in zip(lines, keys, strict=True):
        if line.fingerprint is not None:
            links.link(owners.setdefault(int(line.fingerprint, 16), key), key)
    prints = list(owners)
    if len(prints) > 1:
        for found, root in zip(prints, clusters_of(np.array(prints, dtype=np.uint64)).tolist(), strict=True):
            links.link(owners[found], owners[prints[root]])
    return owners


class _Clusters:
    """New lines with what they are linked to, among themselves and in the version."""

    def __init__(
        self,
        fresh: Sequence[LabelledSample],
        held: Sequence[LabelledSample],
        before: Lines,
        ground: Ground,
        *,
        kept: bool,
    ) -> None:
        self._fresh = fresh
        self._before = before
        self._ground = ground
        self._kept = kept
        self._links = Links()
        self._keys = [key_of(each.group) for each in fresh]
        for key in self._keys:
            self._links.root(key)
        if ground.near:
            regrouped = [each for each in held if each.group != before[each.sample_id].group]
            linking = [*fresh, *regrouped]
            self._link_to_version(_link_alike(linking, [key_of(each.group) for each in linking], self._links))
        self._held = held
        self._stood = ground.standing((*fresh, *held), before)
        self._standing = self._stands()
        self._bridged: set[int] = set()
        if ground.near:
            self._link_what_joins()
        self._moves: dict[int, Split] = {}

    def settled(self) -> list[LabelledSample]:
        """The new lines in their splits."""
        members: dict[int, list[LabelledSample]] = {}
        for line, key in zip(self._fresh, self._keys, strict=True):
            members.setdefault(self._links.root(key), []).append(line)
        frozen = self._frozen_roots()
        found: list[LabelledSample] = []
        waiting: list[Unit] = []
        for root, keys in self._links.clusters().items():
            if root not in members:
                # Lines that were there and said themselves where they go: the guards judge that.
                continue
            target = self._target(keys, frozen=root in frozen)
            if target is None and not self._kept:
                waiting.append(unit_of(members[root]))
                continue
            found += _into(target or members[root][0].split, members[root], said=self._kept and root in frozen)
        waiting.sort(key=lambda each: each.key)
        way = SPLITTERS[self._ground.setting.policy.splits.method]
        for unit, split in zip(waiting, way(waiting, self._ground.setting), strict=True):
            found += _into(split, unit.lines)
        return sorted(found, key=lambda each: each.sample_id)

    def joined(self) -> list[LabelledSample]:
        """The lines that were there, with those that have to move since their groups join others."""
        if not self._moves:
            return list(self._held)
        rest = (each for each in self._ground.content if each.sample_id not in self._before)
        there = [each for each in rest if key_of(each.group) in self._moves]
        return [_moved(each, self._moves) for each in (*self._held, *there)]

    def _link_to_version(self, owners: Mapping[int, int]) -> None:
        """`owners` has a group for each fingerprint of what is new."""
        known = self._ground.index.known
        if not owners or not len(known.prints):
            return
        roots = [self._links.root(key) for key in owners.values()]
        unique, kinds = np.unique(np.array(roots, dtype=np.uint64), return_inverse=True)
        which, places = known.near(np.array(list(owners), dtype=np.uint64), kinds)
        rows, groups = known.owners(places)
        for root, group in zip(unique[which[rows]].tolist(), groups.tolist(), strict=True):
            self._links.link(root, group)

    def _link_what_joins(self) -> None:
        """Where what is new links groups that stand apart, all that is linked to these joins as well."""
        known, frontier = self._ground.index.known, self._torn()
        while frontier and len(known.prints):
            self._bridged |= frontier
            mine = known.of(np.array(sorted(frontier), dtype=np.uint64))
            kinds, places = known.near(known.prints[mine], np.arange(len(mine)))
            link_owners(known, mine[kinds], places, self._links)
            self._standing = self._stands()
            frontier = self._torn() - self._bridged

    def _torn(self) -> set[int]:
        """The groups of clusters that stand in several splits."""
        found: set[int] = set()
        for keys in self._links.clusters().values():
            if len({split for key in keys for split in _splits_of(self._standing[key])}) > 1:
                found.update(keys)
        return found

    def _stands(self) -> dict[int, list[int]]:
        """Samples of each group by split, once what was there has moved."""
        keys = np.array([each for group in self._links.clusters().values() for each in group], dtype=np.uint64)
        found = dict(zip(keys.tolist(), self._stood.tallies(keys).tolist(), strict=True))
        for each in self._held:
            old = self._before[each.sample_id]
            for line, step in ((old, -1), (each, 1)):
                key = key_of(line.group)
                if key in found:
                    found[key][SPLITS.index(line.split)] += step
        return found

    def _frozen_roots(self) -> set[int]:
        keys = np.array(list(self._standing), dtype=np.uint64)
        found = {self._links.root(each) for each in self._ground.frozen_groups(keys)}
        found |= {self._links.root(each) for each in self._frozen_among_bridged()}
        covered = self._ground.frozen_by(self._fresh)
        found |= {self._links.root(key) for key, by in zip(self._keys, covered, strict=True) if by is not None}
        return found

    def _frozen_among_bridged(self) -> set[int]:
        """Groups that join others and hardly differ from something frozen."""
        if not self._bridged:
            return set()
        known = self._ground.index.known
        mine = known.of(np.array(sorted(self._bridged), dtype=np.uint64))
        near = [mine[each.near(known.prints[mine])] for each in self._ground.frozen]
        return {int(key) for each in near for key in known.owners(each)[1]}

    def _target(self, keys: Sequence[int], *, frozen: bool) -> Split | None:
        """Where a cluster goes, unless it is all new. Groups of it that stand elsewhere have to move."""
        stands = {key: _splits_of(self._standing[key]) for key in keys}
        there = {split for splits in stands.values() for split in splits}
        if frozen:
            target: Split = "test"
        elif there:
            target = next(each for each in SPLITS if each in there)
        else:
            return None
        self._moves |= {key: target for key, splits in stands.items() if splits and splits != [target]}
        return target


def _into(split: Split, lines: Iterable[LabelledSample], *, said: bool = False) -> list[LabelledSample]:
    """`said`: a guard is to hear of what would leak, so that lines keep what they say."""
    return [each if said or each.split == split else replace(each, split=split) for each in lines]


def _splits_of(numbers: Sequence[int]) -> list[Split]:
    return [split for split, number in zip(SPLITS, numbers, strict=True) if number > 0]


def as_it_was(line: LabelledSample, before: LabelledSample) -> LabelledSample:
    """A line with another label, where the one stands that it replaces."""
    seen = before.captured_at or line.captured_at
    return replace(line, split=before.split, group=before.group, fingerprint=before.fingerprint, captured_at=seen)


def _moved(line: LabelledSample, moves: Mapping[int, Split]) -> LabelledSample:
    return replace(line, split=moves.get(key_of(line.group), line.split))
