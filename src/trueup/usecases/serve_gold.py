"""Now and then an annotator is asked what is known already, and cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.annotation.gold import choices, drawn
from trueup.annotation.tasks import gold_task, lend_again, task_id_of
from trueup.errors import ConflictError, NotFoundError
from trueup.model import Gold, Project, Task
from trueup.ports import Clock, GoldStore, Journal, TaskStore

_TRIED = 20


@dataclass(frozen=True)
class ServeGold:
    """With the probability of the project's policy a gold task that this annotator has not answered in any form, under
    a lease of theirs; else None. Hidden: it looks like any other task. In training `always`."""

    projects: Mapping[str, Project]
    tasks: TaskStore
    gold: GoldStore
    clock: Clock

    def __call__(self, project: Project, annotator: str, *, always: bool = False) -> Task | None:
        policy, now = project.gold, self.clock.now()
        if not always and not drawn(policy.share, project.name, annotator, now.isoformat()):
            return None
        answered = self.gold.answers(project.name, annotator)
        found = choices(self.gold.items(project.name), answered, policy, annotator)
        for gold in found[:_TRIED]:
            task = self._served(project, gold, annotator)
            if task is not None:
                return task
        return None

    def _served(self, project: Project, gold: Gold, annotator: str) -> Task | None:
        if self._seen(project, gold, annotator):
            return None
        now = self.clock.now()
        task = gold_task(gold, annotator, now, project.consensus.lease_seconds)
        try:
            self.tasks.add(task, Journal(at=now))
        except ConflictError:
            return self._lent_again(project, task.task_id, annotator)
        self.gold.expose(project.name, gold.gold_id)
        return task

    def _lent_again(self, project: Project, task_id: str, annotator: str) -> Task | None:
        """One that they were given before and let lie."""
        now = self.clock.now()
        try:
            task = lend_again(self.tasks.get(project.name, task_id), annotator, now, project.consensus.lease_seconds)
            self.tasks.save(task, Journal(at=now))
        except ConflictError:
            return None
        return task

    def _seen(self, project: Project, gold: Gold, annotator: str) -> bool:
        """Whether they answered the sample as a task like any other."""
        try:
            task = self.tasks.get(project.name, task_id_of(project.name, gold.sample_id))
        except NotFoundError:
            return False
        return annotator in task.answered_by or annotator in task.skipped_by
