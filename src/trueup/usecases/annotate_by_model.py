"""A language model takes tasks and answers them, as an annotator among others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trueup.errors import InputError, NotFoundError, TaskClosedError
from trueup.model import LabelClass, LabelSchema, ModelAnnotator, Project, Record
from trueup.ports import Clock, LabelingModels, ModelAnswer, PayloadStore, Question, TaskStore
from trueup.usecases.claim_task import ClaimedTask, ClaimTask
from trueup.usecases.edit_guidelines import EditGuidelines
from trueup.usecases.find_project import project_named
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import Submission, SubmitAnnotation


class ModelReport(Record, frozen=True, kw_only=True):
    """What a model did with the tasks that it took, and the tokens of its answers."""

    answered: int = 0
    skipped: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


_PREFERENCES = (
    LabelClass(name="first", description="of the two answers to the prompt the first is better"),
    LabelClass(name="second", description="of the two answers to the prompt the second is better"),
    LabelClass(name="tie", description="neither of the two answers is better than the other"),
)


@dataclass(frozen=True)
class AnnotateByModel:
    """Answers tasks until there is none, the day's number is reached, or `seconds` are over.

    What the model cannot read, or answers with none of the classes, it skips with the reason. Raises NotFoundError
    (no such project or annotator), PermissionDeniedError and RetryableError (a lease that it holds then runs out by
    itself)."""

    projects: Mapping[str, Project]
    claim: ClaimTask
    submit: SubmitAnnotation
    skip: SkipTask
    tasks: TaskStore
    payloads: PayloadStore
    models: LabelingModels
    guidelines: EditGuidelines
    clock: Clock

    def __call__(self, project_name: str, name: str, seconds: float) -> ModelReport:
        project = project_named(self.projects, project_name)
        model = _annotator(project, name)
        start = self.clock.now()
        end = start + timedelta(seconds=seconds)
        today = start.replace(hour=0, minute=0, second=0, microsecond=0)
        left = model.per_day - self.tasks.work_count(project.name, model.annotator, today)
        report = ModelReport()
        while report.answered < left and self.clock.now() < end:
            claimed = self.claim(project.name, model.annotator)
            if claimed is None:
                break
            report = self._taken(project, model, claimed, report)
        return report

    def _taken(self, project: Project, model: ModelAnnotator, claimed: ClaimedTask, report: ModelReport) -> ModelReport:
        start = self.clock.now()
        try:
            answer = self._ask(project, model, claimed)
        except InputError as error:
            self.skip(project.name, claimed.task.task_id, model.annotator, claimed.lease.token, str(error))
            return _sum(report, ModelReport(skipped=1))
        submission = Submission(
            project=project.name,
            task_id=claimed.task.task_id,
            annotator=model.annotator,
            label=_label_of(project.label_schema, answer.label),
            lease_token=claimed.lease.token,
            seconds_spent=(self.clock.now() - start).total_seconds(),
        )
        used = ModelReport(input_tokens=answer.input_tokens, output_tokens=answer.output_tokens)
        try:
            self.submit(submission)
        except TaskClosedError:
            return _sum(report, used)
        return _sum(report, used, ModelReport(answered=1))

    def _ask(self, project: Project, model: ModelAnnotator, claimed: ClaimedTask) -> ModelAnswer:
        schema = project.label_schema
        question = Question(
            payload=self.payloads.get(claimed.task.payload_uri),
            classes=_PREFERENCES if schema.kind == "preference" else schema.classes,
            guidelines=self.guidelines.newest(project.name).text,
            instructions=model.instructions,
        )
        return self.models.answer(model.model_id, question)


def _label_of(schema: LabelSchema, name: str) -> str:
    return f'{{"preferred":"{name}"}}' if schema.kind == "preference" else name


def _annotator(project: Project, name: str) -> ModelAnnotator:
    found = next((each for each in project.annotation.models if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in project.annotation.models) or "none"
        raise NotFoundError(f"project {project.name} has no model {name!r} among its annotators; there are: {known}")
    return found


def _sum(*reports: ModelReport) -> ModelReport:
    return ModelReport(
        answered=sum(each.answered for each in reports),
        skipped=sum(each.skipped for each in reports),
        input_tokens=sum(each.input_tokens for each in reports),
        output_tokens=sum(each.output_tokens for each in reports),
    )
