"""An annotator answers, or corrects an answer. Every backend's answers come in through here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.annotation.tasks import answer
from trueup.errors import ConflictError, LeaseError, NotFoundError
from trueup.events import AnnotationSubmitted
from trueup.labels.reading import checked
from trueup.lineage.edges import answered
from trueup.model import Annotation, Project, Record, Task, content_id
from trueup.ports import AnnotationQueue, Clock, Journal, TaskStore
from trueup.usecases.find_project import project_named

_ATTEMPTS = 5


class Submission(Record, frozen=True, kw_only=True):
    """What an annotator sends: an answer under a lease, or (with `supersedes`) a correction of an own answer. `comment`
    is for whoever reviews; `flagged` asks for a reviewer."""

    project: str
    task_id: str
    annotator: str
    label: str
    lease_token: str | None = None
    supersedes: str | None = None
    seconds_spent: float = 0.0
    comment: str = ""
    flagged: bool = False


class Submitted(Record, frozen=True, kw_only=True):
    """`repeated` tells that the same answer was there already and nothing was written."""

    annotation: Annotation
    repeated: bool


@dataclass(frozen=True)
class SubmitAnnotation:
    """Write an annotation once. The same lease and label again is the same annotation.

    Raises LabelError (not what the schema asks for), LeaseError, TaskClosedError, NotFoundError.
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock

    def __call__(self, submission: Submission) -> Submitted:
        project = project_named(self.projects, submission.project)
        submission = replace(submission, label=checked(submission.label, project.label_schema))
        for _ in range(_ATTEMPTS):
            try:
                return self._submit(project, submission)
            except _LostRaceError:
                continue
        raise ConflictError(f"task {submission.task_id} is busy: send the answer again")

    def _submit(self, project: Project, submission: Submission) -> Submitted:
        task = self.tasks.get(project.name, submission.task_id)
        annotation = self._annotation(project, task, submission)
        before = self.tasks.annotation(project.name, task.task_id, annotation.annotation_id)
        if before is not None:
            return Submitted(annotation=before, repeated=True)
        self._check_ownership(project, submission)
        receipt = _receipt_of(task, submission.lease_token)
        updated = answer(task, annotation, submission.lease_token, annotation.submitted_at)
        self._save(updated, annotation)
        if receipt:
            self.queue.done(task.lane, receipt)
        return Submitted(annotation=annotation, repeated=False)

    def _save(self, task: Task, annotation: Annotation) -> None:
        event = AnnotationSubmitted(
            project=task.project,
            task_id=task.task_id,
            annotation_id=annotation.annotation_id,
            annotator=annotation.annotator,
        )
        journal = Journal(at=annotation.submitted_at, edges=(answered(annotation),), events=(event,))
        try:
            self.tasks.save(task, journal, annotation=annotation)
        except ConflictError as error:
            raise _LostRaceError from error

    def _annotation(self, project: Project, task: Task, submission: Submission) -> Annotation:
        why = submission.supersedes or submission.lease_token
        if not why:
            raise LeaseError("an answer needs the lease_token of the claim, or supersedes for a correction")
        return Annotation(
            project=task.project,
            annotation_id=content_id(task.task_id, submission.annotator, why, submission.label)[:32],
            task_id=task.task_id,
            sample_id=task.sample_id,
            annotator=submission.annotator,
            label=submission.label,
            submitted_at=self.clock.now(),
            seconds_spent=submission.seconds_spent,
            supersedes=submission.supersedes,
            backend=task.backend,
            comment=submission.comment,
            flagged=submission.flagged,
            slice=task.slice,
            schema_version=project.label_schema.version,
        )

    def _check_ownership(self, project: Project, submission: Submission) -> None:
        if submission.supersedes is None:
            return
        old = self.tasks.annotation(project.name, submission.task_id, submission.supersedes)
        if old is None or old.annotator != submission.annotator:
            raise NotFoundError(f"you have no annotation {submission.supersedes} on task {submission.task_id}")


class _LostRaceError(Exception):
    """The task changed between reading and writing."""


def _receipt_of(task: Task, token: str | None) -> str:
    return next((each.receipt for each in task.leases if each.token == token), "")
