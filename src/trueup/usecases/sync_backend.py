"""A project that labels elsewhere is brought in step: open tasks go out in batches, answers come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from msgspec.structs import replace

from trueup.annotation.tasks import GOLD, hand_over, hasten, live_leases, send_to_review, take_back
from trueup.errors import ConflictError, NotFoundError
from trueup.events import BatchEnded, ReviewRequested
from trueup.lineage.edges import sent
from trueup.model import AUDIT, Charge, Project, Record, Task, TaskStatus, content_id
from trueup.ports import (
    BatchStore,
    Bill,
    Clock,
    Journal,
    LabelingBackend,
    LabelingJob,
    QueueStandings,
    TaskStore,
)
from trueup.usecases.take_backend_answers import TakeBackendAnswers

_ATTEMPTS = 5
_SCAN = 1000
# So often in turn a task may come back without its answers; then a reviewer decides.
_MOST_RETURNS = 3
_UNANSWERED = f"{_MOST_RETURNS} batches in turn brought too few answers"
_PAUSE = timedelta(hours=1)
_Change: TypeAlias = tuple[Task, Journal]


class SyncReport(Record, frozen=True, kw_only=True):
    """Tasks handed over, answers taken in, and answers that were taken back there, by one pass."""

    sent: int
    received: int
    withdrawn: int = 0


@dataclass(frozen=True)
class SyncBackend:
    """One pass; running it twice does no more than once. A batch is recorded before its tasks are marked with it,
    and they are marked before it is started: a task is never in two batches, and a pass that was cut short
    anywhere is taken up by the next one.

    `backends` are those that the configuration has settings of, by name. Batches of another one than the project's
    present backend are called back; those of one without settings are given up, and their tasks are asked elsewhere.
    """

    project: Project
    tasks: TaskStore
    answers: TakeBackendAnswers
    batches: BatchStore
    backends: Mapping[str, LabelingBackend]
    standings: QueueStandings
    clock: Clock

    def __call__(self, *, thorough: bool = False) -> SyncReport:
        """`thorough` also looks for tasks that wait for a backend that the project never used; where it labels at
        home, that takes reading what is open, and only a new configuration can have left some."""
        name = self.project.name
        for each in self.backends.values():
            each.begin_pass()
        received = sum(self._collect(each) for each in self.batches.batches(name, "in_progress"))
        changed = [self._reconcile(*each) for each in self.backends.items()]
        away = self.project.backend != "queue" or self.batches.ever(name)
        return SyncReport(
            sent=self._send() if away or thorough else 0,
            received=received + sum(each.received for each in changed),
            withdrawn=sum(each.withdrawn for each in changed),
        )

    def _send(self) -> int:
        waiting = [each for each in self._open() if self._waits(each)]
        if not waiting:
            return 0
        if self.project.backend == "queue":
            return self._bring_home(waiting)
        if self._pauses():
            return 0
        if self.backends[self.project.backend].single:
            return self._send_batch(waiting)
        # Such a service asks the same number of people about each object of a batch.
        missing = sorted({_missing(each) for each in waiting}, reverse=True)
        return sum(self._send_batch([each for each in waiting if _missing(each) == number]) for number in missing)

    def _send_batch(self, waiting: Sequence[Task]) -> int:
        chosen = waiting[: self.project.batch]
        task_ids = tuple(each.task_id for each in chosen)
        # With revisions: tasks that come back from a batch must not get the name of a job that has ended.
        states = sorted(f"{each.task_id}:{each.revision}" for each in chosen)
        job = LabelingJob(
            project=self.project.name,
            name=f"trueup-{self.project.name}-{content_id(*states)[:12]}",
            status="in_progress",
            task_ids=task_ids,
            backend=self.project.backend,
        )
        # Where a pass that began later was faster, it has asked about these and has had its answers.
        return self._launch(job) if self.batches.save_batch(job) else 0

    def _open(self) -> list[Task]:
        return self.tasks.by_status(self.project.name, TaskStatus.OPEN, _SCAN)

    def _waits(self, task: Task) -> bool:
        """Whether nobody is asked about it where the project asks now. Who holds a task of the queue may answer it."""
        if task.backend == GOLD or task.backend_batch is not None:
            return False
        at_home = task.backend == "queue"
        return not (at_home and (self.project.backend == "queue" or live_leases(task, self.clock.now())))

    def _bring_home(self, waiting: Sequence[Task]) -> int:
        """They have waited already, so they come first there: `claim_task` looks for what does, once it is told."""
        now = self.clock.now()
        standing = replace(self.standings.standing(self.project.name), hastened_at=now)
        self.standings.set_standing(standing, Journal(at=now))
        return sum(self._hand_home(each) for each in waiting)

    def _hand_home(self, task: Task) -> bool:
        def home(now: Task) -> _Change | None:
            if now.status is not TaskStatus.OPEN or not self._waits(now):
                return None
            handed = hand_over(now, "queue")
            return replace(hasten(handed), revision=handed.revision), Journal(at=self.clock.now())

        return self._change(task.task_id, home).backend == "queue"

    def _pauses(self) -> bool:
        """Whether a batch failed as a whole of late: its successor would fail for the same reason."""
        failed = self.batches.batches(self.project.name, "failed")
        return any(each.retry_at is not None and each.retry_at > self.clock.now() for each in failed)

    def _launch(self, job: LabelingJob) -> int:
        """Start the batch with those of its tasks that still wait; returns how many."""
        marked = [each for each in (self._mark(task_id, job) for task_id in job.task_ids) if each is not None]
        if marked:
            self.backends[job.backend].start(job.name, [self._blind(each) for each in marked])
        else:
            self.batches.save_batch(replace(job, status="stopped"))
        return len(marked)

    def _mark(self, task_id: str, job: LabelingJob) -> Task | None:
        def marked(task: Task) -> _Change | None:
            free = task.status is TaskStatus.OPEN and task.backend_batch is None
            if not free or live_leases(task, self.clock.now()):
                return None
            mine, now = replace(hand_over(task, job.backend), backend_batch=job.name), self.clock.now()
            return mine, Journal(at=now, edges=(sent(mine, job.name, now),))

        task = self._change(task_id, marked)
        return task if task.status is TaskStatus.OPEN and task.backend_batch == job.name else None

    def _blind(self, task: Task) -> Task:
        """Without what the model said, unless people may see it; of an audit they never may."""
        if task.prediction is None or not self.project.annotation.show_prediction:
            return replace(task, prediction=None)
        selection = self.tasks.selection(task.project, task.sample_id)
        audit = selection is None or selection.strategy == AUDIT
        return replace(task, prediction=None) if audit else task

    def _collect(self, job: LabelingJob) -> int:
        backend, former = self.backends.get(job.backend), job.backend != self.project.backend
        status = self._status(backend, job)
        if backend is None or (status is None and former):
            self._give_up(job)
            return 0
        if status is None:
            self._launch(job)
            return 0
        if former and status == "in_progress":
            backend.recall(job.name)
            status = backend.status(job.name)
        answers = backend.answers(job.name)
        taken = sum(map(self.answers.take, answers))
        if status != "in_progress":
            self._finish(replace(job, status=status), backend, len(answers))
        elif backend.single:
            self._go_on(job, backend)
        return taken

    def _go_on(self, job: LabelingJob, backend: LabelingBackend) -> None:
        """Of tasks that are closed here nobody is asked there any more."""
        back = backend.returned(job.name, job.task_ids)
        reasons = backend.failures(job.name) if back else {}
        closed = self._release(job, back, reasons, reasons.keys(), blamed=True)
        if closed:
            backend.withdraw(job.name, closed)

    def _finish(self, job: LabelingJob, backend: LabelingBackend, answers: int) -> None:
        reasons = backend.failures(job.name)
        refused = reasons.keys() - backend.retryable(job.name)
        # A job that failed as a whole, or was called back, says nothing of its tasks.
        blamed = job.status != "failed" and job.backend == self.project.backend
        self._release(job, frozenset(job.task_ids), reasons, refused, blamed=blamed)
        failed = job.status == "failed" and not refused.issuperset(job.task_ids)
        retry_at = self.clock.now() + _PAUSE if failed else None
        self._end(replace(job, retry_at=retry_at), backend, answers)

    def _end(self, job: LabelingJob, backend: LabelingBackend, answers: int) -> None:
        charge = self._charge(job, backend, answers)
        ended = BatchEnded(
            project=job.project,
            batch=job.name,
            backend=job.backend,
            status=job.status,
            objects=charge.objects,
            answers=charge.answers,
            amount=charge.amount,
            currency=charge.currency,
        )
        journal = Journal(at=charge.at, events=(ended,))
        bought = charge if charge.objects or charge.amount else None
        self.batches.end_batch(job, journal, bought)

    def _charge(self, job: LabelingJob, backend: LabelingBackend, answers: int) -> Charge:
        now = self.clock.now()
        charges = self.batches.charges(job.project, f"{now:%Y-%m}")
        before = sum(each.objects for each in charges if each.backend == job.backend)
        bill = backend.bill(job.name, answers, before) or Bill(objects=0, amount=0.0)
        return Charge(
            project=job.project,
            batch=job.name,
            backend=job.backend,
            at=now,
            objects=bill.objects,
            answers=answers,
            amount=bill.amount,
            currency=bill.currency,
        )

    def _status(self, backend: LabelingBackend | None, job: LabelingJob) -> str | None:
        """None when the backend does not know the batch: a pass was cut short before it was started."""
        try:
            return backend.status(job.name) if backend else None
        except NotFoundError:
            return None

    def _give_up(self, job: LabelingJob) -> None:
        for task_id in job.task_ids:
            self._change(task_id, lambda task: self._taken_back(task, job, blamed=False))
        self.batches.save_batch(replace(job, status="stopped"))

    def _release(
        self,
        job: LabelingJob,
        back: AbstractSet[str],
        reasons: Mapping[str, str],
        refused: AbstractSet[str],
        *,
        blamed: bool,
    ) -> list[str]:
        """Tasks that come back without all of their answers (failed, expired, stopped, too few people) go into a later
        batch; those that the backend cannot label at all, or gave back time and again, go to a reviewer, with its
        reason. Returns those that are closed."""

        def released(task: Task) -> _Change | None:
            if task.task_id not in back or len(task.answered_by) >= task.overlap:
                return None
            if task.task_id not in refused and not (blamed and task.returned + 1 >= _MOST_RETURNS):
                return self._taken_back(task, job, blamed=blamed)
            return self._sent_to_review(task, job, reasons.get(task.task_id, _UNANSWERED))

        tasks = {each: self._change(each, released) for each in job.task_ids}
        return [each for each, task in tasks.items() if task.status is not TaskStatus.OPEN]

    def _taken_back(self, task: Task, job: LabelingJob, *, blamed: bool) -> _Change | None:
        return (take_back(task, blamed=blamed), Journal(at=self.clock.now())) if _is_with(task, job) else None

    def _sent_to_review(self, task: Task, job: LabelingJob, reason: str) -> _Change | None:
        why = f"{task.backend} could not label it: {reason}"
        event = ReviewRequested(project=task.project, task_id=task.task_id, reason=why)
        journal = Journal(at=self.clock.now(), events=(event,))
        return (send_to_review(task), journal) if _is_with(task, job) else None

    def _change(self, task_id: str, change: Callable[[Task], _Change | None]) -> Task:
        """The task as it is then; `change` says None to leave it so. Another pass, a settlement or an answer may change
        it at the same moment: then it is looked at again. Raises ConflictError after losing several races."""
        for _ in range(_ATTEMPTS):
            task = self.tasks.get(self.project.name, task_id)
            changed = change(task)
            if changed is None:
                return task
            try:
                self.tasks.save(*changed)
            except ConflictError:
                continue
            return changed[0]
        raise ConflictError(f"task {task_id} is busy")

    def _reconcile(self, name: str, backend: LabelingBackend) -> SyncReport:
        """What was edited or deleted there since the last pass, in batches that ended long ago, too."""
        changes = backend.changes(self.batches.seen(self.project.name, name))
        received = withdrawn = 0
        for each in changes.tasks:
            try:
                received += sum(map(self.answers.take, each.answers))
                withdrawn += self.answers.take_back(self.project.name, name, each)
            except NotFoundError:
                # Somebody made a task of that name there.
                continue
        if changes.until is not None:
            self.batches.saw(self.project.name, name, changes.until)
        return SyncReport(sent=0, received=received, withdrawn=withdrawn)


def _is_with(task: Task, job: LabelingJob) -> bool:
    return task.status is TaskStatus.OPEN and task.backend_batch == job.name


def _missing(task: Task) -> int:
    return max(1, task.overlap - len(task.answered_by))
