"""Labels that exist already become a version: the start of a project, or an old labeling job brought along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.capture.samples import sample_id
from trueup.dataset.segments import encode
from trueup.dataset.splits import split_of
from trueup.dataset.versions import content_of, next_version
from trueup.errors import LabelError
from trueup.labels.reading import checked
from trueup.lineage.edges import committed
from trueup.model import DatasetVersion, LabelledSample, Payload, Project, Record
from trueup.ports import Clock, DatasetStore, Journal, PayloadStore
from trueup.usecases.commit_version import version_committed
from trueup.usecases.find_project import project_named


class ImportedLabel(Record, frozen=True, kw_only=True):
    """One labelled input. `group` keeps related inputs in one split; None means the input stands alone."""

    payload: Payload
    label: str
    group: str | None = None


@dataclass(frozen=True)
class ImportLabels:
    """Store the inputs and commit them as one version on top of head. Returns None when nothing was new.

    Raises LabelError for a label that the schema does not know, HeadMovedError when a commit came between.
    """

    projects: Mapping[str, Project]
    payloads: PayloadStore
    datasets: DatasetStore
    clock: Clock

    def __call__(self, project_name: str, labels: Sequence[ImportedLabel], reason: str) -> DatasetVersion | None:
        project = project_named(self.projects, project_name)
        labels = _checked(project, labels)
        parent = self.datasets.head(project.name)
        current = {}
        if parent is not None:
            current = content_of(parent, lambda sha256: self.datasets.segment(project.name, sha256))
        lines = [self._line(project, each) for each in labels]
        changes = list({each.sample_id: each for each in lines if _differs(current, each)}.values())
        if not changes:
            return None
        segment = self.datasets.put_segment(project.name, encode(changes), len(changes))
        now, schema = self.clock.now(), project.label_schema.version
        version = next_version(project.name, parent, current, changes, segment, now, reason, schema_version=schema)
        journal = Journal(at=now, edges=committed(version, ()), events=(version_committed(version),))
        self.datasets.commit(version, journal)
        return version

    def _line(self, project: Project, label: ImportedLabel) -> LabelledSample:
        name = sample_id(label.payload)
        group = label.group or name
        return LabelledSample(
            sample_id=name,
            label=label.label,
            split=split_of(group, project.commit, project.name),
            group=group,
            content_type=label.payload.content_type,
            payload_uri=self.payloads.put(project.name, name, label.payload),
            labelled_at=self.clock.now(),
        )


def _checked(project: Project, labels: Sequence[ImportedLabel]) -> list[ImportedLabel]:
    found = []
    for number, each in enumerate(labels, start=1):
        try:
            found.append(replace(each, label=checked(each.label, project.label_schema)))
        except LabelError as error:
            raise LabelError(f"label {number}: {error}", field=error.field) from error
    return found


def _differs(current: Mapping[str, LabelledSample], line: LabelledSample) -> bool:
    there = current.get(line.sample_id)
    return there is None or there.label != line.label
