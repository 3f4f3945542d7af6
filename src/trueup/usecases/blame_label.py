"""Who gave a sample its label, when, and by which answers; and which labels it had before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from trueup.annotation.imported import answers_id_of
from trueup.dataset.history import first_parents
from trueup.dataset.versions import same_but_for_its_time
from trueup.errors import NotFoundError
from trueup.model import Annotation, DatasetVersion, LabelledSample, Node, NodeKind, Record, Ruling
from trueup.ports import DatasetStore, LineageStore, RefStore, TaskStore
from trueup.usecases.making_versions import view_of

_MOST = 100


class Settled(Record, frozen=True, kw_only=True):
    """How a label came to be: the answers that it stands on, and what reviewers ruled on their tasks."""

    method: str
    at: datetime | None
    annotations: tuple[Annotation, ...] = ()
    rulings: tuple[Ruling, ...] = ()


class LabelLife(Record, frozen=True, kw_only=True):
    """What one version made of a sample. `line` is None where it took the sample out; `settled` is None where no answer
    is known, as of most imports. `brought_by` is the merge that brought it along."""

    version_id: str
    number: int
    at: datetime
    by: str
    reason: str
    branch: str
    line: LabelledSample | None
    settled: Settled | None = None
    brought_by: int | None = None


@dataclass(frozen=True)
class BlameLabel:
    """Newest first, at most a hundred. Each step reads one version and looks one sample up; a version whose content was
    pruned ends what is known. Raises NotFoundError when no version on the way held the sample."""

    datasets: DatasetStore
    refs: RefStore
    lineage: LineageStore
    tasks: TaskStore

    def __call__(self, version: DatasetVersion, sample_id: str, limit: int = _MOST) -> list[LabelLife]:
        found = list(islice(self._lives(version, sample_id), limit))
        if not found:
            raise NotFoundError(f"neither v{version.number} of {version.project} nor one before it holds {sample_id}")
        return found

    def _lives(self, version: DatasetVersion, sample_id: str) -> Iterator[LabelLife]:
        pruned = {each.version_id for each in self.refs.pruned(version.project)}
        here: DatasetVersion | None = version
        brought_by: int | None = None
        while here is not None and here.version_id not in pruned:
            line = self._line(here, sample_id)
            setter = self._setter(here, line, pruned, sample_id)
            if setter is None:
                return
            here = self._origin(setter, line, sample_id, pruned)
            if here is not None and _came_along(here, setter):
                brought_by = brought_by or setter.number
                continue
            yield self._life(setter, line, brought_by)
            brought_by = None

    def _line(self, version: DatasetVersion, sample_id: str) -> LabelledSample | None:
        return view_of(self.datasets, version.project, version).lookup([sample_id]).get(sample_id)

    def _setter(
        self, here: DatasetVersion, line: LabelledSample | None, pruned: set[str], sample_id: str
    ) -> DatasetVersion | None:
        """The version that made the sample what it is here. Of one that is not there, the one that took it out: only
        those that took anything out are looked at."""
        if line is not None:
            return self.datasets.version(here.project, str(line.since))
        for each in first_parents(here, self.datasets.walk(here.project, here.number)):
            parent = self._parent(each) if each.removed else None
            if parent is not None and parent.version_id not in pruned and self._line(parent, sample_id):
                return each
        return None

    def _origin(
        self, setter: DatasetVersion, line: LabelledSample | None, sample_id: str, pruned: set[str]
    ) -> DatasetVersion | None:
        """Where to look for what was before: a merge has its lines from the version that it brought in."""
        if setter.merged is not None and setter.merged not in pruned:
            other = self.datasets.version(setter.project, setter.merged)
            there = self._line(other, sample_id)
            if line is not None and there is not None and same_but_for_its_time(there, line):
                return other
        return self._parent(setter)

    def _parent(self, version: DatasetVersion) -> DatasetVersion | None:
        return self.datasets.version(version.project, version.parent) if version.parent else None

    def _life(self, version: DatasetVersion, line: LabelledSample | None, brought_by: int | None) -> LabelLife:
        return LabelLife(
            version_id=version.version_id,
            number=version.number,
            at=version.created_at,
            by=version.by,
            reason=version.reason,
            branch=version.branch,
            line=line,
            settled=self._settled(version.project, line) if line is not None else None,
            brought_by=brought_by,
        )

    def _settled(self, project: str, line: LabelledSample) -> Settled | None:
        consensus_id = line.consensus_id or self._imported(project, line)
        if consensus_id is None:
            return None
        edges = self.lineage.edges_to(project, Node(kind=NodeKind.CONSENSUS, id=consensus_id))
        answers = {each.source.id for each in edges}
        tasks = sorted({task for each in answers for task in self._tasks_of(project, each)})
        annotations = [
            each for task in tasks for each in self.tasks.annotations(project, task) if each.annotation_id in answers
        ]
        rulings = [each for task in tasks for each in self.tasks.rulings_of(project, task)]
        return Settled(
            method=edges[0].actor if edges else "",
            at=edges[0].at if edges else line.labelled_at,
            annotations=tuple(annotations),
            rulings=tuple(rulings),
        )

    def _imported(self, project: str, line: LabelledSample) -> str | None:
        """A line names no consensus that is not of our own: its time does, and of several of one time its label, which
        may have had another name."""
        if not line.annotators:
            return None
        there = self.tasks.consensuses(project, answers_id_of(project, line.sample_id))
        found = [each for each in there if each.reached_at == line.labelled_at]
        best = max(found, key=lambda each: each.label == line.label, default=None)
        return best.consensus_id if best else None

    def _tasks_of(self, project: str, annotation_id: str) -> Iterator[str]:
        for each in self.lineage.edges_to(project, Node(kind=NodeKind.ANNOTATION, id=annotation_id)):
            if each.source.kind is NodeKind.TASK:
                yield each.source.id
            elif each.source.kind is NodeKind.SAMPLE:
                yield answers_id_of(project, each.source.id)


def _came_along(origin: DatasetVersion, setter: DatasetVersion) -> bool:
    """Whether a merge only brought the line in, which then has a life of its own further back."""
    return origin.version_id == setter.merged
