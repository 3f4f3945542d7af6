"""What versions changed is taken back, by a new version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.dataset.history import ancestry
from trueup.dataset.naming import MAIN
from trueup.dataset.three_way import MergeConflict
from trueup.dataset.view import View
from trueup.errors import InputError, MergeConflictError
from trueup.model import DatasetVersion, Project, Record
from trueup.ports import Clock, DatasetStore, RefStore
from trueup.usecases.comparing_versions import Stretch
from trueup.usecases.find_project import project_named
from trueup.usecases.find_version import FindVersion
from trueup.usecases.making_versions import MakeVersion, Proposal


class Reverted(Record, frozen=True, kw_only=True):
    """`version` is None where nothing was left to take back; `kept` are samples that changed since, and stay."""

    version: DatasetVersion | None
    kept: tuple[MergeConflict, ...] = ()


@dataclass(frozen=True)
class RevertVersions:
    """The changes from `after` (left out; None is the empty dataset) to `last` are undone on top of a branch's head.

    Raises MergeConflictError (samples changed since, unless `keep_newer`), InputError (versions that the branch does
    not come from), NotFoundError (pruned content), and what MakeVersion does.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    refs: RefStore
    clock: Clock

    def __call__(
        self,
        project_name: str,
        after: DatasetVersion | None,
        last: DatasetVersion,
        reason: str,
        *,
        by: str,
        branch: str = MAIN,
        keep_newer: bool = False,
    ) -> Reverted:
        project = project_named(self.projects, project_name)
        stretch = Stretch.of(FindVersion(self.datasets, self.refs), after, last)
        kept: list[tuple[MergeConflict, ...]] = []

        def propose(ours: View) -> Proposal:
            self._refuse_strangers(ours.version, after, last)
            found = stretch.undone(ours, why=f"revert of v{last.number}")
            if found.conflicts and not keep_newer:
                raise MergeConflictError(_sentence(found.conflicts, last), found.conflicts)
            kept.append(found.conflicts)
            return Proposal(changes=found.changes)

        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        version = make(project, propose, reason, by=by, branch=branch)
        return Reverted(version=version, kept=kept[-1])

    def _refuse_strangers(
        self, head: DatasetVersion | None, after: DatasetVersion | None, last: DatasetVersion
    ) -> None:
        if head is None:
            raise InputError(f"project {last.project} has no version to revert", field="VERSION")
        self._refuse_stranger(head, last)
        if after is not None:
            self._refuse_stranger(last, after)

    def _refuse_stranger(self, head: DatasetVersion, version: DatasetVersion) -> None:
        line = ancestry([head], self.datasets.walk(head.project, head.number))
        if not any(each.version_id == version.version_id for each in line):
            raise InputError(f"v{head.number} does not come from v{version.number}", field="VERSION")


def _sentence(conflicts: tuple[MergeConflict, ...], last: DatasetVersion) -> str:
    many = "1 sample" if len(conflicts) == 1 else f"{len(conflicts):,} samples"
    return f"{many} changed after v{last.number}: add --keep-newer to leave them and revert the others"
