"""How versions follow from each other.

Numbers grow along every branch, so a list of versions by falling number meets each version before its parents: what is
asked here is answered in one pass over it, which ends where the answer is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueup.model import DatasetVersion

_OURS, _THEIRS = 1, 2


def first_parents(head: DatasetVersion, walk: Iterable[DatasetVersion]) -> Iterator[DatasetVersion]:
    """`head`, its parent, and so on: what a branch's head was, newest first. `walk` lists versions from head's number
    down, newest first."""
    wanted: str | None = head.version_id
    for each in walk:
        if each.version_id == wanted:
            yield each
            wanted = each.parent
            if wanted is None:
                return


def ancestry(heads: Iterable[DatasetVersion], walk: Iterable[DatasetVersion]) -> Iterator[DatasetVersion]:
    """All that `heads` came from, themselves included, newest first."""
    wanted = {each.version_id for each in heads}
    for each in walk:
        if not wanted:
            return
        if each.version_id in wanted:
            wanted.remove(each.version_id)
            wanted |= parents_of(each)
            yield each


def merge_base(ours: DatasetVersion, theirs: DatasetVersion, walk: Iterable[DatasetVersion]) -> DatasetVersion | None:
    """The newest version that both came from, which may be one of them; None where they have none in common. `walk`
    begins at the greater of their numbers."""
    wanted = {ours.version_id: _OURS}
    wanted[theirs.version_id] = wanted.get(theirs.version_id, 0) | _THEIRS
    for each in walk:
        sides = wanted.pop(each.version_id, 0)
        if sides == _OURS | _THEIRS:
            return each
        for parent in parents_of(each) if sides else ():
            wanted[parent] = wanted.get(parent, 0) | sides
        if not wanted:
            return None
    return None


def parents_of(version: DatasetVersion) -> set[str]:
    return {each for each in (version.parent, version.merged) if each is not None}
