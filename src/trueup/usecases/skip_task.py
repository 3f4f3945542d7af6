"""An annotator passes a task on to somebody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.annotation.tasks import send_to_review, skip
from trueup.errors import ConflictError
from trueup.events import ReviewRequested, TaskSkipped
from trueup.model import Project, Skip, Task
from trueup.ports import AnnotationQueue, Clock, Journal, Slot, TaskStore
from trueup.usecases.find_project import project_named

_ATTEMPTS = 5


@dataclass(frozen=True)
class SkipTask:
    """Give the slot back; this annotator is not asked about this task again. What `consensus.max_skips` people passed
    on is a reviewer's matter.

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
            skipped = skip(task, annotator, token, now, reason)
            event = TaskSkipped(project=project.name, task_id=task_id, annotator=annotator, reason=reason)
            given_up = len(skipped.skips) >= project.consensus.max_skips
            try:
                if given_up:
                    self._give_up(skipped, event, now)
                else:
                    self.tasks.save(skipped, Journal(at=now, events=(event,)))
            except ConflictError:
                continue
            receipt = next((each.receipt for each in task.leases if each.token == token), "")
            if receipt:
                self.queue.give_back(task.lane, Slot(task_id=task_id, receipt=receipt))
            return
        raise ConflictError(f"task {task_id} is busy: skip it again")

    def _give_up(self, skipped: Task, event: TaskSkipped, now: datetime) -> None:
        reason = f"passed on by {len(skipped.skips)}: {told(skipped.skips)}"
        dispute = ReviewRequested(project=skipped.project, task_id=skipped.task_id, reason=reason)
        review = replace(send_to_review(skipped), revision=skipped.revision)
        self.tasks.save(review, Journal(at=now, events=(event, dispute)))


def told(skips: Sequence[Skip]) -> str:
    """Reasons with their numbers, the most usual first."""
    reasons = Counter(each.reason.strip() or "no reason" for each in skips)
    return ", ".join(reason if count == 1 else f"{reason} ({count})" for reason, count in reasons.most_common())
