"""What an annotator sees of a project and of the own work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trueup.capture.samples import media_type
from trueup.errors import NotFoundError
from trueup.labels.renaming import renamed, with_todays_names
from trueup.model import AUDIT, Annotation, Prediction, Project, Record, StandingStatus, Task, TaskStatus
from trueup.ports import Clock, GoldStore, PayloadStore, StandingStore, TaskStore
from trueup.usecases.find_project import project_named

_TEXT_TYPES = frozenset({"application/json", "application/jsonlines", "application/x-jsonlines", "application/csv"})
_TEXT_LIMIT = 256 * 1024


class Progress(Record, frozen=True, kw_only=True):
    open: int
    settled: int
    review: int
    mine_today: int
    mine_total: int


class WorkItem(Record, frozen=True, kw_only=True):
    """`status` is the task's, or "corrected" when a later answer replaced this one."""

    annotation: Annotation
    status: str


class PayloadLink(Record, frozen=True, kw_only=True):
    """`text` is the payload itself where it is text of a size that a person reads: the workbench then needs no second
    request, and the payload bucket no CORS rule."""

    url: str
    content_type: str
    expires_in: int
    text: str | None = None


@dataclass(frozen=True)
class ShowWork:
    """Reading only: projects, progress, own answers, payload links. Raises NotFoundError."""

    projects: Mapping[str, Project]
    tasks: TaskStore
    payloads: PayloadStore
    clock: Clock
    presign_seconds: int
    gold: GoldStore
    people: StandingStore

    def open_tasks(self, project_name: str) -> int:
        return self.tasks.count(project_named(self.projects, project_name).name, TaskStatus.OPEN)

    def progress(self, project_name: str, annotator: str) -> Progress:
        name = project_named(self.projects, project_name).name
        today = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return Progress(
            open=self.tasks.count(name, TaskStatus.OPEN),
            settled=self.tasks.count(name, TaskStatus.SETTLED),
            review=self.tasks.count(name, TaskStatus.REVIEW),
            mine_today=self.tasks.work_count(name, annotator, today),
            mine_total=self.tasks.work_count(name, annotator),
        )

    def mine(self, project_name: str, annotator: str, limit: int = 50) -> list[WorkItem]:
        project = project_named(self.projects, project_name)
        answers = with_todays_names(self.tasks.work(project.name, annotator, limit), project.label_schema)
        corrected = {each.supersedes for each in answers if each.supersedes}
        return [
            WorkItem(annotation=each, status="corrected" if each.annotation_id in corrected else self._status(each))
            for each in answers
        ]

    def payload(self, project_name: str, task_id: str) -> PayloadLink:
        return self.link(self.tasks.get(project_named(self.projects, project_name).name, task_id))

    def link(self, task: Task) -> PayloadLink:
        return PayloadLink(
            url=self.payloads.presign(task.payload_uri, self.presign_seconds),
            content_type=task.content_type,
            expires_in=self.presign_seconds,
            text=self._text(task),
        )

    def prediction(self, task: Task) -> Prediction | None:
        """What an annotator is shown of it: nothing unless the project wishes, and never of an audit, by which the
        model is measured."""
        if task.prediction is None or not project_named(self.projects, task.project).annotation.show_prediction:
            return None
        selection = self.tasks.selection(task.project, task.sample_id)
        return None if selection is None or selection.strategy == AUDIT else task.prediction

    def known(self, project_name: str, task_id: str, annotator: str) -> str | None:
        """The label that is known of a task, for somebody in training who has answered it; else None."""
        project = project_named(self.projects, project_name)
        if project.gold.train_below is None:
            return None
        if self.people.standing(project.name, annotator).status is not StandingStatus.TRAINING:
            return None
        gold_id = self.tasks.get(project.name, task_id).gold_id
        gold = self.gold.item(project.name, gold_id) if gold_id else None
        return renamed(gold.label, project.label_schema) if gold else None

    def expires_at(self) -> str:
        return (self.clock.now() + timedelta(seconds=self.presign_seconds)).isoformat()

    def _text(self, task: Task) -> str | None:
        """None as well when the payload was deleted meanwhile: the page says so when the link fails."""
        kind = media_type(task.content_type)
        if not kind.startswith("text/") and kind not in _TEXT_TYPES:
            return None
        try:
            data = self.payloads.get(task.payload_uri).data
        except NotFoundError:
            return None
        return data.decode(errors="replace") if len(data) <= _TEXT_LIMIT else None

    def _status(self, annotation: Annotation) -> str:
        return self.tasks.get(annotation.project, annotation.task_id).status.value
