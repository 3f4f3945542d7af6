"""Labels that exist already become a version: the start of a project, or an old labeling job brought along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.capture.samples import group_in, media_type, sample_id
from trueup.dataset.naming import MAIN
from trueup.dataset.splitting.by_group import split_of
from trueup.dataset.view import View
from trueup.errors import LabelError
from trueup.labels.reading import checked
from trueup.model import DatasetVersion, LabelledSample, Payload, Project, Record, Split
from trueup.ports import Clock, DatasetStore, PayloadStore
from trueup.similarity.near_duplicates import print_text
from trueup.usecases.ahead import ahead
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import MakeVersion, Proposal


class ImportedLabel(Record, frozen=True, kw_only=True):
    """One labelled input. `group` keeps related inputs in one split; None means the input stands alone. Without a
    `split` it follows from the group. `posterior` and `agreement` are 1 where the source does not say. `where` it stood
    is told of what contradicts another."""

    payload: Payload
    label: str
    group: str | None = None
    split: Split | None = None
    posterior: float = 1.0
    agreement: float = 1.0
    labelled_at: datetime | None = None
    where: str = ""


class Staged(Record, frozen=True, kw_only=True):
    """Lines whose inputs are stored. Of those in `stated` the source says which split they are in."""

    lines: tuple[LabelledSample, ...]
    stated: frozenset[str] = frozenset()


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

    def __call__(
        self, project_name: str, labels: Iterable[ImportedLabel], reason: str, branch: str = MAIN
    ) -> DatasetVersion | None:
        return self.commit(project_name, self.stage(project_name, labels), reason, branch)

    def stage(self, project_name: str, labels: Iterable[ImportedLabel]) -> Staged:
        """Store the inputs, and make lines of a version of them."""
        lines, stated = list[LabelledSample](), set[str]()
        for given, line in self.lines(project_name, labels):
            lines.append(line)
            if given.split is not None:
                stated.add(line.sample_id)
        return Staged(lines=tuple(lines), stated=frozenset(stated))

    def lines(
        self, project_name: str, labels: Iterable[ImportedLabel]
    ) -> Iterator[tuple[ImportedLabel, LabelledSample]]:
        """Each as a line of a version, whose input is stored by then."""
        project = project_named(self.projects, project_name)
        found = ahead(enumerate(labels, start=1), lambda each: self._line(project, *each))
        return ((given, line) for (_, given), line in found)

    def commit(self, project_name: str, staged: Staged, reason: str, branch: str = MAIN) -> DatasetVersion | None:
        """The version of what was staged; of a sample given twice the last line counts. Where the source states
        splits, new lines are where it says, unless what they belong to is elsewhere."""
        project = project_named(self.projects, project_name)
        lines = {each.sample_id: each for each in staged.lines}

        def propose(view: View) -> Proposal:
            held = view.lookup(lines)
            changes = [_where_it_is(held, each, staged) for each in lines.values() if _differs(held, each)]
            return Proposal(changes=changes, placing=not staged.stated)

        return MakeVersion(datasets=self.datasets, clock=self.clock)(project, propose, reason, branch=branch)

    def head(self, project_name: str, branch: str = MAIN) -> View:
        """What a branch of the project's dataset holds by now."""
        project = project_named(self.projects, project_name)
        return MakeVersion(datasets=self.datasets, clock=self.clock).view(project, branch)

    def _line(self, project: Project, number: int, label: ImportedLabel) -> LabelledSample:
        try:
            text = checked(label.label, project.label_schema)
        except LabelError as error:
            raise LabelError(f"label {number}: {error}", field=error.field) from error
        name = sample_id(label.payload)
        group = label.group or group_in(label.payload, project.selection.group_by) or name
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
            fingerprint=print_text(label.payload.data, media_type(label.payload.content_type)),
        )


def _where_it_is(current: Mapping[str, LabelledSample], line: LabelledSample, staged: Staged) -> LabelledSample:
    there = current.get(line.sample_id)
    if there is None or line.sample_id in staged.stated:
        return line
    return replace(line, split=there.split, group=there.group)


def _differs(current: Mapping[str, LabelledSample], line: LabelledSample) -> bool:
    there = current.get(line.sample_id)
    return there is None or there.label != line.label
