"""Transitions of a task. Each returns a new Task with the next revision; the store swaps it in or refuses.

A task has `overlap` slots. A slot is taken by somebody who answered, or by an unexpired lease of somebody who
has not. Expired leases are dropped at the next transition, so an abandoned lease returns by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from trueup.annotation.queues import route
from trueup.errors import LeaseError, TaskClosedError
from trueup.model import (
    MODEL_ANNOTATOR,
    Annotation,
    Comment,
    Gold,
    Lease,
    Project,
    Sample,
    Selection,
    Skip,
    Task,
    TaskQueue,
    TaskStatus,
    content_id,
)

# Added to the priority of a task that is to be answered first; scores of selection lie in [0, 1].
URGENT = 1000.0
_FIRST = 1.0
_SCHEMA = "label schema"
# The backend of tasks whose label is known: nobody claims them, one annotator is given each.
GOLD = "gold"
# What a task becomes that wants one answer more: a foreign backend gave what its batch was to bring.
_NO_BATCH: dict[str, object] = {"backend_batch": None, "returned": 0}


def open_task(project: str, sample: Sample, selection: Selection, at: datetime, config: Project) -> Task:
    """The task that asks about a selected sample. One sample has one task, so the id is the sample's."""
    queue = route(config, sample, selection)
    return Task(
        project=project,
        task_id=task_id_of(project, sample.sample_id),
        sample_id=sample.sample_id,
        content_type=sample.content_type,
        payload_uri=sample.payload_uri,
        priority=selection.score,
        overlap=config.consensus.overlap,
        opened_at=at,
        backend=config.backend,
        prediction=selection.prediction,
        queue=queue.name,
        due_at=None if queue.deadline_hours is None else at + timedelta(hours=queue.deadline_hours),
        slice=sample.slice,
    )


def task_of_schema(sample: Sample, selection: Selection | None, why: str, at: datetime, config: Project) -> Task:
    """The task that asks about a sample again since classes changed: one for each label schema, with answers of its
    own. It comes before what selection asks about, and its annotators read why."""
    deadline = config.annotation.deadline_hours
    queue = route(config, sample, selection) if selection else TaskQueue(name="", deadline_hours=deadline)
    return Task(
        project=config.name,
        task_id=content_id(config.name, sample.sample_id, config.label_schema.version)[:32],
        sample_id=sample.sample_id,
        content_type=sample.content_type,
        payload_uri=sample.payload_uri,
        priority=_FIRST,
        overlap=config.consensus.overlap,
        opened_at=at,
        backend=config.backend,
        prediction=selection.prediction if selection else None,
        comments=(Comment(by=_SCHEMA, at=at, text=why),),
        queue=queue.name,
        due_at=None if queue.deadline_hours is None else at + timedelta(hours=queue.deadline_hours),
        slice=sample.slice,
    )


def task_id_of(project: str, sample_id: str) -> str:
    return content_id(project, sample_id)[:32]


def is_model(annotator: str) -> bool:
    """Whether it is no person. Of a task's answers at most one is a model's, so that models never agree by
    themselves."""
    return annotator.startswith(MODEL_ANNOTATOR)


def lease_token(task_id: str, annotator: str, revision: int) -> str:
    """Fencing token of the lease granted at this revision; a revision is granted once, so tokens differ."""
    return content_id(task_id, annotator, str(revision))[:32]


def live_leases(task: Task, now: datetime) -> tuple[Lease, ...]:
    return tuple(each for each in task.leases if each.expires_at > now)


def free_slots(task: Task, now: datetime) -> int:
    """Slots that nobody answered or holds."""
    holders = {each.annotator for each in live_leases(task, now)}
    return task.overlap - len(holders | set(task.answered_by))


def can_claim(task: Task, annotator: str, now: datetime) -> str | None:
    """None when the annotator may take a slot, or else the reason why not."""
    if task.status is not TaskStatus.OPEN:
        return f"the task is {task.status}"
    if task.backend != "queue":
        return f"the task is with {task.backend}"
    if annotator in task.answered_by:
        return "this annotator has answered it"
    if annotator in task.skipped_by:
        return "this annotator has skipped it"
    holders = [each.annotator for each in live_leases(task, now)]
    if annotator in holders:
        return "this annotator holds it already"
    if is_model(annotator) and any(map(is_model, (*task.answered_by, *holders))):
        return "a model has answered it, or is about to"
    return None if free_slots(task, now) > 0 else "every slot is taken"


def grant(task: Task, annotator: str, token: str, receipt: str, now: datetime, seconds: int) -> Task:
    """Give the annotator a slot for `seconds`. Raises LeaseError when `can_claim` says no."""
    refusal = can_claim(task, annotator, now)
    if refusal is not None:
        raise LeaseError(f"task {task.task_id} cannot be leased: {refusal}")
    lease = Lease(
        task_id=task.task_id,
        annotator=annotator,
        token=token,
        expires_at=now + timedelta(seconds=seconds),
        receipt=receipt,
    )
    return _next(task, leases=(*live_leases(task, now), lease))


