"""An annotator passes a task on to somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.annotation.tasks import skip
from trueup.events import TaskSkipped
from trueup.model import Project
from trueup.ports import AnnotationQueue, Clock, Journal, Slot, TaskStore
from trueup.usecases.find_project import project_named


@dataclass(frozen=True)
class SkipTask:
    """Give the slot back; this annotator is not asked about this task again. Raises LeaseError, NotFoundError."""

    projects: Mapping[str, Project]
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock

    def __call__(self, project_name: str, task_id: str, annotator: str, token: str, reason: str) -> None:
        project = project_named(self.projects, project_name)
        now = self.clock.now()
        task = self.tasks.get(project.name, task_id)
        receipt = next((each.receipt for each in task.leases if each.token == token), "")
        event = TaskSkipped(project=project.name, task_id=task_id, annotator=annotator, reason=reason)
        self.tasks.save(skip(task, annotator, token, now), Journal(at=now, events=(event,)))
        if receipt:
            self.queue.give_back(project.name, Slot(task_id=task_id, receipt=receipt))
