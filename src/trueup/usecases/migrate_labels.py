"""Classes have other names now: the newest version's labels become a version under these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.dataset.segments import encode
from trueup.dataset.versions import content_of, next_version
from trueup.errors import HeadMovedError, NotFoundError, RetryableError
from trueup.labels.renaming import old_names, renamed, unknown_names
from trueup.lineage.edges import committed
from trueup.model import DatasetVersion, LabelledSample, LabelSchema, Project, Record
from trueup.ports import Clock, DatasetStore, Journal
from trueup.usecases.commit_version import version_committed
from trueup.usecases.find_project import project_named

_ATTEMPTS = 4


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
        for _ in range(_ATTEMPTS):
            try:
                return self._migrate(project, dry_run)
            except HeadMovedError:
                continue
        raise RetryableError(f"the head of {project.name} moved {_ATTEMPTS} times during a migration")

    def _migrate(self, project: Project, dry_run: bool) -> Migration:
        parent = self.datasets.head(project.name)
        if parent is None:
            raise NotFoundError(f"project {project.name} has no dataset version yet")
        current = content_of(parent, lambda sha256: self.datasets.segment(project.name, sha256))
        changes = _changes(current.values(), project.label_schema)
        found = _migration(current, changes, project.label_schema)
        if dry_run or found.unknown or not changes:
            return found
        return replace(found, version=self._commit(project, parent, current, changes))

    def _commit(
        self,
        project: Project,
        parent: DatasetVersion,
        current: Mapping[str, LabelledSample],
        changes: list[LabelledSample],
    ) -> DatasetVersion:
        segment = self.datasets.put_segment(project.name, encode(changes), len(changes))
        now, schema = self.clock.now(), project.label_schema.version
        reason = f"labels under the names of schema {schema}"
        version = next_version(project.name, parent, current, changes, segment, now, reason, schema_version=schema)
        self.datasets.commit(
            version, Journal(at=now, edges=committed(version, ()), events=(version_committed(version),))
        )
        return version


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
