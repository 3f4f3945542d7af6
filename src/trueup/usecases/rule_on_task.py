"""A reviewer decides what people could not, or wants one answer more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from trueup.annotation.answers import live
from trueup.annotation.tasks import dismiss, overrule, send_back
from trueup.errors import ConflictError, InputError, TaskClosedError
from trueup.events import AnnotationSubmitted, ConsensusReached, Event, TaskReturned, TaskRuled
from trueup.labels.brief import brief
from trueup.labels.naming import is_none
from trueup.labels.reading import checked
from trueup.labels.renaming import with_todays_names
from trueup.lineage.edges import answered, ruled, supported
from trueup.model import (
    Annotation,
    Comment,
    Consensus,
    LabelSchema,
    Node,
    NodeKind,
    Project,
    Record,
    Ruling,
    Task,
    TaskStatus,
    content_id,
)
from trueup.ports import AnnotationQueue, Clock, Journal, LineageStore, TaskStore
from trueup.usecases.find_project import project_named

_ATTEMPTS = 5
METHOD = "review"


class Ruled(Record, frozen=True, kw_only=True):
    """`repeated` tells that it stood already and nothing was written."""

    ruling: Ruling
    repeated: bool


@dataclass(frozen=True)
class RuleOnTask:
    """A ruling is an annotation of the reviewer's, the consensus that it makes, and the record of why: written
    together. The same ruling of the same reviewer again changes nothing.

    Raises NotFoundError, LabelError (not in the schema), InputError (no reason), TaskClosedError (not in review, or
    cancelled), ConflictError after losing several races.
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    lineage: LineageStore
    queue: AnnotationQueue
    clock: Clock

    def label(self, project_name: str, task_id: str, reviewer: str, label: str, comment: str = "") -> Ruled:
        """Settle a task in review, or one that people settled otherwise: that takes a reason. That no class fits
        cancels a task in review."""
        project = project_named(self.projects, project_name)
        label = checked(label, project.label_schema)
        return self._tried(task_id, lambda: self._label(project, task_id, reviewer, label, comment))

    def give_back(self, project_name: str, task_id: str, reviewer: str, comment: str) -> Ruled:
        """Ask one annotator more, who is shown the comment."""
        project = project_named(self.projects, project_name)
        if not comment.strip():
            raise InputError("say what the next annotator should look at", field="comment")
        return self._tried(task_id, lambda: self._give_back(project, task_id, reviewer, comment))

    def _tried(self, task_id: str, rule: Callable[[], Ruled]) -> Ruled:
        for _ in range(_ATTEMPTS):
            try:
                return rule()
            except TaskClosedError:
                raise
            except ConflictError:
                continue
        raise ConflictError(f"task {task_id} is busy: rule again")

    def _label(self, project: Project, task_id: str, reviewer: str, label: str, comment: str) -> Ruled:
        task, now = self.tasks.get(project.name, task_id), self.clock.now()
        standing = self._standing(task)
        if standing is not None and (standing.reviewer, standing.label) == (reviewer, label):
            return Ruled(ruling=standing, repeated=True)
        before = self.tasks.consensus(project.name, task_id) if task.status is TaskStatus.SETTLED else None
        if before is not None and not comment.strip():
            raise InputError(
                f"task {task_id} is settled as {brief(before.label)!r}: say why it should change", field="comment"
            )
        annotation = _annotation(task, reviewer, label, project.label_schema, now)
        ruling = self._ruling(task, reviewer, label, comment, now, before)
        if is_none(label):
            edges = (answered(annotation), *ruled(ruling))
            journal = Journal(at=now, edges=edges, events=_told(ruling, annotation))
            self.tasks.save(dismiss(task, annotation), journal, annotation=annotation, ruling=ruling)
            return Ruled(ruling=ruling, repeated=False)
        answers = with_todays_names(live(self.tasks.annotations(project.name, task_id)), project.label_schema)
        consensus = _consensus(annotation, answers)
        events = (*_told(ruling, annotation), _reached(consensus))
        edges = (answered(annotation), *supported(consensus), *ruled(ruling, before, consensus))
        journal = Journal(at=now, edges=edges, events=events)
        settled = overrule(task, annotation)
        self.tasks.save(settled, journal, annotation=annotation, consensus=consensus, ruling=ruling)
        return Ruled(ruling=ruling, repeated=False)

    def _give_back(self, project: Project, task_id: str, reviewer: str, comment: str) -> Ruled:
        task, now = self.tasks.get(project.name, task_id), self.clock.now()
        standing = self._standing(task)
        if task.status is TaskStatus.OPEN and _says(standing, reviewer, None, comment):
            return Ruled(ruling=standing, repeated=True)
        ruling = self._ruling(task, reviewer, None, comment, now, None)
        event = TaskReturned(project=project.name, task_id=task_id, ruling_id=ruling.ruling_id, reviewer=reviewer)
        back = send_back(task, Comment(by=reviewer, at=now, text=comment))
        self.tasks.save(back, Journal(at=now, edges=ruled(ruling), events=(event,)), ruling=ruling)
        if project.backend == "queue":
            self.queue.send(task.lane, [task_id])
        return Ruled(ruling=ruling, repeated=False)

    def _standing(self, task: Task) -> Ruling | None:
        """The ruling by which the task is as it is."""
        rulings = self.tasks.rulings_of(task.project, task.task_id)
        if not rulings:
            return None
        last = rulings[-1]
        if last.label is None or (task.status is TaskStatus.CANCELLED and is_none(last.label)):
            return last
        consensus = self.tasks.consensus(task.project, task.task_id)
        ruled = task.status is TaskStatus.SETTLED and consensus is not None and consensus.method == METHOD
        return last if ruled else None

    def _ruling(
        self, task: Task, reviewer: str, label: str | None, comment: str, now: datetime, before: Consensus | None
    ) -> Ruling:
        return Ruling(
            project=task.project,
            ruling_id=content_id(task.task_id, reviewer, label or "", comment, str(task.revision))[:32],
            task_id=task.task_id,
            sample_id=task.sample_id,
            reviewer=reviewer,
            label=label,
            comment=comment,
            at=now,
            before=before.label if before else None,
            version_id=self._version_of(before) if before else None,
        )

    def _version_of(self, consensus: Consensus) -> str | None:
        """The first version that held it: those after it inherit."""
        node = Node(kind=NodeKind.CONSENSUS, id=consensus.consensus_id)
        edges = self.lineage.edges_from(consensus.project, node)
        versions = [each for each in edges if each.target.kind is NodeKind.VERSION]
        return min(versions, key=lambda each: each.at).target.id if versions else None


