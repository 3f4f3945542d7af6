"""Changes become the next version: the one way in which any use case makes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.dataset.guards import GUARDS, Guard
from trueup.dataset.placing import Ground, placed
from trueup.dataset.segments import encode, labelled
from trueup.dataset.versions import Making, next_version, same_but_for_its_time
from trueup.dataset.view import View
from trueup.errors import HeadMovedError, RetryableError
from trueup.events import VersionCommitted
from trueup.lineage.edges import committed
from trueup.model import Change, DatasetVersion, LabelledSample, Project, Record, Removal, Segment, SettledLabel
from trueup.ports import Clock, DatasetStore, Journal
from trueup.usecases.knowing_splits import ground_of, note_groups, note_schema

_ATTEMPTS = 4


class Proposal(Record, frozen=True, kw_only=True):
    """What is to change, each sample once at most; `labels` are the settled labels behind it, if there are any. With
    `placing`, the project's way of splitting says where new lines go, and what is there stays where it is; without it
    lines say so themselves (trueup.dataset.placing)."""

    changes: Sequence[Change]
    labels: tuple[SettledLabel, ...] = ()
    placing: bool = False


# What is to change on top of a head. Asked again when another commit came between.
Propose = Callable[[View], Proposal]


@dataclass(frozen=True)
class MakeVersion:
    """Commit what is proposed on top of a branch's head. A crash at any point leaves the old head or the new one.

    Of two at once one wins and the other proposes again on the new head. Changes that change nothing are left out;
    returns None when none are left. Raises RetryableError after losing several races, LeakError when a guard refuses,
    and what `propose` does; nothing is written then.
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
        branch: str = "main",
        merged: str | None = None,
    ) -> DatasetVersion | None:
        for _ in range(_ATTEMPTS):
            try:
                return self._make(project, propose, reason, by=by, branch=branch, merged=merged)
            except HeadMovedError:
                continue
        raise RetryableError(f"the head of {project.name} moved {_ATTEMPTS} times during a commit")

    def view(self, project: Project, branch: str = "main") -> View:
        """What a branch's head holds."""
        return view_of(self.datasets, project.name, self.datasets.head(project.name, branch))

    def _make(
        self, project: Project, propose: Propose, reason: str, *, by: str, branch: str, merged: str | None
    ) -> DatasetVersion | None:
        view = self.view(project, branch)
        proposal = propose(view)
        ground = ground_of(self.datasets, project, view, self.clock.now())
        settled, before = self._settled(proposal, view, ground)
        parent = view.version
        making = Making(
            project=project.name,
            number=parent.number + 1 if parent else 1,
            at=self.clock.now(),
            reason=reason,
            by=by,
            branch=branch,
            merged=merged,
            schema_version=project.label_schema.version,
        )
        changes = [_since(each, making.number) for each in settled if _changes(before.get(each.sample_id), each)]
        if not changes:
            return None
        changed = {each.sample_id for each in changes}
        before = {name: each for name, each in before.items() if name in changed}
        delta = self._write(project, changes)
        version = next_version(parent, before, changes, delta, parent.segments if parent else (), making)
        labels = tuple(each for each in proposal.labels if each.sample.sample_id in changed)
        note_schema(self.datasets, project, parent, making.at)
        index = ground.index.after(before.values(), labelled(changes))
        note_groups(self.datasets, project, version, index, changes)
        self.datasets.commit(
            version,
            Journal(at=making.at, edges=committed(version, labels), events=(version_committed(version),)),
            frozen=len(ground.frozen),
        )
        return version

    def _settled(
        self, proposal: Proposal, view: View, ground: Ground
    ) -> tuple[list[Change], dict[str, LabelledSample]]:
        """The changes in their splits, and the lines that they replace."""
        before = view.lookup(each.sample_id for each in proposal.changes)
        settled = placed(proposal.changes, before, ground, kept=not proposal.placing)
        joined = [each.sample_id for each in settled if each.sample_id not in before]
        before |= view.lookup(joined) if len(settled) > len(proposal.changes) else {}
        for guard in self.guards:
            guard(settled, before, ground)
        return settled, before

    def _write(self, project: Project, changes: Sequence[Change]) -> tuple[Segment, ...]:
        return (self.datasets.put_segment(project.name, encode(changes), len(changes)),)


def view_of(datasets: DatasetStore, project: str, version: DatasetVersion | None) -> View:
    """What a version holds."""
    return View(version, lambda sha256: datasets.segment(project, sha256))


def version_committed(version: DatasetVersion) -> VersionCommitted:
    return VersionCommitted(
        project=version.project,
        version_id=version.version_id,
        number=version.number,
        added=version.added,
        relabelled=version.relabelled,
        classes=version.classes,
    )


def _changes(before: LabelledSample | None, after: Change) -> bool:
    if isinstance(after, Removal):
        return before is not None
    return before is None or not same_but_for_its_time(before, after)


def _since(change: Change, number: int) -> Change:
    return replace(change, since=number) if isinstance(change, LabelledSample) else change
