"""A feedback whose capture was found: people are asked, or the label is settled, or nothing is to be done.

A user's correction that contradicts the model is a reason to ask people, who are not told of it: users are wrong too,
and some on purpose. The real outcome is the label. Outcomes that agree with the model become labels with the
probability of the policy's audit share, which is their propensity, so that the dataset can be reweighted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.annotation.tasks import overrule, task_id_of
from trueup.errors import ConflictError, InputError, TaskClosedError
from trueup.events import AnnotationSubmitted, ConsensusReached, FeedbackJoined, TasksOpened
from trueup.labels.brief import brief
from trueup.labels.renaming import renamed
from trueup.lineage.edges import answered, reported, supported
from trueup.model import (
    Annotation,
    Capture,
    CaptureFile,
    Consensus,
    Feedback,
    FeedbackState,
    FeedbackStatus,
    LabelSchema,
    Project,
    Task,
    TaskStatus,
    content_id,
)
from trueup.ports import (
    AnnotationQueue,
    CaptureLedger,
    Clock,
    FeedbackStore,
    Journal,
    PayloadStore,
    RunStore,
    TaskStore,
)
from trueup.selection.choose import Choice
from trueup.selection.contradiction import contradiction
from trueup.usecases.openings import ServedBy, invite, opening_of
from trueup.usecases.read_captures import Instance, instances_of

_ATTEMPTS = 5
_REASONS = {
    "override": "a user's correction contradicts the model",
    "truth": "the real outcome contradicts the model",
}
_AGREES = "the real outcome, drawn of those that agree with the model"
_UNPAID = "people are to be asked, and the budget is used up"


@dataclass(frozen=True)
class AnswerFeedback:
    """Returns how the feedback stands then, as it was stored. Again with the same changes nothing.

    Raises ConflictError when a task stays busy, RetryableError.
    """

    feedback: FeedbackStore
    payloads: PayloadStore
    tasks: TaskStore
    ledger: CaptureLedger
    queue: AnnotationQueue
    clock: Clock
    runs: RunStore

    def __call__(self, project: Project, state: FeedbackState, file: CaptureFile, capture: Capture) -> FeedbackState:
        now = self.clock.now()
        feedback = replace(state.feedback, label=renamed(state.feedback.label, project.label_schema))
        state = replace(state, feedback=feedback)
        found = replace(state, capture_uri=file.uri, at=now, reason="")
        try:
            instance = _instance(project, state.feedback, capture)
        except InputError as error:
            return self._save(replace(found, status=FeedbackStatus.REFUSED, reason=str(error)), now)
        found = replace(found, sample_id=instance.sample_id)
        outcome = self._outcome(project, state.feedback, file, instance, now)
        if outcome is None:
            return self._save(replace(found, reason=_UNPAID), now)
        task_id = None if outcome == "agreed" else task_id_of(project.name, instance.sample_id)
        joined = replace(found, status=FeedbackStatus.JOINED, outcome=outcome, task_id=task_id)
        return self._save(joined, now, instance.prediction.label)

    def _save(self, state: FeedbackState, now: datetime, predicted: str = "") -> FeedbackState:
        self.feedback.save(state, _journal(state, predicted, now))
        return state

    def _outcome(
        self, project: Project, feedback: Feedback, file: CaptureFile, instance: Instance, now: datetime
    ) -> str | None:
        known = bool(self.tasks.known_samples(project.name, [instance.sample_id]))
        if feedback.kind == "truth" and project.feedback.truth == "label":
            return self._label(project, feedback, file, instance, now, known)
        doubt = contradiction(instance.prediction, feedback.label)
        if not doubt:
            return "agreed"
        if known and not self._ours(project, feedback, instance):
            return "known"
        return self._ask(project, feedback, file, instance, doubt, now)

    def _ours(self, project: Project, feedback: Feedback, instance: Instance) -> bool:
        """Whether a run that did not reach its end opened the task for this feedback."""
        before = self.tasks.selection(project.name, instance.sample_id)
        return before is not None and (before.strategy, before.event_id) == (feedback.kind, instance.capture.event_id)

    def _ask(
        self,
        project: Project,
        feedback: Feedback,
        file: CaptureFile,
        instance: Instance,
        doubt: float,
        now: datetime,
    ) -> str | None:
        """None while the budget has nothing left, which another hour may."""
        purchase = f"{feedback.feedback_id}:{now:%Y-%m-%dT%H}"
        wanted = {str(feedback.kind): 1}
        reservation = self.ledger.reserve(project.name, purchase, now, wanted, project.selection.budget)
        if not reservation.granted.get(feedback.kind):
            return None
        choice = _choice(instance, feedback, doubt, 1.0, _REASONS[feedback.kind])
        opening = opening_of(project, self.payloads, file, instance, choice, now, ServedBy(self.runs, now))
        task_ids = self.tasks.open([opening], Journal(at=now, events=(_opened(opening.task, file),)))
        invite(project, self.queue, [opening.task] if task_ids else [])
        return "asked" if task_ids else "known"

    def _label(
        self,
        project: Project,
        feedback: Feedback,
        file: CaptureFile,
        instance: Instance,
        now: datetime,
        known: bool,
    ) -> str:
        if not known:
            doubt = contradiction(instance.prediction, feedback.label)
            chance = 1.0 if doubt else project.selection.audit_share
            if not doubt and _draw(project, feedback) >= chance:
                return "agreed"
            choice = _choice(instance, feedback, doubt, chance, _REASONS["truth"] if doubt else _AGREES)
            opening = opening_of(project, self.payloads, file, instance, choice, now, ServedBy(self.runs, now))
            self.tasks.open([opening], Journal(at=now))
        return self._settle(project, feedback, instance, now)

    def _settle(self, project: Project, feedback: Feedback, instance: Instance, now: datetime) -> str:
        task_id = task_id_of(project.name, instance.sample_id)
        for _ in range(_ATTEMPTS):
            task = self.tasks.get(project.name, task_id)
            if task.status is TaskStatus.SETTLED and self._settled_as(project, task) == feedback.label:
                return "known"
            try:
                self._overrule(project, task, feedback, now)
            except TaskClosedError:
                return "known"
            except ConflictError:
                continue
            return "labelled"
        raise ConflictError(f"task {task_id} is busy")

    def _settled_as(self, project: Project, task: Task) -> str | None:
        consensus = self.tasks.consensus(task.project, task.task_id)
        return renamed(consensus.label, project.label_schema) if consensus else None

    def _overrule(self, project: Project, task: Task, feedback: Feedback, now: datetime) -> None:
        annotation = _annotation(task, feedback, project.label_schema, now)
        consensus = _consensus(annotation)
        submitted = AnnotationSubmitted(
            project=task.project,
            task_id=task.task_id,
            annotation_id=annotation.annotation_id,
            annotator=annotation.annotator,
        )
        reached = ConsensusReached(
            project=task.project,
            task_id=task.task_id,
            sample_id=task.sample_id,
            consensus_id=consensus.consensus_id,
            label=brief(consensus.label),
            posterior=consensus.posterior,
        )
        journal = Journal(at=now, edges=(answered(annotation), *supported(consensus)), events=(submitted, reached))
        self.tasks.save(overrule(task, annotation), journal, annotation=annotation, consensus=consensus)


def _instance(project: Project, feedback: Feedback, capture: Capture) -> Instance:
    """Raises InputError: the capture cannot be read, or has no such record."""
    found, _ = instances_of(capture, project.said_classes, project.selection.reader)
    if feedback.index >= len(found):
        raise InputError(
            f"index is {feedback.index}, and the request had {len(found)} records, which count from 0", field="index"
        )
    return found[feedback.index]


def _choice(instance: Instance, feedback: Feedback, doubt: float, chance: float, reason: str) -> Choice[None]:
    return Choice(
        thing=None,
        position=instance.index,
        strategy=feedback.kind,
        score=doubt,
        threshold=0.0,
        propensity=chance,
        reason=reason,
    )


def _draw(project: Project, feedback: Feedback) -> float:
    """Uniform in [0, 1), the same again for the same feedback."""
    digest = content_id(str(project.selection.seed), feedback.feedback_id)
    return int(digest[:13], 16) / 16**13


def _annotation(task: Task, feedback: Feedback, schema: LabelSchema, now: datetime) -> Annotation:
    who = f"truth:{feedback.by}" if feedback.by else "truth"
    return Annotation(
        project=task.project,
        annotation_id=content_id(task.task_id, who, feedback.feedback_id, str(task.revision))[:32],
        task_id=task.task_id,
        sample_id=task.sample_id,
        annotator=who,
        label=feedback.label,
        submitted_at=now,
        backend="feedback",
        slice=task.slice,
        schema_version=schema.version,
    )


def _consensus(annotation: Annotation) -> Consensus:
    return Consensus(
        project=annotation.project,
        consensus_id=content_id(annotation.task_id, "truth", annotation.label, annotation.annotation_id)[:32],
        task_id=annotation.task_id,
        sample_id=annotation.sample_id,
        label=annotation.label,
        posterior=1.0,
        agreement=1.0,
        method="truth",
        annotation_ids=(annotation.annotation_id,),
        reached_at=annotation.submitted_at,
        annotators=(annotation.annotator,),
    )


def _opened(task: Task, file: CaptureFile) -> TasksOpened:
    return TasksOpened(project=task.project, task_ids=(task.task_id,), file_id=file.file_id)


def _journal(state: FeedbackState, predicted: str, now: datetime) -> Journal:
    feedback = state.feedback
    if state.status is not FeedbackStatus.JOINED or state.sample_id is None:
        return Journal(at=now)
    event = FeedbackJoined(
        project=feedback.project,
        feedback_id=feedback.feedback_id,
        kind=feedback.kind,
        label=brief(feedback.label),
        predicted=predicted,
        sample_id=state.sample_id,
        outcome=state.outcome,
    )
    edges = (reported(feedback, state.task_id, now),) if state.task_id else ()
    return Journal(at=now, edges=edges, events=(event,))