def _says(ruling: Ruling | None, reviewer: str, label: str | None, comment: str) -> TypeGuard[Ruling]:
    return ruling is not None and (ruling.reviewer, ruling.label, ruling.comment) == (reviewer, label, comment)


def _annotation(task: Task, reviewer: str, label: str, schema: LabelSchema, now: datetime) -> Annotation:
    return Annotation(
        project=task.project,
        annotation_id=content_id(task.task_id, reviewer, METHOD, label, str(task.revision))[:32],
        task_id=task.task_id,
        sample_id=task.sample_id,
        annotator=reviewer,
        label=label,
        submitted_at=now,
        backend=METHOD,
        slice=task.slice,
        schema_version=schema.version,
    )


def _told(ruling: Ruling, annotation: Annotation) -> tuple[Event, ...]:
    ruled = TaskRuled(
        project=ruling.project,
        task_id=ruling.task_id,
        ruling_id=ruling.ruling_id,
        reviewer=ruling.reviewer,
        label=brief(annotation.label),
        before=brief(ruling.before) if ruling.before is not None else None,
    )
    submitted = AnnotationSubmitted(
        project=ruling.project,
        task_id=ruling.task_id,
        annotation_id=annotation.annotation_id,
        annotator=ruling.reviewer,
    )
    return ruled, submitted


def _consensus(annotation: Annotation, answers: Sequence[Annotation]) -> Consensus:
    """A ruling is sure; how many people had given the same label is told."""
    same = sum(each.label == annotation.label for each in answers)
    return Consensus(
        project=annotation.project,
        consensus_id=content_id(annotation.task_id, METHOD, annotation.label, annotation.annotation_id)[:32],
        task_id=annotation.task_id,
        sample_id=annotation.sample_id,
        label=annotation.label,
        posterior=1.0,
        agreement=round(same / len(answers), 6) if answers else 1.0,
        method=METHOD,
        annotation_ids=(annotation.annotation_id,),
        reached_at=annotation.submitted_at,
        annotators=(annotation.annotator,),
    )


def _reached(consensus: Consensus) -> ConsensusReached:
    return ConsensusReached(
        project=consensus.project,
        task_id=consensus.task_id,
        sample_id=consensus.sample_id,
        consensus_id=consensus.consensus_id,
        label=brief(consensus.label),
        posterior=consensus.posterior,
    )
