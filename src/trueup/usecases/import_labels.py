"""Labels that exist already become a version: the start of a project, or an old labeling job brought along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.capture.samples import sample_id
from trueup.dataset.splits import Split, split_of
from trueup.dataset.view import View
from trueup.errors import LabelError
from trueup.labels.reading import checked
from trueup.model import DatasetVersion, LabelledSample, Payload, Project, Record
from trueup.ports import Clock, DatasetStore, PayloadStore
from trueup.usecases.ahead import ahead
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import MakeVersion, Proposal


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

    Inputs are stored as they come: of a stream a few are in memory at a time. Raises LabelError for a label that the
    schema does not know, and what MakeVersion does; what was stored until then is in no version.
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
        numbered = enumerate(labels, start=1)
        return [line for _, line in ahead(numbered, lambda each: self._line(project, *each))]

    def commit(self, project_name: str, staged: Sequence[LabelledSample], reason: str) -> DatasetVersion | None:
        """The version of what was staged; of a sample given twice the last line counts."""
        project = project_named(self.projects, project_name)
        lines = {each.sample_id: each for each in staged}

        def propose(view: View) -> Proposal:
            held = view.lookup(lines)
            return Proposal(changes=[each for each in lines.values() if _differs(held, each)])

        return MakeVersion(datasets=self.datasets, clock=self.clock)(project, propose, reason)

    def head(self, project_name: str) -> View:
        """What the project's dataset holds by now."""
        project = project_named(self.projects, project_name)
        return MakeVersion(datasets=self.datasets, clock=self.clock).view(project)

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