def extend(task: Task, annotator: str, token: str, now: datetime, seconds: int) -> Task:
    """Hold the lease for `seconds` from now. Raises LeaseError."""
    held = _held(task, annotator, token, now)
    longer = msgspec.structs.replace(held, expires_at=now + timedelta(seconds=seconds))
    return _next(task, leases=(*_others(task, token, now), longer))


def answer(task: Task, annotation: Annotation, token: str | None, now: datetime) -> Task:
    """Take an answer in: under a lease, or as a correction of the annotator's own earlier answer.

    A correction of a settled task opens it again, so that its consensus is judged anew. Raises LeaseError,
    TaskClosedError (in review or cancelled).
    """
    if annotation.supersedes is not None:
        return _correct(task, annotation, now)
    _held(task, annotation.annotator, token or "", now)
    if task.status is not TaskStatus.OPEN:
        raise TaskClosedError(f"task {task.task_id} is {task.status} and takes no more answers")
    return _next(
        task,
        leases=_others(task, token or "", now),
        answered_by=(*task.answered_by, annotation.annotator),
    )


def answer_from_backend(task: Task, annotation: Annotation) -> Task:
    """Take in an answer that a foreign backend collected, or a correction of one: that opens a settled task again.
    Raises TaskClosedError."""
    if annotation.annotator in task.answered_by:
        return _again(task)
    if task.status is not TaskStatus.OPEN:
        raise TaskClosedError(f"task {task.task_id} is {task.status} and takes no more answers")
    return _next(task, answered_by=(*task.answered_by, annotation.annotator))


def withdraw_answer(task: Task, annotator: str) -> Task:
    """Somebody's answer counts no more, and its slot is free: the task is to be handed out again. Raises
    TaskClosedError."""
    rest = tuple(each for each in task.answered_by if each != annotator)
    return msgspec.structs.replace(_again(task), answered_by=rest, backend_batch=None)


def hand_over(task: Task, backend: str) -> Task:
    """Into a batch of another backend, or to the queue. Raises TaskClosedError (not open)."""
    if task.status is not TaskStatus.OPEN:
        raise TaskClosedError(f"task {task.task_id} is {task.status}: nobody is asked about it")
    return _next(task, backend=backend, backend_batch=None)


def skip(task: Task, annotator: str, token: str, now: datetime, reason: str = "") -> Task:
    """Give the slot back for somebody else. Raises LeaseError."""
    _held(task, annotator, token, now)
    passed = Skip(by=annotator, at=now, reason=reason)
    return _next(task, leases=_others(task, token, now), skips=(*task.skips, passed))


def cancel(task: Task) -> Task:
    """Nobody is asked any more. Raises TaskClosedError (settled or cancelled already)."""
    if task.status not in (TaskStatus.OPEN, TaskStatus.REVIEW):
        raise TaskClosedError(f"task {task.task_id} is {task.status}: only one that is open or in review is cancelled")
    return _next(task, status=TaskStatus.CANCELLED, leases=())


def gold_task(gold: Gold, annotator: str, now: datetime, seconds: int) -> Task:
    """The task by which one annotator is asked about what is known: it looks like any other, and is theirs alone."""
    task_id = content_id(gold.project, GOLD, gold.gold_id, annotator)[:32]
    token = lease_token(task_id, annotator, 0)
    lease = Lease(task_id=task_id, annotator=annotator, token=token, expires_at=now + timedelta(seconds=seconds))
    return Task(
        project=gold.project,
        task_id=task_id,
        sample_id=gold.sample_id,
        content_type=gold.content_type,
        payload_uri=gold.payload_uri,
        priority=0.0,
        overlap=1,
        opened_at=now,
        leases=(lease,),
        backend=GOLD,
        gold_id=gold.gold_id,
    )


def lend_again(task: Task, annotator: str, now: datetime, seconds: int) -> Task:
    """A gold task that its annotator let lie, under a new lease. Raises LeaseError where it is held, or was passed on,
    answered or closed."""
    if task.status is not TaskStatus.OPEN or task.answered_by or task.skips or live_leases(task, now):
        raise LeaseError(f"task {task.task_id} is not to be lent again")
    token = lease_token(task.task_id, annotator, task.revision + 1)
    lease = Lease(task_id=task.task_id, annotator=annotator, token=token, expires_at=now + timedelta(seconds=seconds))
    return _next(task, leases=(lease,))


