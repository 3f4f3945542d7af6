"""A version split anew becomes the next version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.dataset.frozen import Frozen, Members
from trueup.dataset.naming import MAIN
from trueup.dataset.resplitting import moves_between, resplit
from trueup.dataset.splitting import SPLITTERS
from trueup.dataset.splitting.units import SPLITS
from trueup.dataset.view import View
from trueup.errors import InputError, NotFoundError
from trueup.model import DatasetVersion, FrozenTest, LabelledSample, Project, Record, SplitPolicy
from trueup.ports import Clock, DatasetStore
from trueup.usecases.find_project import project_named
from trueup.usecases.knowing_splits import ground_of
from trueup.usecases.making_versions import MakeVersion, Proposal, newest_view, view_of
from trueup.usecases.name_versions import NameVersions


class Resplit(Record, frozen=True, kw_only=True):
    """Of `samples` `moved` change their split; `frozen` of them cannot. `moves` are samples by class, split before and
    split after, `before` and `after` samples by split. `version` is the one that was made."""

    method: str
    samples: int
    frozen: int
    moved: int
    before: Mapping[str, int]
    after: Mapping[str, int]
    moves: Mapping[str, Mapping[str, Mapping[str, int]]]
    version: DatasetVersion | None = None


@dataclass(frozen=True)
class SplitDataset:
    """Split the newest version of a branch by a policy, or by the project's own. What belongs to a frozen test set
    stays in test, and so does what belongs to the test split of the version `keep`. A branch that is not there begins
    at `version`, unless all is where it belongs already.

    Raises NotFoundError (no such project, branch or version), InputError (no such method, or one that lacks its dates;
    a version that is not the newest of its branch), RetryableError after losing several races, and what NameVersions
    does.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    names: NameVersions
    clock: Clock

    def __call__(
        self,
        project_name: str,
        policy: SplitPolicy | None = None,
        *,
        version: DatasetVersion | None = None,
        branch: str = MAIN,
        keep: str = "",
        by: str = "trueup",
        dry_run: bool = False,
    ) -> Resplit:
        project = _under(project_named(self.projects, project_name), policy)
        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        kept = self._kept(project, keep)
        head = self._head(project, branch, version)
        found, changes = self._look(project, newest_view(self.datasets, project.name, head), kept)
        if dry_run or not changes:
            return found
        if self.datasets.head(project.name, branch) is None:
            self.names.branch(branch, head, by, f"v{head.number} split anew")

        def propose(view: View) -> Proposal:
            return Proposal(changes=self._look(project, view, kept)[1])

        method = project.commit.splits.method
        return replace(found, version=make(project, propose, f"split anew by {method}", by=by, branch=branch))

    def _head(self, project: Project, branch: str, version: DatasetVersion | None) -> DatasetVersion:
        """What is split: a version is made on top of the newest one of its branch, or it would undo what that holds."""
        head = self.datasets.head(project.name, branch) or version
        if head is None and branch == MAIN:
            raise NotFoundError(f"project {project.name} has no dataset version yet")
        if head is None:
            raise NotFoundError(f"project {project.name} has no branch {branch}: say at which VERSION it is to begin")
        if version is not None and head.version_id != version.version_id:
            raise InputError(
                f"v{version.number} is not the newest version of {branch}, v{head.number} is, and what came between "
                "would be undone: name a branch that is not there yet with --branch, which then begins at "
                f"v{version.number}",
                field="VERSION",
            )
        return head

    def _look(self, project: Project, view: View, kept: tuple[Frozen, ...]) -> tuple[Resplit, list[LabelledSample]]:
        ground = ground_of(self.datasets, project, view, self.clock.now())
        lines = list(view)
        changes = resplit(lines, (*ground.frozen, *kept), ground.setting)
        held = {each.sample_id: each for each in lines}
        after = held | {each.sample_id: each for each in changes}
        found = Resplit(
            method=project.commit.splits.method,
            samples=len(lines),
            frozen=sum(each is not None for each in ground.frozen_by(lines)),
            moved=len(changes),
            before=_by_split(held.values()),
            after=_by_split(after.values()),
            moves=moves_between(held, changes),
        )
        return found, changes

    def _kept(self, project: Project, version: str) -> tuple[Frozen, ...]:
        if not version:
            return ()
        held = self.datasets.version(project.name, version)
        members = Members.of(view_of(self.datasets, project.name, held))
        record = FrozenTest(
            project=project.name,
            name=f"v{held.number}",
            version_id=held.version_id,
            number=held.number,
            samples=len(members.samples),
            groups=len(members.groups),
            sha256="",
            at=held.created_at,
        )
        return (Frozen(record, members),)


def _under(project: Project, policy: SplitPolicy | None) -> Project:
    if policy is None:
        return project
    if policy.method not in SPLITTERS:
        raise InputError(
            f"there is no way of splitting {policy.method!r}: use one of {', '.join(SPLITTERS)}", field="--method"
        )
    if policy.method == "time" and (policy.test_from is None) == (policy.test_days is None):
        raise InputError(
            "a split by time begins its test at a day: give one of --test-from and --test-days", field="--test-from"
        )
    return replace(project, commit=replace(project.commit, splits=policy))


def _by_split(lines: Iterable[LabelledSample]) -> dict[str, int]:
    counts = Counter(each.split for each in lines)
    return {each: counts[each] for each in SPLITS}
