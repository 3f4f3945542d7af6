"""Who runs a project pauses its queue, drains it, empties it, or says what comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.annotation.tasks import cancel, hasten
from trueup.errors import ConflictError, InputError, TaskClosedError
from trueup.events import Event, QueueChanged, TaskCancelled, TaskPrioritised
from trueup.model import Project, QueueStanding, QueueStatus, Task, TaskStatus
from trueup.ports import Clock, Journal, QueueStandings, TaskStore
from trueup.usecases.find_project import project_named

_ATTEMPTS = 5
_PAGE = 100


@dataclass(frozen=True)
class ManageQueue:
    """Every change says by whom and why, in the table and as an event. The same again changes nothing.

    Raises NotFoundError, InputError (no reason), ConflictError (busy), TaskClosedError.
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    standings: QueueStandings
    clock: Clock

    def state(self, project_name: str) -> QueueStanding:
        return self.standings.standing(project_named(self.projects, project_name).name)

    def set_status(self, project_name: str, status: QueueStatus, by: str, reason: str = "") -> QueueStanding:
        """To pause or drain a queue takes a reason, which annotators read."""
        project = project_named(self.projects, project_name)
        if status is not QueueStatus.ACTIVE and not reason.strip():
            raise InputError("say why: annotators read it", field="reason")
        before, now = self.standings.standing(project.name), self.clock.now()
        if (before.status, before.reason) == (status, reason):
            return before
        state = replace(before, status=status, by=by, reason=reason, at=now)
        event = QueueChanged(project=project.name, status=status.value, by=by, reason=reason)
        self.standings.set_standing(state, Journal(at=now, events=(event,)))
        return state

    def cancel_open(self, project_name: str, by: str, reason: str, limit: int = 10_000) -> int:
        """Cancel the open tasks, most urgent first, up to `limit` of them. Returns how many were; what an annotator
        answers meanwhile is refused. The index may lag behind: a page that lists nothing else ends it."""
        project = project_named(self.projects, project_name)
        if not reason.strip():
            raise InputError("say why these are cancelled", field="reason")
        done: set[str] = set()
        while len(done) < limit:
            listed = self.tasks.by_status(project.name, TaskStatus.OPEN, min(_PAGE, limit) + len(done))
            fresh = [each.task_id for each in listed if each.task_id not in done][: limit - len(done)]
            if not fresh:
                break
            for name in fresh:
                self._cancelled(project, name, by, reason)
                done.add(name)
        return len(done)

    def cancel(self, project_name: str, task_id: str, by: str, reason: str) -> Task:
        """Cancel one task that is open or in review."""
        project = project_named(self.projects, project_name)
        if not reason.strip():
            raise InputError("say why it is cancelled", field="reason")
        event = TaskCancelled(project=project.name, task_id=task_id, by=by, reason=reason)
        return self._change(project, task_id, cancel, event)

    def prioritise(self, project_name: str, task_id: str, by: str) -> Task:
        """Have an open task answered before all others."""
        project = project_named(self.projects, project_name)
        event = TaskPrioritised(project=project.name, task_id=task_id, by=by)
        changed = self._change(project, task_id, hasten, event)
        now = self.clock.now()
        standing = replace(self.standings.standing(project.name), hastened_at=now)
        self.standings.set_standing(standing, Journal(at=now))
        return changed

    def _cancelled(self, project: Project, task_id: str, by: str, reason: str) -> None:
        try:
            self.cancel(project.name, task_id, by, reason)
        except TaskClosedError:
            return

    def _change(self, project: Project, task_id: str, change: Callable[[Task], Task], event: Event) -> Task:
        for _ in range(_ATTEMPTS):
            now: datetime = self.clock.now()
            changed = change(self.tasks.get(project.name, task_id))
            try:
                self.tasks.save(changed, Journal(at=now, events=(event,)))
            except ConflictError:
                continue
            return changed
        raise ConflictError(f"task {task_id} is busy: try again")
