"""What was done on one line of versions comes to a branch, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trueup.dataset.history import merge_base
from trueup.dataset.three_way import MergeConflict, Strategy, resolved
from trueup.dataset.view import View
from trueup.errors import HeadMovedError, MergeConflictError, NotFoundError, RetryableError
from trueup.events import RefMoved
from trueup.model import DatasetVersion, Project, Record
from trueup.ports import Clock, DatasetStore, Journal, RefStore
from trueup.usecases.comparing_versions import Stretch
from trueup.usecases.find_project import project_named
from trueup.usecases.find_version import FindVersion
from trueup.usecases.making_versions import MakeVersion, Proposal

_ATTEMPTS = 10


class Merged(Record, frozen=True, kw_only=True):
    """`kind` says whether there was anything to do: `merged` made `version`, `forwarded` moved the branch's head to the
    version itself, `current` left it. `conflicts` are those that the strategy decided."""

    kind: Literal["merged", "forwarded", "current"]
    branch: str
    version: DatasetVersion
    base: DatasetVersion | None
    conflicts: tuple[MergeConflict, ...] = ()


@dataclass(frozen=True)
class MergeVersions:
    """Three ways, by sample: what `source` did since the newest version that both came from is done to the branch, too.
    Of two at once, or with a commit in between, the later one looks again.

    Raises MergeConflictError (both changed a sample, differently, and no strategy says which one wins), NotFoundError
    (no such branch, or content that was pruned), RetryableError after losing several races.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    refs: RefStore
    clock: Clock

    def __call__(
        self,
        project_name: str,
        source: DatasetVersion,
        branch: str,
        reason: str,
        *,
        by: str,
        strategy: Strategy | None = None,
        fast_forward: bool = True,
    ) -> Merged:
        project = project_named(self.projects, project_name)
        for _ in range(_ATTEMPTS):
            ours = self._head(project.name, branch)
            base = self._base(ours, source)
            if base == source:
                return Merged(kind="current", branch=branch, version=ours, base=base)
            if base != ours or not fast_forward:
                return self._merge(project, source, branch, reason, by=by, strategy=strategy)
            try:
                self._forward(ours, source, branch, by=by, reason=reason)
            except HeadMovedError:
                continue
            return Merged(kind="forwarded", branch=branch, version=source, base=base)
        raise RetryableError(f"the head of {project.name} on {branch} moved {_ATTEMPTS} times during a merge")

    def _head(self, project: str, branch: str) -> DatasetVersion:
        head = self.datasets.head(project, branch)
        if head is None:
            raise NotFoundError(f"project {project} has no branch {branch}: trueup dataset branch makes one")
        return head

    def _base(self, ours: DatasetVersion, source: DatasetVersion) -> DatasetVersion | None:
        newest = max(ours.number, source.number)
        return merge_base(ours, source, self.datasets.walk(ours.project, newest))

    def _forward(self, ours: DatasetVersion, source: DatasetVersion, branch: str, *, by: str, reason: str) -> None:
        event = RefMoved(
            project=ours.project, kind="branch", name=branch, version_id=source.version_id, by=by, reason=reason
        )
        self.refs.forward_branch(branch, ours, source, Journal(at=self.clock.now(), events=(event,)))

    def _merge(
        self, project: Project, source: DatasetVersion, branch: str, reason: str, *, by: str, strategy: Strategy | None
    ) -> Merged:
        decided: list[Merged] = []

        def propose(ours: View) -> Proposal:
            head = ours.version or self._head(project.name, branch)
            base = self._base(head, source)
            found = Stretch.of(FindVersion(self.datasets, self.refs), base, source).done(ours)
            if found.conflicts and strategy is None:
                raise MergeConflictError(_sentence(found.conflicts, source, head), found.conflicts)
            chosen = resolved(found.conflicts, strategy) if strategy else []
            decided.append(Merged(kind="merged", branch=branch, version=head, base=base, conflicts=found.conflicts))
            return Proposal(changes=[*found.changes, *chosen])

        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        version = make(project, propose, reason, by=by, branch=branch, merged=source.version_id)
        last = decided[-1]
        return Merged(
            kind="merged", branch=branch, version=version or last.version, base=last.base, conflicts=last.conflicts
        )


def _sentence(conflicts: tuple[MergeConflict, ...], source: DatasetVersion, head: DatasetVersion) -> str:
    many = "1 sample was" if len(conflicts) == 1 else f"{len(conflicts):,} samples were"
    return (
        f"{many} changed in v{source.number} and in v{head.number}, differently: choose with --ours, --theirs or "
        "--newest, or relabel them on one side"
    )
