"""A project that labels elsewhere is brought in step: open tasks go out in batches, answers come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from trueup.annotation.tasks import answer_from_backend
from trueup.errors import ConflictError, NotFoundError, TaskClosedError
from trueup.events import AnnotationSubmitted
from trueup.lineage.edges import answered
from trueup.model import Annotation, Project, Record, Task, TaskStatus, content_id
from trueup.ports import BatchStore, Clock, Journal, LabelingBackend, LabelingJob, TaskStore

_ATTEMPTS = 5
_SCAN = 1000


class SyncReport(Record, frozen=True, kw_only=True):
    """Tasks handed over, and answers taken in, by one pass."""

    sent: int
    received: int


@dataclass(frozen=True)
class SyncBackend:
    """One pass; running it twice does no more than once. A task is marked with its batch before the batch is
    started, so it is never in two batches; a batch that was marked and not started is started by the next pass."""

    project: Project
    tasks: TaskStore
    batches: BatchStore
    backend: LabelingBackend
    batch_size: int
    clock: Clock

    def __call__(self) -> SyncReport:
        received = sum(self._collect(each) for each in self.batches.batches(self.project.name, "in_progress"))
        return SyncReport(sent=self._send(), received=received)

    def _send(self) -> int:
        waiting = [
            each
            for each in self.tasks.by_status(self.project.name, TaskStatus.OPEN, _SCAN)
            if each.backend != "queue" and each.backend_batch is None
        ]
        if not waiting:
            return 0
        chosen = waiting[: self.batch_size]
        name = f"trueup-{self.project.name}-{content_id(*sorted(each.task_id for each in chosen))[:12]}"
        marked = [each for each in (self._mark(task, name) for task in chosen) if each is not None]
        if marked:
            job = LabelingJob(
                project=self.project.name,
                name=name,
                status="in_progress",
                task_ids=tuple(each.task_id for each in marked),
            )
            self.batches.save_batch(job)
            self.backend.start(name, marked)
        return len(marked)

    def _mark(self, task: Task, batch: str) -> Task | None:
        marked = msgspec.structs.replace(task, backend_batch=batch, revision=task.revision + 1)
        try:
            self.tasks.save(marked, Journal(at=self.clock.now()))
        except ConflictError:
            return None
        return marked

    def _collect(self, job: LabelingJob) -> int:
        status = self._status(job)
        taken = sum(self._take(each) for each in self.backend.answers(job.name))
        if status != "in_progress":
            self._release(job)
            self.batches.save_batch(msgspec.structs.replace(job, status=status))
        return taken

    def _status(self, job: LabelingJob) -> str:
        try:
            return self.backend.status(job.name)
        except NotFoundError:
            tasks = [self.tasks.get(self.project.name, each) for each in job.task_ids]
            self.backend.start(job.name, tasks)
            return "in_progress"

    def _take(self, annotation: Annotation) -> bool:
        """Write one answer once. Answers to a task that is settled meanwhile are of no use and left."""
        for _ in range(_ATTEMPTS):
            task = self.tasks.get(annotation.project, annotation.task_id)
            if self.tasks.annotation(annotation.project, annotation.task_id, annotation.annotation_id) is not None:
                return False
            try:
                self.tasks.save(
                    answer_from_backend(task, annotation),
                    _arrival(annotation, self.clock.now()),
                    annotation=annotation,
                )
            except TaskClosedError:
                return False
            except ConflictError:
                continue
            return True
        raise ConflictError(f"task {annotation.task_id} is busy")

    def _release(self, job: LabelingJob) -> None:
        """Tasks that the batch left open (failed, expired, too few answers) go into a later batch."""
        for task_id in job.task_ids:
            task = self.tasks.get(self.project.name, task_id)
            unanswered = len(task.answered_by) < task.overlap
            if task.status is TaskStatus.OPEN and unanswered and task.backend_batch == job.name:
                released = msgspec.structs.replace(task, backend_batch=None, revision=task.revision + 1)
                self.tasks.save(released, Journal(at=self.clock.now()))


def _arrival(annotation: Annotation, at: datetime) -> Journal:
    event = AnnotationSubmitted(
        project=annotation.project,
        task_id=annotation.task_id,
        annotation_id=annotation.annotation_id,
        annotator=annotation.annotator,
    )
    return Journal(at=at, edges=(answered(annotation),), events=(event,))
