"""Which models learned from a label?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from trueup.errors import InputError, NotFoundError
from trueup.model import Edge, Node, NodeKind, Project, Record, RetrainingRun, RunStatus
from trueup.ports import LineageStore, RunStore, TaskStore
from trueup.usecases.find_project import project_named
from trueup.usecases.label_history import HeldLabel, LabelHistory

_MOST_MODELS = 200


class Learner(Record, frozen=True, kw_only=True):
    """A run that was trained on a version with the label, and when its model served, where it did: from
    `served_from` until `served_until` (None: it still does)."""

    run: RetrainingRun
    served_from: datetime | None = None
    served_until: datetime | None = None


class TracedLabel(Record, frozen=True, kw_only=True):
    """A label with those who learned from it, in the order of their versions; with `more`, there are others. A label of
    the test split taught none of them: they were judged by it."""

    held: HeldLabel
    learners: tuple[Learner, ...]
    more: bool = False


class Trace(Record, frozen=True, kw_only=True):
    """`labels` are those that were meant, oldest first."""

    project: str
    sample_id: str
    labels: tuple[TracedLabel, ...]


class _Meant(Record, frozen=True, kw_only=True):
    """A sample, and which of its labels; None means all."""

    sample_id: str
    consensus_ids: frozenset[str] | None = None


@dataclass(frozen=True)
class TraceLabel:
    """Answered from indexes: a few reads for each label that the sample ever had, one for the runs that were trained
    while that was in the dataset, and one for each model of theirs that served.

    Raises NotFoundError, InputError (a node that names no sample).
    """

    projects: Mapping[str, Project]
    history: LabelHistory
    tasks: TaskStore
    lineage: LineageStore
    runs: RunStore

    def __call__(self, project_name: str, node: Node) -> Trace:
        project = project_named(self.projects, project_name)
        meant = self._meant(project.name, node)
        held = self.history(project, meant.sample_id)
        wanted = [
            each for each in held if meant.consensus_ids is None or each.consensus.consensus_id in meant.consensus_ids
        ]
        labels = tuple(self._traced(project.name, each) for each in wanted)
        return Trace(project=project.name, sample_id=meant.sample_id, labels=labels)

    def _traced(self, project: str, held: HeldLabel) -> TracedLabel:
        found = self.runs.trained(project, held.since, held.until, _MOST_MODELS + 1)
        learners = tuple(self._learner(each) for each in found[:_MOST_MODELS])
        return TracedLabel(held=held, learners=learners, more=len(found) > _MOST_MODELS)

    def _learner(self, run: RetrainingRun) -> Learner:
        if run.status is not RunStatus.PROMOTED:
            return Learner(run=run)
        after = self.runs.succeeded_by(run)
        return Learner(run=run, served_from=run.ended_at, served_until=after.ended_at if after else None)

    def _meant(self, project: str, node: Node) -> _Meant:
        readers: dict[NodeKind, Callable[[str, Node], _Meant]] = {
            NodeKind.SAMPLE: lambda _, sample: _Meant(sample_id=sample.id),
            NodeKind.SELECTION: lambda _, selection: _Meant(sample_id=selection.id),
            NodeKind.CAPTURE: self._of_capture,
            NodeKind.TASK: self._of_task,
            NodeKind.FEEDBACK: self._of_feedback,
            NodeKind.ANNOTATION: self._of_annotation,
            NodeKind.CONSENSUS: self._of_consensus,
            NodeKind.REVIEW: self._of_review,
        }
        if node.kind not in readers:
            kinds = ", ".join(each.value for each in readers)
            raise InputError(f"a {node.kind} is no label: name one of these: {kinds}", field="ID")
        return readers[node.kind](project, node)

    def _of_capture(self, project: str, node: Node) -> _Meant:
        return _Meant(sample_id=self._ends(project, node, NodeKind.SAMPLE, up=False)[0])

    def _of_task(self, project: str, node: Node) -> _Meant:
        return _Meant(sample_id=self.tasks.get(project, node.id).sample_id)

    def _of_feedback(self, project: str, node: Node) -> _Meant:
        return self._of_task(project, self._task(project, node, up=False))

    def _of_annotation(self, project: str, node: Node) -> _Meant:
        """Labels that stand on it: none, where it was corrected before they were settled."""
        labels = self._edges(project, node, NodeKind.CONSENSUS, up=False)
        return _Meant(
            sample_id=self._asked_about(project, node), consensus_ids=frozenset(each.target.id for each in labels)
        )

    def _of_consensus(self, project: str, node: Node) -> _Meant:
        answer = Node(kind=NodeKind.ANNOTATION, id=self._ends(project, node, NodeKind.ANNOTATION)[0])
        return _Meant(sample_id=self._asked_about(project, answer), consensus_ids=frozenset([node.id]))

    def _of_review(self, project: str, node: Node) -> _Meant:
        """The label that it overruled, or where there was none, the one that it made."""
        wrong = [each.source.id for each in self._edges(project, node, NodeKind.CONSENSUS)]
        made = [each.target.id for each in self._edges(project, node, NodeKind.CONSENSUS, up=False)]
        task = self._of_task(project, self._task(project, node))
        return _Meant(sample_id=task.sample_id, consensus_ids=frozenset(wrong or made))

    def _asked_about(self, project: str, answer: Node) -> str:
        """The sample of an answer, which an imported one comes from without a task."""
        samples = self._edges(project, answer, NodeKind.SAMPLE)
        return samples[0].source.id if samples else self._of_task(project, self._task(project, answer)).sample_id

    def _task(self, project: str, node: Node, *, up: bool = True) -> Node:
        return Node(kind=NodeKind.TASK, id=self._ends(project, node, NodeKind.TASK, up=up)[0])

    def _ends(self, project: str, node: Node, kind: NodeKind, *, up: bool = True) -> list[str]:
        edges = self._edges(project, node, kind, up=up)
        if not edges:
            raise NotFoundError(f"lineage knows no {kind} of {node}")
        return [(each.source if up else each.target).id for each in edges]

    def _edges(self, project: str, node: Node, kind: NodeKind, *, up: bool = True) -> list[Edge]:
        found = (self.lineage.edges_to if up else self.lineage.edges_from)(project, node)
        return [each for each in found if (each.source if up else each.target).kind is kind]
