"""What lies between two versions, read as cheaply as their history allows, and what becomes of it on a third."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trueup.dataset.diff import Changed, changes_between
from trueup.dataset.three_way import Merging, three_way
from trueup.dataset.view import View
from trueup.model import DatasetVersion, Segment
from trueup.ports import DatasetStore, RefStore
from trueup.usecases.find_version import FindVersion
from trueup.usecases.making_versions import view_of

# Of more versions than this, deltas are not worth a read of each.
_MOST_STEPS = 100


def changes(datasets: DatasetStore, before: DatasetVersion | None, after: DatasetVersion) -> Iterator[Changed]:
    """Samples that differ, by id, some at a time; without `before` all are new. Where `after` descends from `before`
    only what was written between is read, whatever the dataset's size. Raises NotFoundError, IntegrityError,
    ManifestError."""
    views = [view_of(datasets, after.project, each) for each in (before, after)]
    return changes_between(views[0], views[1], deltas_between(datasets, before, after))


def deltas_between(
    datasets: DatasetStore, before: DatasetVersion | None, after: DatasetVersion, most: int = _MOST_STEPS
) -> tuple[tuple[Segment, ...], ...]:
    """The deltas that lead from one version (None is the empty dataset) to another, the oldest first; none where they
    do not, or are too many."""
    origin, first = (before.version_id, before.number) if before else (None, 0)
    found: list[tuple[Segment, ...]] = []
    at = after
    while at.number > first and len(found) < most:
        found.append(at.delta)
        if at.parent == origin:
            return tuple(reversed(found))
        if at.parent is None:
            break
        at = datasets.version(at.project, at.parent)
    return ()


@dataclass(frozen=True)
class Stretch:
    """What lies between a version, or the empty dataset, and a later one, to be done on top of a third, or undone.
    `told` is where it says why samples were taken out."""

    older: View
    newer: View
    deltas: tuple[tuple[Segment, ...], ...]
    told: View

    @classmethod
    def between(
        cls, datasets: DatasetStore, refs: RefStore, older: DatasetVersion | None, newer: DatasetVersion
    ) -> Stretch:
        """Raises NotFoundError when the content of one was pruned."""
        find, project = FindVersion(datasets=datasets, refs=refs), newer.project
        before = find.view(project, older) if older else view_of(datasets, project, None)
        after = find.view(project, newer)
        deltas = deltas_between(datasets, older, newer)
        written = [segment for each in deltas for segment in each]
        told = view_of(datasets, project, None, written) if written else after
        return cls(older=before, newer=after, deltas=deltas, told=told)

    def done(self, ours: View) -> Merging:
        """What has to change in ours so that the same happened to it; what was taken out goes for the same reason."""
        return three_way(self.older, ours, self.newer, self._changes(), self.told.whys)

    def undone(self, ours: View, why: str) -> Merging:
        """What has to change in ours as if it had not happened; `why` is said of what had been added."""
        return three_way(self.newer, ours, self.older, self._changes(), lambda gone: dict.fromkeys(gone, why))

    def _changes(self) -> Iterator[Changed]:
        return changes_between(self.older, self.newer, self.deltas)
