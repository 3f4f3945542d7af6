"""Changes become the next version: the one way in which any use case makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.dataset.guards import GUARDS, Guard
from trueup.dataset.naming import MAIN
from trueup.dataset.placing import Ground, placed
from trueup.dataset.segments import labelled, segments_of
from trueup.dataset.versions import Making, next_version, same_but_for_its_time
from trueup.dataset.view import View
from trueup.errors import HeadMovedError, NotFoundError, RetryableError
from trueup.events import VersionCommitted
from trueup.lineage.edges import committed
from trueup.model import (
    Change,
    DatasetVersion,
    Edge,
    LabelledSample,
    Project,
    Record,
    Removal,
    Segment,
    SettledLabel,
    VersionQuality,
)
from trueup.ports import Clock, DatasetStore, Forgotten, Journal
from trueup.usecases.knowing_splits import forgets, ground_of, note_groups, note_schema

# Whoever loses does so to a commit that was made: so many others at once are never kept from theirs.
_ATTEMPTS = 10


def _nothing(_version: DatasetVersion, _changes: Sequence[Change]) -> tuple[Edge, ...]:
    return ()


class Proposal(Record, frozen=True, kw_only=True):
    """What is to change, each sample once at most; `labels` are the settled labels behind it, if there are any, and
    `quality` how good their answers were; without it the parent's stays. With `placing`, the project's way of splitting
    says where new lines go, and what is there stays where it is; without it lines say so themselves
    (trueup.dataset.placing). `beforehand` is told the version and its changes that are about to be committed: it writes
    what has to be there by then, and returns arrows that go with the commit."""

    changes: Sequence[Change]
    labels: tuple[SettledLabel, ...] = ()
    quality: VersionQuality | None = None
    placing: bool = False
    beforehand: Callable[[DatasetVersion, Sequence[Change]], tuple[Edge, ...]] = _nothing


# What is to change on top of a head. Asked again when another commit came between.
Propose = Callable[[View], Proposal]


@dataclass(frozen=True)
class MakeVersion:
    """Commit what is proposed on top of a branch's head. A crash at any point leaves the old head or the new one.

    Of two at once one wins and the other proposes again on the new head. Changes that change nothing are left out, and
    so are samples that were forgotten; returns None when none are left, unless this is a merge. Raises NotFoundError
    (no such branch), RetryableError after losing several races, LeakError when a guard refuses, and what `propose`
    does; nothing is written then.
    """

    datasets: DatasetStore
    clock: Clock
    guards: Sequence[Guard] = GUARDS

    def __call__(
        self,
        project: Project,
        propose: Propose,
        reason: str,
        *,
        by: str = "trueup",
        branch: str = MAIN,
        merged: str | None = None,
    ) -> DatasetVersion | None:
        for _ in range(_ATTEMPTS):
            try:
                return self._make(project, propose, reason, by=by, branch=branch, merged=merged)
            except HeadMovedError:
                continue
        raise RetryableError(f"the head of {project.name} moved {_ATTEMPTS} times during a commit")

    def view(self, project: Project, branch: str = MAIN) -> View:
        """What a branch's head holds."""
        return newest_view(self.datasets, project.name, self.datasets.head(project.name, branch))

    def _make(
        self, project: Project, propose: Propose, reason: str, *, by: str, branch: str, merged: str | None
    ) -> DatasetVersion | None:
        view = self.view(project, branch)
        if view.version is None and branch != MAIN:
            raise NotFoundError(f"project {project.name} has no branch {branch}: trueup dataset branch makes one")
        proposal = propose(view)
        gone = self.datasets.forgotten(project.name, [each.sample_id for each in labelled(proposal.changes)])
        wanted = without(proposal.changes, gone)
        ground = ground_of(self.datasets, project, view, self.clock.now())
        settled, before = self._settled(wanted, view, ground, placing=proposal.placing)
        parent = view.version
        making = Making(
            project=project.name,
            number=self.datasets.next_number(project.name),
            at=self.clock.now(),
            reason=told(reason, len(proposal.changes) - len(wanted)),
            by=by,
            branch=branch,
            merged=merged,
            policy_version=project.selection.version,
            schema_version=project.label_schema.version,
            quality=proposal.quality,
        )
        real = [each for each in settled if changes_anything(before.get(each.sample_id), each)]
        changes = [set_in(each, making.number) for each in real]
        if not changes and merged is None:
            return None
        changed = {each.sample_id for each in changes}
        before = {name: each for name, each in before.items() if name in changed}
        delta = written_delta(self.datasets, project.name, changes, before)
        version = next_version(parent, before, changes, delta, view.stack.segments, making)
        labels = tuple(each for each in proposal.labels if each.sample.sample_id in changed)
        note_schema(self.datasets, project, parent, making.at)
        index = ground.index.after(before.values(), labelled(changes))
        note_groups(self.datasets, project, version, index, forgotten=forgets(changes))
        edges = (*committed(version, labels), *proposal.beforehand(version, changes))
        self.datasets.commit(
            version,
            Journal(at=making.at, edges=edges, events=(version_committed(version),)),
            epoch=gone.epoch,
            frozen=len(ground.frozen),
        )
        return version

    def _settled(
        self, wanted: Sequence[Change], view: View, ground: Ground, *, placing: bool
    ) -> tuple[list[Change], dict[str, LabelledSample]]:
        """The changes in their splits, and the lines that they replace."""
        before = view.lookup(each.sample_id for each in wanted)
        settled = placed(wanted, before, ground, kept=not placing)
        joined = [each.sample_id for each in settled if each.sample_id not in before]
        before |= view.lookup(joined) if len(settled) > len(wanted) else {}
        for guard in self.guards:
            guard(settled, before, ground)
        return settled, before


