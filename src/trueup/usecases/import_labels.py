"""Labels that exist already become a version: the start of a project, or an old labeling job brought along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.capture.samples import sample_id
from trueup.dataset.segments import encode
from trueup.dataset.splits import Split, split_of
from trueup.dataset.versions import content_of, next_version
from trueup.errors import LabelError
from trueup.labels.reading import checked
from trueup.lineage.edges import committed
from trueup.model import DatasetVersion, LabelledSample, Payload, Project, Record
from trueup.ports import Clock, DatasetStore, Journal, PayloadStore
from trueup.usecases.commit_version import version_committed
from trueup.usecases.find_project import project_named


class ImportedLabel(Record, frozen=True, kw_only=True):
    """One labelled input. `group` keeps related inputs in one split; None means the input stands alone. Without a
    `split` it follows from the group. `posterior` and `agreement` are 1 where the source does not say."""

    payload: Payload
    label: str
    group: str | None = None
    split: Split | None = None
    posterior: float = 1.0
    agreement: float = 1.0
    labelled_at: datetime | None = None


@dataclass(frozen=True)
class ImportLabels:
    """Store the inputs and commit them as one version on top of head. Returns None when nothing was new.

    Inputs are stored as they come: of a stream one is in memory at a time. Raises LabelError for a label that the
    schema does not know, HeadMovedError when a commit came between; what was stored until then is in no version.
    """

    projects: Mapping[str, Project]
    payloads: PayloadStore
    datasets: DatasetStore
    clock: Clock

    def __call__(self, project_name: str, labels: Iterable[ImportedLabel], reason: str) -> DatasetVersion | None:
        return self.commit(project_name, self.stage(project_name, labels), reason)

    def stage(self, project_name: str, labels: Iterable[ImportedLabel]) -> list[LabelledSample]:
        """Store the inputs, and make lines of a version of them."""
        project = project_named(self.projects, project_name)
        return [self._line(project, number, each) for number, each in enumerate(labels, start=1)]

    def commit(self, project_name: str, lines: Sequence[LabelledSample], reason: str) -> DatasetVersion | None:
        """The version of what was staged; of a sample given twice the last line counts."""
        project = project_named(self.projects, project_name)
        parent = self.datasets.head(project.name)
        current = self.current(project.name, parent)
        changes = list({each.sample_id: each for each in lines if _differs(current, each)}.values())
        if not changes:
            return None
        segment = self.datasets.put_segment(project.name, encode(changes), len(changes))
        now, schema = self.clock.now(), project.label_schema.version
        version = next_version(project.name, parent, current, changes, segment, now, reason, schema_version=schema)
        journal = Journal(at=now, edges=committed(version, ()), events=(version_committed(version),))
        self.datasets.commit(version, journal)
        return version

    def current(self, project_name: str, version: DatasetVersion | None) -> dict[str, LabelledSample]:
        """What a version holds, by sample."""
        if version is None:
            return {}
        return content_of(version, lambda sha256: self.datasets.segment(project_name, sha256))

    def _line(self, project: Project, number: int, label: ImportedLabel) -> LabelledSample:
        try:
            text = checked(label.label, project.label_schema)
        except LabelError as error:
            raise LabelError(f"label {number}: {error}", field=error.field) from error
        name = sample_id(label.payload)
        group = label.group or name
        return LabelledSample(
            sample_id=name,
            label=text,
            split=label.split or split_of(group, project.commit, project.name),
            group=group,
            content_type=label.payload.content_type,
            payload_uri=self.payloads.put(project.name, name, label.payload),
            posterior=label.posterior,
            agreement=label.agreement,
            labelled_at=label.labelled_at or self.clock.now(),
        )


def _differs(current: Mapping[str, LabelledSample], line: LabelledSample) -> bool:
    there = current.get(line.sample_id)
    return there is None or there.label != line.label
