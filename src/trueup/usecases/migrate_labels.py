"""Classes have other names now: the newest version's labels become a version under these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.dataset.view import View
from trueup.errors import NotFoundError
from trueup.labels.renaming import old_names, renamed, unknown_names
from trueup.model import DatasetVersion, LabelledSample, LabelSchema, Project, Record
from trueup.ports import Clock, DatasetStore
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import MakeVersion, Proposal


class Migration(Record, frozen=True, kw_only=True):
    """Of `looked_at` labels `relabelled` change: `names` counts those with each old name, and `renamed` says what it is
    today. `unknown` counts those with a name that neither today's classes nor `renamed` of the schema know; while there
    are any, nothing is written. `version` is the one that was made."""

    looked_at: int
    relabelled: int
    names: Mapping[str, int]
    renamed: Mapping[str, str]
    unknown: Mapping[str, int]
    version: DatasetVersion | None = None


@dataclass(frozen=True)
class MigrateLabels:
    """Relabel head under today's names. Again changes nothing: no label has an old name then.

    Raises NotFoundError (no such project, or no version yet), RetryableError after losing several races.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    clock: Clock

    def __call__(self, project_name: str, *, dry_run: bool = False) -> Migration:
        project = project_named(self.projects, project_name)
        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        found, _ = _look(make.view(project), project)
        if dry_run or found.unknown or not found.relabelled:
            return found

        def propose(view: View) -> Proposal:
            return Proposal(changes=_look(view, project)[1], placing=True)

        reason = f"labels under the names of schema {project.label_schema.version}"
        return replace(found, version=make(project, propose, reason))


def _look(view: View, project: Project) -> tuple[Migration, list[LabelledSample]]:
    if view.version is None:
        raise NotFoundError(f"project {project.name} has no dataset version yet")
    current = {each.sample_id: each for each in view}
    changes = _changes(current.values(), project.label_schema)
    return _migration(current, changes, project.label_schema), changes


def _changes(lines: Iterable[LabelledSample], schema: LabelSchema) -> list[LabelledSample]:
    named = [(each, renamed(each.label, schema)) for each in lines]
    return [replace(each, label=label) for each, label in named if label != each.label]


def _migration(
    current: Mapping[str, LabelledSample], changes: Iterable[LabelledSample], schema: LabelSchema
) -> Migration:
    changed = [current[each.sample_id].label for each in changes]
    names = Counter(name for label in changed for name in old_names(label, schema))
    unknown = Counter(name for each in current.values() for name in unknown_names(each.label, schema))
    return Migration(
        looked_at=len(current),
        relabelled=len(changed),
        names=dict(sorted(names.items())),
        renamed={name: schema.renamed[name] for name in sorted(names)},
        unknown=dict(sorted(unknown.items())),
    )
