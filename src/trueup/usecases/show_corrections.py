"""Who changed which label, when, why, from what to what, and which dataset versions held the old one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.annotation.answers import window
from trueup.model import Annotation, Correction, Node, NodeKind, Project, Ruling
from trueup.ports import DatasetStore, LineageStore, TaskStore
from trueup.usecases.find_project import project_named

# Of so many of the newest answers those that correct another are told.
_ANSWERS = 2000
_MOST = 200


@dataclass(frozen=True)
class ShowCorrections:
    """Reading only, from indexes: the newest 2,000 answers and the newest rulings of a project. Raises
    NotFoundError."""

    projects: Mapping[str, Project]
    tasks: TaskStore
    datasets: DatasetStore
    lineage: LineageStore

    def __call__(self, project_name: str, limit: int = _MOST) -> list[Correction]:
        """Newest first."""
        project = project_named(self.projects, project_name)
        name, many = project.name, window(project.label_schema.kind, _ANSWERS)
        rulings = [
            each for each in self.tasks.rulings(name, limit) if each.before is not None and each.label is not None
        ]
        answers = [each for each in self.tasks.answers(name, many) if each.supersedes is not None][:limit]
        numbers = {each.version_id: each.number for each in self.datasets.versions(name)} if rulings else {}
        found = [*(self._ruled(each, numbers) for each in rulings), *filter(None, map(self._corrected, answers))]
        return sorted(found, key=lambda each: (each.at, each.task_id), reverse=True)[:limit]

    def _ruled(self, ruling: Ruling, numbers: Mapping[str, int]) -> Correction:
        return Correction(
            project=ruling.project,
            kind="ruling",
            task_id=ruling.task_id,
            sample_id=ruling.sample_id,
            by=ruling.reviewer,
            at=ruling.at,
            before=ruling.before or "",
            after=ruling.label or "",
            reason=ruling.comment,
            held_by=self._held_by(ruling, numbers),
        )

    def _held_by(self, ruling: Ruling, numbers: Mapping[str, int]) -> tuple[int, ...]:
        """From the first version that held the old label to the one before the first that holds the new one."""
        first = numbers.get(ruling.version_id or "")
        if first is None:
            return ()
        last = self._replaced(ruling, numbers) or max(numbers.values()) + 1
        return tuple(range(first, last))

    def _replaced(self, ruling: Ruling, numbers: Mapping[str, int]) -> int | None:
        consensus = self.tasks.consensus(ruling.project, ruling.task_id)
        if consensus is None or consensus.label != ruling.label:
            return None
        node = Node(kind=NodeKind.CONSENSUS, id=consensus.consensus_id)
        edges = self.lineage.edges_from(ruling.project, node)
        held = [numbers[each.target.id] for each in edges if each.target.id in numbers]
        return min(held, default=None)

    def _corrected(self, annotation: Annotation) -> Correction | None:
        before = self.tasks.annotation(annotation.project, annotation.task_id, annotation.supersedes or "")
        if before is None:
            return None
        return Correction(
            project=annotation.project,
            kind="answer",
            task_id=annotation.task_id,
            sample_id=annotation.sample_id,
            by=annotation.annotator,
            at=annotation.submitted_at,
            before=before.label,
            after=annotation.label,
            reason=annotation.comment,
        )
