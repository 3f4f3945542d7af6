"""Changes become the next version: the one way in which any use case makes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.dataset.segments import encode, labelled
from trueup.dataset.versions import Making, next_version, same_but_for_its_time
from trueup.dataset.view import View
from trueup.errors import HeadMovedError, RetryableError
from trueup.events import VersionCommitted
from trueup.lineage.edges import committed
from trueup.model import Change, DatasetVersion, LabelledSample, Project, Record, Removal, Segment, SettledLabel
from trueup.ports import Clock, DatasetStore, Forgotten, Journal

_ATTEMPTS = 4


class Proposal(Record, frozen=True, kw_only=True):
    """What is to change, each sample once at most; `labels` are the settled labels behind it, if there are any."""

    changes: Sequence[Change]
    labels: tuple[SettledLabel, ...] = ()


# What is to change on top of a head. Asked again when another commit came between.
Propose = Callable[[View], Proposal]


@dataclass(frozen=True)
class MakeVersion:
    """Commit what is proposed on top of a branch's head. A crash at any point leaves the old head or the new one.

    Of two at once one wins and the other proposes again on the new head. Changes that change nothing are left out, and
    so are samples that were forgotten; returns None when none are left. Raises RetryableError after losing several
    races, and what `propose` does.
    """

    datasets: DatasetStore
    clock: Clock

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
        gone = self.datasets.forgotten(project.name, [each.sample_id for each in labelled(proposal.changes)])
        wanted = _without(proposal.changes, gone)
        before = view.lookup(each.sample_id for each in wanted)
        parent = view.version
        making = Making(
            project=project.name,
            number=parent.number + 1 if parent else 1,
            at=self.clock.now(),
            reason=_told(reason, len(proposal.changes) - len(wanted)),
            by=by,
            branch=branch,
            merged=merged,
            schema_version=project.label_schema.version,
        )
        changes = [_since(each, making.number) for each in wanted if _changes(before.get(each.sample_id), each)]
        if not changes:
            return None
        delta = self._write(project, changes)
        version = next_version(parent, before, changes, delta, parent.segments if parent else (), making)
        changed = {each.sample_id for each in changes}
        labels = tuple(each for each in proposal.labels if each.sample.sample_id in changed)
        self.datasets.commit(
            version,
            Journal(at=making.at, edges=committed(version, labels), events=(version_committed(version),)),
            gone.epoch,
        )
        return version

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


def _without(changes: Sequence[Change], gone: Forgotten) -> list[Change]:
    """Forgotten samples are taken out, and never put in."""
    return [each for each in changes if isinstance(each, Removal) or each.sample_id not in gone.sample_ids]


def _told(reason: str, left_out: int) -> str:
    return f"{reason} ({left_out} forgotten and left out)" if left_out else reason


def _changes(before: LabelledSample | None, after: Change) -> bool:
    if isinstance(after, Removal):
        return before is not None
    return before is None or not same_but_for_its_time(before, after)


def _since(change: Change, number: int) -> Change:
    return replace(change, since=number) if isinstance(change, LabelledSample) else change
