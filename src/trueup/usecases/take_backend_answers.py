"""Answers that people gave, changed or took back at a foreign labeling backend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.annotation.answers import live
from trueup.annotation.tasks import answer_from_backend, withdraw_answer
from trueup.errors import ConflictError, TaskClosedError
from trueup.events import AnnotationSubmitted, AnnotationWithdrawn, Event
from trueup.lineage.edges import answered
from trueup.model import Annotation, Task, content_id
from trueup.ports import AnsweredTask, Clock, Journal, TaskStore

_ATTEMPTS = 5


@dataclass(frozen=True)
class TakeBackendAnswers:
    """Each call writes once what it is told any number of times. Raises NotFoundError for a task that is none of ours,
    and ConflictError after losing several races."""

    tasks: TaskStore
    clock: Clock

    def take(self, annotation: Annotation) -> bool:
        """Write an answer; another one of the same person supersedes theirs. False when it was there, and when it is
        of no use: the task is closed meanwhile."""
        for _ in range(_ATTEMPTS):
            task = self.tasks.get(annotation.project, annotation.task_id)
            if self.tasks.annotation(annotation.project, annotation.task_id, annotation.annotation_id) is not None:
                return False
            answer = self._superseding(task, annotation)
            if answer is None:
                return False
            try:
                self.tasks.save(answer_from_backend(task, answer), self._arrival(answer), annotation=answer)
            except TaskClosedError:
                return False
            except ConflictError:
                continue
            return True
        raise ConflictError(f"task {annotation.task_id} is busy")

    def take_back(self, project: str, backend: str, standing: AnsweredTask) -> int:
        """Answers that are there no more. One of after the moment that `standing` tells of is another pass's."""
        task = self.tasks.get(project, standing.task_id)
        there = {each.annotator for each in standing.answers}
        gone = [
            each
            for each in self._live(task).values()
            if each.backend == backend and each.annotator not in there and each.submitted_at <= standing.at
        ]
        return sum(self._withdraw(each, standing.at) for each in gone)

    def _superseding(self, task: Task, annotation: Annotation) -> Annotation | None:
        """None when that person says the same, or said something else since."""
        before = self._live(task).get(annotation.annotator) if annotation.annotator in task.answered_by else None
        if before is None:
            return replace(annotation, slice=task.slice)
        if before.label == annotation.label or before.submitted_at >= annotation.submitted_at:
            return None
        return replace(annotation, supersedes=before.annotation_id, slice=task.slice)

    def _live(self, task: Task) -> dict[str, Annotation]:
        return {each.annotator: each for each in live(self.tasks.annotations(task.project, task.task_id))}

    def _withdraw(self, annotation: Annotation, at: datetime) -> bool:
        """`at` is of the clock that the answers have their times from: a later one of theirs must be the newer."""
        note = replace(
            annotation,
            annotation_id=content_id(annotation.annotation_id, "withdrawn")[:32],
            supersedes=annotation.annotation_id,
            submitted_at=at,
            seconds_spent=0.0,
            withdrawn=True,
        )
        for _ in range(_ATTEMPTS):
            task = self.tasks.get(annotation.project, annotation.task_id)
            if annotation.annotator not in task.answered_by:
                return False
            try:
                self.tasks.save(withdraw_answer(task, annotation.annotator), self._departure(note), annotation=note)
            except TaskClosedError:
                return False
            except ConflictError:
                continue
            return True
        raise ConflictError(f"task {annotation.task_id} is busy")

    def _arrival(self, annotation: Annotation) -> Journal:
        event = AnnotationSubmitted(
            project=annotation.project,
            task_id=annotation.task_id,
            annotation_id=annotation.annotation_id,
            annotator=annotation.annotator,
        )
        return self._journal(annotation, event)

    def _departure(self, note: Annotation) -> Journal:
        event = AnnotationWithdrawn(
            project=note.project,
            task_id=note.task_id,
            annotation_id=str(note.supersedes),
            annotator=note.annotator,
        )
        return self._journal(note, event)

    def _journal(self, annotation: Annotation, event: Event) -> Journal:
        return Journal(at=self.clock.now(), edges=(answered(annotation),), events=(event,))