def written_delta(
    datasets: DatasetStore, project: str, changes: Sequence[Change], before: Mapping[str, LabelledSample]
) -> tuple[Segment, ...]:
    """What is forgotten leaves no word of what was said of it, also not as what a delta replaces."""
    made = []
    for each in segments_of(changes, None if forgets(changes) else before):
        datasets.put_segment(project, each.data)
        made.append(each.segment)
    return tuple(made)


def view_of(
    datasets: DatasetStore, project: str, version: DatasetVersion | None, segments: Sequence[Segment] | None = None
) -> View:
    """What a version holds, read from its own segments, or from those of its checkpoint."""
    return View(version, lambda sha256: datasets.segment(project, sha256), segments)


def newest_view(datasets: DatasetStore, project: str, version: DatasetVersion | None) -> View:
    """What a version holds, read from the fewest segments there are: its checkpoint's, if it has one."""
    checkpoint = datasets.checkpoint(project, version.version_id) if version else None
    return view_of(datasets, project, version, checkpoint)


def version_committed(version: DatasetVersion) -> VersionCommitted:
    return VersionCommitted(
        project=version.project,
        version_id=version.version_id,
        number=version.number,
        added=version.added,
        relabelled=version.relabelled,
        classes=version.classes,
    )


def without(changes: Sequence[Change], gone: Forgotten) -> list[Change]:
    """Forgotten samples are taken out, and never put in."""
    return [each for each in changes if isinstance(each, Removal) or each.sample_id not in gone.sample_ids]


def told(reason: str, left_out: int) -> str:
    """Why a version was made, and how many forgotten samples it was asked to hold."""
    return f"{reason} ({left_out} forgotten and left out)" if left_out else reason


def changes_anything(before: LabelledSample | None, after: Change) -> bool:
    """Whether a version that holds one (None where it does not hold the sample) is another with the other."""
    if isinstance(after, Removal):
        return before is not None
    return before is None or not same_but_for_its_time(before, after)


def set_in(change: Change, number: int) -> Change:
    """A line as the version of this number sets it."""
    return replace(change, since=number) if isinstance(change, LabelledSample) else change
