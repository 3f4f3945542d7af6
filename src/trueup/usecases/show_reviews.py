"""What a reviewer sees: what waits for a ruling, all that is known of one task, and what was ruled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trueup.annotation.answers import live
from trueup.labels.renaming import with_todays_names
from trueup.model import Annotation, Consensus, Project, Record, Ruling, Selection, Task, TaskStatus
from trueup.ports import TaskStore
from trueup.usecases.find_project import project_named

_WAITING = 100
_RULINGS = 100


class ReviewedTask(Record, frozen=True, kw_only=True):
    """`annotations` are the live ones, oldest first, under the names that classes have today."""

    task: Task
    selection: Selection | None
    annotations: Sequence[Annotation]
    consensus: Consensus | None
    rulings: Sequence[Ruling]


@dataclass(frozen=True)
class ShowReviews:
    """Reading only. Raises NotFoundError."""

    projects: Mapping[str, Project]
    tasks: TaskStore

    def waiting(self, project_name: str, limit: int = _WAITING) -> list[Task]:
        """Tasks in review, most urgent first."""
        name = project_named(self.projects, project_name).name
        return self.tasks.by_status(name, TaskStatus.REVIEW, limit)

    def task(self, project_name: str, task_id: str) -> ReviewedTask:
        project = project_named(self.projects, project_name)
        name, task = project.name, self.tasks.get(project.name, task_id)
        return ReviewedTask(
            task=task,
            selection=self.tasks.selection(name, task.sample_id),
            annotations=with_todays_names(live(self.tasks.annotations(name, task_id)), project.label_schema),
            consensus=self.tasks.consensus(name, task_id),
            rulings=self.tasks.rulings_of(name, task_id),
        )

    def rulings(self, project_name: str, limit: int = _RULINGS) -> list[Ruling]:
        """Newest first: who changed what, from what, and why."""
        return self.tasks.rulings(project_named(self.projects, project_name).name, limit)
