"""What lies between two versions, read as cheaply as their history allows, and what becomes of it on a third."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trueup.dataset.diff import Changed, changes_between
from trueup.dataset.three_way import Merging, three_way
from trueup.dataset.view import View
from trueup.model import DatasetVersion, Segment
from trueup.ports import DatasetStore
from trueup.usecases.find_version import FindVersion
from trueup.usecases.making_versions import view_of

# Of more versions than this, deltas are not worth a read of each.
_MOST_STEPS = 100


@dataclass(frozen=True)
class Parted:
    """Two versions, or the empty dataset, and the newest one, `common`, that both came from along first parents: the
    versions that led from it to each, the oldest first."""

    common: DatasetVersion | None
    ones: tuple[DatasetVersion, ...]
    others: tuple[DatasetVersion, ...]

    @property
    def between(self) -> list[tuple[Segment, ...]]:
        """The deltas that lead from one to the other, the oldest first; none where they do not."""
        return [] if self.ones else [each.delta for each in self.others]

    @property
    def apart(self) -> list[list[Segment]]:
        """What was written on either side."""
        return [[segment for each in side for segment in each.delta] for side in (self.ones, self.others)]


def parted(
    datasets: DatasetStore, one: DatasetVersion | None, other: DatasetVersion | None, most: int = _MOST_STEPS
) -> Parted | None:
    """Reads the documents of the versions that lie between. None where those are more than `most`."""
    sides: tuple[list[DatasetVersion], list[DatasetVersion]] = ([], [])
    while (one and one.version_id) != (other and other.version_id):
        if len(sides[0]) + len(sides[1]) == most:
            return None
        if one is not None and (other is None or one.number >= other.number):
            sides[0].append(one)
            one = _parent(datasets, one)
        elif other is not None:
            sides[1].append(other)
            other = _parent(datasets, other)
    return Parted(common=other, ones=tuple(reversed(sides[0])), others=tuple(reversed(sides[1])))


def changes(find: FindVersion, before: DatasetVersion | None, after: DatasetVersion) -> Iterator[Changed]:
    """Samples that differ, by id, some at a time; without `before` all are new. Only what was written since both parted
    is read, whatever the dataset's size, unless that is long ago or pruned. Raises NotFoundError (also for a version
    that was pruned), IntegrityError, ManifestError."""
    one, other, found = _opened(find, before, after)
    return _changes(one, other, found)


def _opened(
    find: FindVersion, before: DatasetVersion | None, after: DatasetVersion
) -> tuple[View, View, Parted | None]:
    project = after.project
    one = find.view(project, before) if before else view_of(find.datasets, project, None)
    other, found = find.view(project, after), parted(find.datasets, before, after)
    if found is None:
        return one, other, None
    gone = {each.version_id for each in find.refs.pruned(project)}
    whole = gone.isdisjoint(each.version_id for each in (*found.ones, *found.others))
    return one, other, found if whole else None


def _changes(before: View, after: View, found: Parted | None) -> Iterator[Changed]:
    return changes_between(before, after, found.between, apart=found.apart) if found else changes_between(before, after)


def _parent(datasets: DatasetStore, version: DatasetVersion) -> DatasetVersion | None:
    return datasets.version(version.project, version.parent) if version.parent else None


@dataclass(frozen=True)
class Stretch:
    """What lies between a version, or the empty dataset, and a later one, to be done on top of a third, or undone.
    `told` is where it says why samples were taken out."""

    older: View
    newer: View
    found: Parted | None
    told: View

    @classmethod
    def of(cls, find: FindVersion, older: DatasetVersion | None, newer: DatasetVersion) -> Stretch:
        """Raises NotFoundError when the content of one was pruned."""
        before, after, found = _opened(find, older, newer)
        told = view_of(find.datasets, newer.project, None, found.apart[1]) if found else after
        return cls(older=before, newer=after, found=found, told=told)

    def done(self, ours: View) -> Merging:
        """What has to change in ours so that the same happened to it; what was taken out goes for the same reason."""
        return three_way(self.older, ours, self.newer, self._changes(), self.told.whys)

    def undone(self, ours: View, why: str) -> Merging:
        """What has to change in ours as if it had not happened; `why` is said of what had been added."""
        return three_way(self.newer, ours, self.older, self._changes(), lambda gone: dict.fromkeys(gone, why))

    def _changes(self) -> Iterator[Changed]:
        return _changes(self.older, self.newer, self.found)
