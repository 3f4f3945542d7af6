"""A crash at any call of a commit, a merge, a revert, a move of a name or a collection leaves the old state or the new
one; the same again succeeds, and what was left behind is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import pytest

from tests.contract.marks import slow_on_aws
from tests.contract.shelves import CrashError, Fuse, Kept, When, shelf_in
from tests.unit.usecases.refs import BY, Shelf
from trueup.adapters.memory import FixedClock

_TWO_DAYS = 2 * 86_400
Verb = Callable[[Shelf], object]


def commit(shelf: Shelf) -> object:
    return shelf.make({1: "fox", 9: "dog"})


def merge(shelf: Shelf) -> object:
    source = shelf.find(shelf.name, "side")
    return shelf.merge(shelf.name, source, "main", "merge", by=BY, strategy="theirs")


def revert(shelf: Shelf) -> object:
    first, second = (shelf.find(shelf.name, each) for each in ("v1", "v2"))
    return shelf.revert(shelf.name, first, second, "back", by=BY)


def forward(shelf: Shelf) -> object:
    return shelf.merge(shelf.name, shelf.find(shelf.name, "main"), "old", "forward", by=BY)


def tag(shelf: Shelf) -> object:
    return shelf.names.tag("frozen", shelf.find(shelf.name, "v1"), BY, "", move=True)


def collect(shelf: Shelf) -> object:
    """Prunes what was on the branch that is gone, and sweeps what the earlier crash left behind."""
    clock = shelf.clock
    assert isinstance(clock, FixedClock)
    clock.advance(_TWO_DAYS)
    return shelf.collect(shelf.name)


# What a verb leaves, by branch, and what its tag names.
_OLD = {"main": {1: "cat", 2: "fox", 3: "fox"}, "side": {1: "dog", 2: "dog", 3: "fox"}, "old": {1: "cat", 2: "dog"}}
_NEW: dict[Verb, dict[str, dict[int, str]]] = {
    commit: {**_OLD, "main": {1: "fox", 2: "fox", 3: "fox", 9: "dog"}},
    merge: {**_OLD, "main": {1: "dog", 2: "fox", 3: "fox"}},
    revert: {**_OLD, "main": {1: "cat", 2: "dog"}},
    forward: {**_OLD, "old": _OLD["main"]},
    tag: _OLD,
    collect: _OLD,
}
# What moves names makes few calls.
_VERBS = [each if each in (forward, tag) else pytest.param(each, marks=pytest.mark.slow) for each in _NEW]


def live(shelf: Shelf) -> None:
    """Main at v2, side at v3, old at v1, a tag, a branch that is gone, and what an earlier crash left behind."""
    name = shelf.name
    shelf.put({1: "cat", 2: "dog"})
    shelf.branch("side")
    shelf.branch("old")
    shelf.put({2: "fox", 3: "fox"})
    shelf.put({1: "dog", 3: "fox"}, "side")
    shelf.branch("gone", "v1")
    shelf.put({5: "cat"}, "gone")
    shelf.names.delete_branch(name, "gone", BY, "")
    shelf.names.tag("frozen", shelf.find(name, "v2"), BY, "")
    shelf.datasets.put_segment(name, b"left behind\n")


def lives(world: str) -> Iterator[tuple[Shelf, Fuse]]:
    """The same life again and again; nothing is left of the one before."""
    kept: Kept | None = None
    while True:
        if kept is not None:
            kept.put_back()
        fuse = Fuse()
        shelf = shelf_in(world, fuse)
        if kept is None:
            live(shelf)
            kept = Kept.now() if world == "aws" else None
        yield shelf, fuse


def states(shelf: Shelf) -> dict[str, dict[int, str]]:
    return {branch: shelf.labels(branch) for branch in shelf.datasets.heads(shelf.name)}


def crashes(world: str, verb: Verb, when: When) -> Iterator[Shelf]:
    """A dataset for each call of the verb at which it crashed."""
    for number, (shelf, fuse) in enumerate(lives(world), start=1):
        fuse.arm(number, when)
        try:
            verb(shelf)
        except CrashError:
            fuse.disarm()
            yield shelf
            continue
        return


@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("verb", _VERBS, ids=lambda verb: verb.__name__)
@slow_on_aws
def test_a_crash_leaves_the_old_state_or_the_new_one(world: str, verb: Verb, when: When) -> None:
    seen = 0
    for shelf in crashes(world, verb, when):
        seen += 1
        assert states(shelf) in (_OLD, _NEW[verb])
        assert shelf.problems() == []
        verb(shelf)
        assert states(shelf) == _NEW[verb]
        assert shelf.problems() == []
        _nothing_stays_behind(shelf)
    assert seen >= (1 if verb in (forward, tag) else 2)


def _nothing_stays_behind(shelf: Shelf) -> None:
    """After two collections there is nothing in storage but what versions with content need, and documents."""
    clock = shelf.clock
    assert isinstance(clock, FixedClock)
    for _ in range(2):
        clock.advance(_TWO_DAYS)
        shelf.collect(shelf.name)
    pruned = {each.version_id for each in shelf.refs.pruned(shelf.name)}
    versions = shelf.datasets.versions(shelf.name)
    whole = [each for each in versions if each.version_id not in pruned]
    needed = {each.version_id for each in versions}
    needed |= {segment.sha256 for each in whole for segment in (*each.segments, *each.delta)}
    assert {each.name for each in shelf.stored.parts(shelf.name)} == needed
    assert shelf.problems() == []
