"""A project that labels elsewhere is brought in step: open tasks go out in batches, answers come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from trueup.annotation.tasks import answer_from_backend, send_to_review, take_back
from trueup.errors import ConflictError, NotFoundError, TaskClosedError
from trueup.events import AnnotationSubmitted, BatchEnded, ReviewRequested
from trueup.lineage.edges import answered, sent
from trueup.model import Annotation, Charge, Project, Record, Task, TaskStatus, content_id
from trueup.ports import BatchStore, Bill, Clock, Journal, LabelingBackend, LabelingJob, TaskStore

_ATTEMPTS = 5
_SCAN = 1000
# So often in turn a task may come back without its answers; then a reviewer decides.
_MOST_RETURNS = 3
_UNANSWERED = f"{_MOST_RETURNS} batches in turn brought too few answers"
_PAUSE = timedelta(hours=1)


class SyncReport(Record, frozen=True, kw_only=True):
    """Tasks handed over, and answers taken in, by one pass."""

    sent: int
    received: int


@dataclass(frozen=True)
class SyncBackend:
    """One pass; running it twice does no more than once. A batch is recorded before its tasks are marked with it,
    and they are marked before it is started: a task is never in two batches, and a pass that was cut short
    anywhere is taken up by the next one."""

    project: Project
    tasks: TaskStore
    batches: BatchStore
    backend: LabelingBackend
    batch_size: int
    clock: Clock

    def __call__(self) -> SyncReport:
        self.backend.begin_pass()
        received = sum(self._collect(each) for each in self.batches.batches(self.project.name, "in_progress"))
        return SyncReport(sent=self._send(), received=received)

    def _send(self) -> int:
        waiting = [
            each
            for each in self.tasks.by_status(self.project.name, TaskStatus.OPEN, _SCAN)
            if each.backend != "queue" and each.backend_batch is None
        ]
        if not waiting or self._pauses():
            return 0
        # A service asks the same number of people about each object of a batch.
        missing = sorted({_missing(each) for each in waiting}, reverse=True)
        return sum(self._send_batch([each for each in waiting if _missing(each) == number]) for number in missing)

    def _send_batch(self, waiting: Sequence[Task]) -> int:
        chosen = waiting[: self.batch_size]
        task_ids = tuple(each.task_id for each in chosen)
        # With revisions: tasks that come back from a batch must not get the name of a job that has ended.
        states = sorted(f"{each.task_id}:{each.revision}" for each in chosen)
        name = f"trueup-{self.project.name}-{content_id(*states)[:12]}"
        job = LabelingJob(project=self.project.name, name=name, status="in_progress", task_ids=task_ids)
        self.batches.save_batch(job)
        return self._launch(job)

    def _pauses(self) -> bool:
        """Whether a batch failed as a whole of late: its successor would fail for the same reason."""
        failed = self.batches.batches(self.project.name, "failed")
        return any(each.retry_at is not None and each.retry_at > self.clock.now() for each in failed)

    def _launch(self, job: LabelingJob) -> int:
        """Start the batch with those of its tasks that still wait; returns how many."""
        marked = [each for each in (self._mark(task_id, job.name) for task_id in job.task_ids) if each is not None]
        if marked:
            self.backend.start(job.name, marked)
        else:
            self.batches.save_batch(msgspec.structs.replace(job, status="stopped"))
        return len(marked)

    def _mark(self, task_id: str, batch: str) -> Task | None:
        for _ in range(_ATTEMPTS):
            task = self.tasks.get(self.project.name, task_id)
            if task.status is not TaskStatus.OPEN or task.backend_batch not in (None, batch):
                return None
            if task.backend_batch == batch:
                return task
            marked = msgspec.structs.replace(task, backend_batch=batch, revision=task.revision + 1)
            try:
                now = self.clock.now()
                self.tasks.save(marked, Journal(at=now, edges=(sent(marked, batch, now),)))
            except ConflictError:
                continue
            return marked
        return None

    def _collect(self, job: LabelingJob) -> int:
        status = self._status(job)
        if status is None:
            self._launch(job)
            return 0
        answers = self.backend.answers(job.name)
        taken = sum(self._take(each) for each in answers)
        if status != "in_progress":
            self._finish(msgspec.structs.replace(job, status=status), len(answers))
        return taken

    def _finish(self, job: LabelingJob, answers: int) -> None:
        reasons = self.backend.failures(job.name)
        refused = reasons.keys() - self.backend.retryable(job.name)
        self._release(job, reasons, refused)
        failed = job.status == "failed" and not refused.issuperset(job.task_ids)
        retry_at = self.clock.now() + _PAUSE if failed else None
        self._end(msgspec.structs.replace(job, retry_at=retry_at), answers)

    def _end(self, job: LabelingJob, answers: int) -> None:
        charge = self._charge(job, answers)
        ended = BatchEnded(
            project=job.project,
            batch=job.name,
            backend=self.project.backend,
            status=job.status,
            objects=charge.objects,
            answers=charge.answers,
            amount=charge.amount,
            currency=charge.currency,
        )
        journal = Journal(at=charge.at, events=(ended,))
        bought = charge if charge.objects or charge.amount else None
        self.batches.end_batch(job, journal, bought)

    def _charge(self, job: LabelingJob, answers: int) -> Charge:
        now = self.clock.now()
        before = sum(each.objects for each in self.batches.charges(job.project, f"{now:%Y-%m}"))
        bill = self.backend.bill(job.name, answers, before) or Bill(objects=0, amount=0.0)
        return Charge(
            project=job.project,
            batch=job.name,
            backend=self.project.backend,
            at=now,
            objects=bill.objects,
            answers=answers,
            amount=bill.amount,
            currency=bill.currency,
        )

    def _status(self, job: LabelingJob) -> str | None:
        """None when the backend does not know the batch: a pass was cut short before it was started."""
        try:
            return self.backend.status(job.name)
        except NotFoundError:
            return None

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

    def _release(self, job: LabelingJob, reasons: Mapping[str, str], refused: AbstractSet[str]) -> None:
        """Tasks that the batch left open (failed, expired, stopped, too few answers) go into a later batch; those that
        the backend cannot label at all, or gave back time and again, go to a reviewer, with its reason."""
        # A job that failed as a whole says nothing of its tasks.
        blamed = job.status != "failed"
        for task_id in job.task_ids:
            task = self.tasks.get(self.project.name, task_id)
            unanswered = len(task.answered_by) < task.overlap
            if task.status is not TaskStatus.OPEN or task.backend_batch != job.name or not unanswered:
                continue
            if task_id in refused or (blamed and task.returned + 1 >= _MOST_RETURNS):
                self._send_to_review(task, reasons.get(task_id, _UNANSWERED))
            else:
                self.tasks.save(take_back(task, blamed=blamed), Journal(at=self.clock.now()))

    def _send_to_review(self, task: Task, reason: str) -> None:
        why = f"{task.backend} could not label it: {reason}"
        event = ReviewRequested(project=task.project, task_id=task.task_id, reason=why)
        self.tasks.save(send_to_review(task), Journal(at=self.clock.now(), events=(event,)))


def _missing(task: Task) -> int:
    return max(1, task.overlap - len(task.answered_by))


def _arrival(annotation: Annotation, at: datetime) -> Journal:
    event = AnnotationSubmitted(
        project=annotation.project,
        task_id=annotation.task_id,
        annotation_id=annotation.annotation_id,
        annotator=annotation.annotator,
    )
    return Journal(at=at, edges=(answered(annotation),), events=(event,))
