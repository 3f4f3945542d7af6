"""What lies between two versions, read as cheaply as their history allows."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.dataset.diff import Changed, changes_between
from trueup.model import DatasetVersion, Segment
from trueup.ports import DatasetStore
from trueup.usecases.making_versions import view_of

# Of more versions than this, deltas are not worth a read of each.
_MOST_STEPS = 100


def changes(datasets: DatasetStore, before: DatasetVersion, after: DatasetVersion) -> Iterator[Changed]:
    """Samples that differ, by id, some at a time. Where `after` descends from `before` only what was written between is
    read, whatever the dataset's size. Raises NotFoundError, IntegrityError, ManifestError."""
    views = [view_of(datasets, each.project, each) for each in (before, after)]
    return changes_between(views[0], views[1], deltas_between(datasets, before, after))


def deltas_between(
    datasets: DatasetStore, before: DatasetVersion, after: DatasetVersion, most: int = _MOST_STEPS
) -> tuple[tuple[Segment, ...], ...]:
    """The deltas that lead from one version to another, the oldest first; none where they do not, or are too many."""
    found: list[tuple[Segment, ...]] = []
    at = after
    while at.version_id != before.version_id:
        if at.parent is None or at.number <= before.number or len(found) == most:
            return ()
        found.append(at.delta)
        at = before if at.parent == before.version_id else datasets.version(at.project, at.parent)
    return tuple(reversed(found))
