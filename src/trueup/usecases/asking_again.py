"""People are asked about a sample once more, since classes changed: by a task of its own for each label schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.annotation.tasks import free_slots, task_of_schema
from trueup.errors import ConflictError, NotFoundError
from trueup.lineage.edges import asked_again
from trueup.model import LabelledSample, Project, Record, Sample, Selection, Task, TaskStatus
from trueup.ports import AnnotationQueue, Clock, Journal, PayloadStore, TaskStore


class Wish(Record, frozen=True, kw_only=True):
    """Ask about a sample, and tell annotators why."""

    sample: Sample
    why: str


@dataclass(frozen=True)
class AskAgain:
    """Open the tasks that are wished for. What was opened before for the same label schema is left alone, but its
    invitations are sent again while it waits, so that a call that was interrupted is finished by the next one."""

    tasks: TaskStore
    queue: AnnotationQueue
    payloads: PayloadStore
    clock: Clock

    def __call__(self, project: Project, wishes: Sequence[Wish]) -> int:
        """How many tasks were opened now."""
        now, opened = self.clock.now(), 0
        lanes: dict[str, list[str]] = defaultdict(list)
        for each in wishes:
            task, fresh = self._open(project, each, now)
            opened += fresh
            if task.status is TaskStatus.OPEN and task.backend == "queue":
                lanes[task.lane] += [task.task_id] * max(0, free_slots(task, now))
        for lane, task_ids in lanes.items():
            self.queue.send(lane, task_ids)
        return opened

    def sample_of(self, project: Project, line: LabelledSample, at: datetime) -> Sample:
        """What is known of a line's sample; of an imported one nobody knew more than the line says."""
        try:
            return self.tasks.sample(project.name, line.sample_id)
        except NotFoundError:
            return Sample(
                project=project.name,
                sample_id=line.sample_id,
                content_type=line.content_type,
                size=len(self.payloads.get(line.payload_uri).data),
                payload_uri=line.payload_uri,
                group=line.group,
                first_seen=line.captured_at or line.labelled_at or at,
                slice=line.slice,
                fingerprint=line.fingerprint,
            )

    def _open(self, project: Project, wish: Wish, at: datetime) -> tuple[Task, bool]:
        selection: Selection | None = self.tasks.selection(project.name, wish.sample.sample_id)
        task = task_of_schema(wish.sample, selection, wish.why, at, project)
        try:
            self.tasks.add(task, Journal(at=at, edges=(asked_again(task),)), sample=wish.sample)
        except ConflictError:
            return self.tasks.get(project.name, task.task_id), False
        return task, True
