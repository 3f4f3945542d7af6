"""Labels that exist already become a version: the start of a project, or an old labeling job brought along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.capture.samples import sample_id
from trueup.dataset.naming import MAIN
from trueup.dataset.splits import split_of
from trueup.dataset.view import View
from trueup.errors import LabelError
from trueup.labels.reading import checked
from trueup.model import DatasetVersion, LabelledSample, Payload, Project, Record
from trueup.ports import Clock, DatasetStore, PayloadStore
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import MakeVersion, Proposal


class ImportedLabel(Record, frozen=True, kw_only=True):
    """One labelled input. `group` keeps related inputs in one split; None means the input stands alone."""

    payload: Payload
    label: str
    group: str | None = None


@dataclass(frozen=True)
class ImportLabels:
    """Store the inputs and commit them as one version on top of head. Returns None when nothing was new.

    Raises LabelError for a label that the schema does not know, and what MakeVersion does.
    """

    projects: Mapping[str, Project]
    payloads: PayloadStore
    datasets: DatasetStore
    clock: Clock

    def __call__(
        self, project_name: str, labels: Sequence[ImportedLabel], reason: str, branch: str = MAIN
    ) -> DatasetVersion | None:
        project = project_named(self.projects, project_name)
        labels = _checked(project, labels)
        lines = {each.sample_id: each for each in (self._line(project, each) for each in labels)}

        def propose(view: View) -> Proposal:
            held = view.lookup(lines)
            return Proposal(changes=[each for each in lines.values() if _differs(held, each)])

        return MakeVersion(datasets=self.datasets, clock=self.clock)(project, propose, reason, branch=branch)

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