def reopen(task: Task) -> Task:
    """Ask one more person about what was settled. Raises TaskClosedError (not settled, or ruled on)."""
    if task.status is not TaskStatus.SETTLED or task.final:
        raise TaskClosedError(f"task {task.task_id} is {task.status}: only a label that people settled is asked again")
    return _next(task, status=TaskStatus.OPEN, overlap=len(task.answered_by) + 1, **_NO_BATCH)


def take_back(task: Task, *, blamed: bool) -> Task:
    """Out of a batch of a foreign backend that ended without its answers, for a later one. `blamed`: that may lie at
    the task."""
    return _next(task, backend_batch=None, returned=task.returned + blamed)


def hasten(task: Task) -> Task:
    """Before all that were not hastened. Raises TaskClosedError (not open)."""
    if task.status is not TaskStatus.OPEN:
        raise TaskClosedError(f"task {task.task_id} is {task.status}: only an open one waits for anybody")
    return _next(task, priority=task.priority + (0.0 if is_urgent(task) else URGENT))


def is_urgent(task: Task) -> bool:
    return task.priority >= URGENT


def widen(task: Task) -> Task:
    """Ask one more annotator, beyond whoever answered: a ruling or a truth may have come beside the overlap."""
    return _next(task, overlap=max(task.overlap, len(task.answered_by)) + 1, **_NO_BATCH)


def settle(task: Task) -> Task:
    """The label is trusted: no more answers."""
    return _next(task, status=TaskStatus.SETTLED, leases=())


def send_back(task: Task, comment: Comment) -> Task:
    """A reviewer wants one answer more, and says why. Raises TaskClosedError (not in review)."""
    if task.status is not TaskStatus.REVIEW:
        raise TaskClosedError(f"task {task.task_id} is {task.status}: only one in review can be sent back")
    comments = (*task.comments, comment)
    return _next(task, status=TaskStatus.OPEN, overlap=len(task.answered_by) + 1, comments=comments, **_NO_BATCH)


def overrule(task: Task, annotation: Annotation) -> Task:
    """The truth turned out, or a reviewer ruled: whatever others answered, or are about to, the label is settled.
    Raises TaskClosedError (cancelled)."""
    if task.status is TaskStatus.CANCELLED:
        raise TaskClosedError(f"task {task.task_id} is cancelled and takes no more answers")
    known = annotation.annotator in task.answered_by
    answered_by = task.answered_by if known else (*task.answered_by, annotation.annotator)
    return _next(task, status=TaskStatus.SETTLED, leases=(), answered_by=answered_by, final=True)


def dismiss(task: Task, annotation: Annotation) -> Task:
    """A reviewer found that no class fits: nothing is labelled, and nobody is asked any more. Raises TaskClosedError
    (not in review)."""
    if task.status is not TaskStatus.REVIEW:
        raise TaskClosedError(f"task {task.task_id} is {task.status}: that no class fits is said of one in review")
    return _next(task, status=TaskStatus.CANCELLED, leases=(), answered_by=(*task.answered_by, annotation.annotator))


def send_to_review(task: Task) -> Task:
    """The answers dispute each other: a reviewer must rule."""
    return _next(task, status=TaskStatus.REVIEW, leases=())


def _correct(task: Task, annotation: Annotation, now: datetime) -> Task:
    if annotation.annotator not in task.answered_by:
        raise LeaseError(f"you have not answered task {task.task_id}: there is nothing to correct")
    if task.status not in (TaskStatus.OPEN, TaskStatus.SETTLED):
        raise TaskClosedError(f"task {task.task_id} is {task.status}: a reviewer rules on it")
    if task.final:
        raise TaskClosedError(f"task {task.task_id} was ruled on: only a reviewer changes its label")
    return _next(task, status=TaskStatus.OPEN, leases=live_leases(task, now))


def _again(task: Task) -> Task:
    """An answer of somebody who had answered changed: what was settled on it is judged anew."""
    if task.status not in (TaskStatus.OPEN, TaskStatus.SETTLED) or task.final:
        said = "was ruled on" if task.final else f"is {task.status}"
        raise TaskClosedError(f"task {task.task_id} {said}: only a reviewer changes its label")
    return _next(task, status=TaskStatus.OPEN)


def _held(task: Task, annotator: str, token: str, now: datetime) -> Lease:
    lease = next((each for each in task.leases if each.token == token and each.annotator == annotator), None)
    if lease is None:
        raise LeaseError(f"you hold no lease on task {task.task_id}: it was given to somebody else; claim the next one")
    if lease.expires_at <= now:
        raise LeaseError(f"your lease on task {task.task_id} ran out at {lease.expires_at:%H:%M:%S}: claim again")
    return lease


def _others(task: Task, token: str, now: datetime) -> tuple[Lease, ...]:
    return tuple(each for each in live_leases(task, now) if each.token != token)


def _next(task: Task, **changes: object) -> Task:
    return msgspec.structs.replace(task, revision=task.revision + 1, **changes)
