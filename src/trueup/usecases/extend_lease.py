"""An annotator is still at it: the lease lives on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.annotation.tasks import extend
from trueup.model import Lease, Project
from trueup.ports import AnnotationQueue, Clock, Journal, TaskStore
from trueup.usecases.find_project import project_named


@dataclass(frozen=True)
class ExtendLease:
    """Hold a task for another lease time. Raises LeaseError, NotFoundError, ConflictError (try again)."""

    projects: Mapping[str, Project]
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock

    def __call__(self, project_name: str, task_id: str, annotator: str, token: str) -> Lease:
        project = project_named(self.projects, project_name)
        now = self.clock.now()
        seconds = project.consensus.lease_seconds
        task = extend(self.tasks.get(project.name, task_id), annotator, token, now, seconds)
        self.tasks.save(task, Journal(at=now))
        lease = next(each for each in task.leases if each.token == token)
        if lease.receipt:
            self.queue.hold(task.lane, lease.receipt, seconds)
        return lease
