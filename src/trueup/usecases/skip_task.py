"""An annotator passes a task on to somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.annotation.tasks import skip
from trueup.errors import ConflictError
from trueup.events import TaskSkipped
from trueup.model import Project
from trueup.ports import AnnotationQueue, Clock, Journal, Slot, TaskStore
from trueup.usecases.find_project import project_named

_ATTEMPTS = 5


@dataclass(frozen=True)
class SkipTask:
    """Give the slot back; this annotator is not asked about this task again.

    Raises LeaseError, NotFoundError, ConflictError (the task is busy: try again).
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock

    def __call__(self, project_name: str, task_id: str, annotator: str, token: str, reason: str) -> None:
        project = project_named(self.projects, project_name)
        for _ in range(_ATTEMPTS):
            now = self.clock.now()
            task = self.tasks.get(project.name, task_id)
            skipped = skip(task, annotator, token, now)
            event = TaskSkipped(project=project.name, task_id=task_id, annotator=annotator, reason=reason)
            try:
                self.tasks.save(skipped, Journal(at=now, events=(event,)))
            except ConflictError:
                continue
            receipt = next((each.receipt for each in task.leases if each.token == token), "")
            if receipt:
                self.queue.give_back(project.name, Slot(task_id=task_id, receipt=receipt))
            return
        raise ConflictError(f"task {task_id} is busy: skip it again")
