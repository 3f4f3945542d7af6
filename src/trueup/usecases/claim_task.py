"""An annotator takes the next task."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from trueup.annotation.queues import open_to
from trueup.annotation.tasks import can_claim, grant, is_urgent, lease_token
from trueup.errors import ConflictError, NotFoundError, SuspendedError
from trueup.model import Lease, Project, QueueStanding, QueueStatus, Record, StandingStatus, Task, TaskStatus, lane_of
from trueup.ports import AnnotationQueue, Clock, Journal, QueueStandings, Slot, StandingStore, TaskStore
from trueup.usecases.find_project import project_named
from trueup.usecases.serve_gold import ServeGold

_RECEIVE_ROUNDS = 3
_BATCH = 5
# The open tasks that are looked through when the queue has nothing: the first do for most, who answered all of those
# looks further.
_SWEEPS = (50, 1000)
_URGENT_SWEEP = 10
# Until the index shows what was written, at the latest.
_INDEX_LAG = timedelta(minutes=1)
_PUT_BACK_DELAY = 2


class ClaimedTask(Record, frozen=True, kw_only=True):
    task: Task
    lease: Lease


@dataclass(frozen=True)
class ClaimTask:
    """Grant a lease on a task that this annotator has not answered and that has a free slot, or None.

    The queue hands out invitations; the task store decides. When the queue has nothing for this annotator
    (messages are lost, held by others, or for tasks already answered by them) the open tasks themselves are
    asked, so that a lost message never orphans a task. Of a paused queue nobody gets one. Raises NotFoundError for
    an unknown project, SuspendedError for an annotator who gets none.
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock
    standings: QueueStandings
    gold: ServeGold
    people: StandingStore

    def __call__(self, project_name: str, annotator: str, groups: Collection[str] = ()) -> ClaimedTask | None:
        """`groups` are the annotator's: some queues are for some of them."""
        project = project_named(self.projects, project_name)
        names = open_to(project, groups)
        queue = self.standings.standing(project.name)
        if queue.status is QueueStatus.PAUSED:
            return None
        stands = self.people.standing(project.name, annotator)
        if stands.status is StandingStatus.SUSPENDED:
            raise SuspendedError(f"you get no tasks of this project for now: {stands.reason}. Ask whoever leads it")
        if stands.status is StandingStatus.TRAINING:
            return self._training(project, annotator)
        return (
            self._gold(project, annotator)
            or self._urgent(project, annotator, queue, names)
            or self._from_queues(project, annotator, names)
            or self._from_store(project, annotator, names)
        )

    def _gold(self, project: Project, annotator: str) -> ClaimedTask | None:
        task = self.gold(project, annotator)
        return ClaimedTask(task=task, lease=task.leases[0]) if task else None

    def _training(self, project: Project, annotator: str) -> ClaimedTask:
        task = self.gold(project, annotator, always=True)
        if task is None:
            raise SuspendedError("there is nothing left to train with: ask whoever leads the project")
        return ClaimedTask(task=task, lease=task.leases[0])

    def _urgent(
        self, project: Project, annotator: str, queue: QueueStanding, names: Sequence[str]
    ) -> ClaimedTask | None:
        """What was said to come first: the queue's messages come in no order. Where nothing is, the index is not
        asked."""
        if queue.hastened_at is None:
            return None
        now = self.clock.now()
        listed = self.tasks.by_status(project.name, TaskStatus.OPEN, _URGENT_SWEEP)
        if now - queue.hastened_at > _INDEX_LAG and not any(map(is_urgent, listed)):
            self.standings.set_standing(replace(queue, hastened_at=None), Journal(at=now))
        theirs = [each for each in listed if is_urgent(each) and each.queue in names]
        return self._first_of_listed(project, annotator, theirs)

    def _from_queues(self, project: Project, annotator: str, names: Sequence[str]) -> ClaimedTask | None:
        for name in names:
            claimed = self._from_queue(project, annotator, lane_of(project.name, name))
            if claimed is not None:
                return claimed
        return None

    def _from_queue(self, project: Project, annotator: str, lane: str) -> ClaimedTask | None:
        for _ in range(_RECEIVE_ROUNDS):
            slots = self.queue.receive(lane, _BATCH, project.consensus.lease_seconds)
            if not slots:
                return None
            claimed = self._first_of(project, annotator, lane, slots)
            if claimed is not None:
                return claimed
        return None

    def _first_of(self, project: Project, annotator: str, lane: str, slots: list[Slot]) -> ClaimedTask | None:
        """Try slots in turn; those after the first success go straight back for others."""
        claimed: ClaimedTask | None = None
        for slot in slots:
            if claimed is None:
                claimed = self._try_slot(project, annotator, lane, slot)
            else:
                self.queue.give_back(lane, slot)
        return claimed

    def _try_slot(self, project: Project, annotator: str, lane: str, slot: Slot) -> ClaimedTask | None:
        task = self._find(project, slot.task_id)
        if task is None or task.status is not TaskStatus.OPEN or task.backend != "queue":
            self.queue.done(lane, slot.receipt)
            return None
        claimed = self._try_grant(project, annotator, task, slot.receipt)
        if claimed is None:
            self.queue.give_back(lane, slot, _PUT_BACK_DELAY)
        return claimed

    def _from_store(self, project: Project, annotator: str, names: Sequence[str]) -> ClaimedTask | None:
        seen = 0
        for sweep in _SWEEPS:
            most = sweep * (1 + len(project.annotation.queues))
            listed = self.tasks.by_status(project.name, TaskStatus.OPEN, most)
            theirs = [each for each in listed[seen:] if each.queue in names]
            claimed = self._first_of_listed(project, annotator, theirs)
            if claimed is not None or len(listed) < most:
                return claimed
            seen = len(listed)
        return None

    def _first_of_listed(self, project: Project, annotator: str, listed: Sequence[Task]) -> ClaimedTask | None:
        for task in self._fresh(project, annotator, listed):
            claimed = self._try_grant(project, annotator, task, receipt="")
            if claimed is not None:
                return claimed
        return None

    def _fresh(self, project: Project, annotator: str, listed: Sequence[Task]) -> Iterator[Task]:
        """Those that may be claimed, as they are now: the index may lag behind the truth."""
        for each in listed:
            if can_claim(each, annotator, self.clock.now()) is not None:
                continue
            task = self._find(project, each.task_id)
            if task is not None and task.status is TaskStatus.OPEN:
                yield task

    def _find(self, project: Project, task_id: str) -> Task | None:
        try:
            return self.tasks.get(project.name, task_id)
        except NotFoundError:
            return None

    def _try_grant(self, project: Project, annotator: str, task: Task, receipt: str) -> ClaimedTask | None:
        now = self.clock.now()
        if can_claim(task, annotator, now) is not None:
            return None
        token = lease_token(task.task_id, annotator, task.revision)
        granted = grant(task, annotator, token, receipt, now, project.consensus.lease_seconds)
        try:
            self.tasks.save(granted, Journal(at=now))
        except ConflictError:
            return None
        return ClaimedTask(task=granted, lease=next(each for each in granted.leases if each.token == token))
