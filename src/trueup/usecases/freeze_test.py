"""A version's test split becomes one that nobody ever trains on again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueup.dataset.frozen import Frozen, Members
from trueup.errors import InputError, LeakError
from trueup.model import FrozenTest, LabelledSample, Project
from trueup.ports import Clock, DatasetStore, Journal
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import view_of

_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_LONGEST = 64
_TOLD = 3


@dataclass(frozen=True)
class FreezeTest:
    """Freeze the test split of a version, for all later versions of all branches. The same again changes nothing.

    Raises NotFoundError (no such project or version), InputError (a version without test samples, a name that cannot
    be), LeakError when the newest version of a branch trains on some of it, ConflictError when the name stands for
    another set.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    clock: Clock

    def __call__(self, project_name: str, version: str, name: str = "", by: str = "") -> FrozenTest:
        project = project_named(self.projects, project_name)
        now = self.clock.now()
        name = name or f"frozen-{now:%Y-%m}"
        if len(name) > _LONGEST or not _NAME.fullmatch(name):
            raise InputError(
                f"the name {name!r} cannot be: use up to {_LONGEST} small letters, digits, inner hyphens and dots",
                field="--as",
            )
        held = self.datasets.version(project.name, version)
        members = Members.of(view_of(self.datasets, project.name, held))
        if not len(members.samples):
            raise InputError(f"v{held.number} of {project.name} has no test samples to freeze", field="VERSION")
        frozen = FrozenTest(
            project=project.name,
            name=name,
            version_id=held.version_id,
            number=held.number,
            samples=len(members.samples),
            groups=len(members.groups),
            sha256=self.datasets.put_part(project.name, members.encoded()),
            at=now,
            by=by,
        )
        self._look_for_leaks(project, Frozen(frozen, members), "nothing was frozen")
        self.datasets.freeze(frozen, Journal(at=now))
        # A commit that was under way then knew nothing of it.
        self._look_for_leaks(project, Frozen(frozen, members), "it is frozen from now on")
        return next(each for each in self.datasets.frozen(project.name) if each.name == name)

    def _look_for_leaks(self, project: Project, frozen: Frozen, outcome: str) -> None:
        for branch, head in sorted(self.datasets.heads(project.name).items()):
            leaking = list(_leaking(frozen, list(view_of(self.datasets, project.name, head)), project))
            if leaking:
                told = ", ".join(f"{each.sample_id[:12]} ({each.split})" for each in leaking[:_TOLD])
                raise LeakError(
                    f"{len(leaking):,} samples of v{head.number} on {branch} belong to the test split of "
                    f"v{frozen.record.number} and lie elsewhere, such as {told}: {outcome}; trueup dataset split "
                    f"--branch {branch} --keep {frozen.record.version_id[:12]} brings them into test",
                    field=leaking[0].sample_id,
                )


def _leaking(frozen: Frozen, lines: Sequence[LabelledSample], project: Project) -> Iterator[LabelledSample]:
    outside = [each for each in lines if each.split != "test"]
    covered = frozen.covers(outside, near=project.commit.splits.near_duplicates)
    return (each for each, leaks in zip(outside, covered, strict=True) if leaks)
