"""All answers are looked at anew: annotators' skills are fitted, and a lead's figures written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.annotation.answers import live_of_all, window, without_gold
from trueup.annotation.tasks import is_urgent
from trueup.errors import ConflictError, TaskClosedError
from trueup.model import Project, QualityReport, Task, TaskStatus
from trueup.ports import BatchStore, Clock, GoldStore, ReportStore, SkillStore, StandingStore, TaskStore
from trueup.quality.fitting import fitted_skills
from trueup.quality.methods import method_named
from trueup.quality.report import report, service_costs, with_gold
from trueup.usecases.find_project import project_named
from trueup.usecases.manage_queue import ManageQueue

# Some 30 MB of answers, read in a few seconds; older ones say little of today's annotators.
MOST_ANSWERS = 50_000
_MOST_TASKS = 1000
_MOST_HASTENED = 100
DEADLINE = "deadline"


@dataclass(frozen=True)
class ReportQuality:
    """The newest 50,000 answers of a project (2,500 of kinds whose labels are long), whose skills consensus then uses.
    The open tasks are the 1,000 most urgent, of which those past their deadline come first from then on. Calling again
    with the same answers writes the same figures. Raises NotFoundError."""

    projects: Mapping[str, Project]
    tasks: TaskStore
    skills: SkillStore
    reports: ReportStore
    gold: GoldStore
    standings: StandingStore
    batches: BatchStore
    manage: ManageQueue
    clock: Clock

    def __call__(self, project_name: str) -> QualityReport:
        project = project_named(self.projects, project_name)
        now, name = self.clock.now(), project.name
        annotations = live_of_all(
            without_gold(self.tasks.answers(name, window(project.label_schema.kind, MOST_ANSWERS)))
        )
        method = method_named(project.consensus.method)
        skills = fitted_skills(annotations, project.label_schema, method, name, now)
        self.skills.save_skills(name, skills)
        counts = {each.value: self.tasks.count(name, each) for each in TaskStatus if each is not TaskStatus.SETTLING}
        waiting = self.tasks.by_status(name, TaskStatus.OPEN, _MOST_TASKS)
        made = report(project, waiting, counts, annotations, skills, method, now)
        told = with_gold(made.annotators, self.gold.answers(name), self.standings.standings(name))
        services = service_costs(self.batches.charges(name), now)
        made = replace(made, annotators=told, services=services)
        self.reports.save_report(made)
        self._hasten(name, waiting)
        return made

    def _hasten(self, project: str, waiting: Sequence[Task]) -> None:
        """What is overdue comes first from now on."""
        now = self.clock.now()
        late = [each for each in waiting if each.due_at is not None and each.due_at < now and not is_urgent(each)]
        for each in sorted(late, key=lambda each: (each.due_at, each.task_id))[:_MOST_HASTENED]:
            try:
                self.manage.prioritise(project, each.task_id, DEADLINE)
            except (TaskClosedError, ConflictError):
                continue
